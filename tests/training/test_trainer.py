"""Our trainer against TRL's own, against another split of the batch, and against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from datasets import Dataset
from trl import DPOTrainer

from benchmark.training.batch import PairCollator, ReferenceLogps
from benchmark.training.forward import forward_pairs, squared_input_gradients
from benchmark.training.settings import TrainingSettings, checkpoint_steps
from benchmark.training.trainer import trainer_config
from methods.dpo import DPO
from methods.kldpo import KLDPO
from methods.sft import SFT
from methods.wdpo import WDPO

from .drive import assert_same_gradients, make_trainer, step_gradients

FLOAT32 = {"rtol": 1e-5, "atol": 1e-4}  # of log-probabilities that are summed in another order, nats
METHODS = [DPO(beta=0.3), SFT(), KLDPO(beta=0.3, tau=0.2), WDPO(beta=0.3, rho=0.5)]


def test_dpo_equals_trls_own(make_policy, tokenizer, pairs, reference, tmp_path):
    ours = make_trainer(DPO(beta=0.3), make_policy(), tokenizer, pairs, reference, tmp_path)

    class Stock(DPOTrainer):
        def _prepare_dataset(self, dataset, *args, **kwargs):
            return dataset

        def _precompute_ref_logps(self, dataset, *args, **kwargs):
            return dataset

    rows = Dataset.from_dict(
        {"prompt_ids": pairs.prompts, "chosen_ids": pairs.chosen, "rejected_ids": pairs.rejected,
         "ref_chosen_logps": reference.chosen, "ref_rejected_logps": reference.rejected}
    )  # fmt: skip
    config = trainer_config(TrainingSettings(epochs=1, batch_size=64, warmup_steps=0), 64, 0, tmp_path)
    config.precompute_ref_log_probs, config.beta = True, 0.3
    stock = Stock(make_policy(), args=config, train_dataset=rows, processing_class=tokenizer)
    mine, theirs = step_gradients(ours), step_gradients(stock)
    assert_same_gradients(mine, theirs)
    assert float(ours.history[0]["objective"]) == pytest.approx(stock.state.log_history[-1]["train_loss"], rel=1e-5)


@pytest.mark.parametrize("micro", [16, 1], ids=["4x16", "64x1"])
@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_splitting_the_batch_changes_nothing(method, micro, make_policy, tokenizer, pairs, reference, tmp_path):
    attention = "eager" if method.penalises_inputs() else "sdpa"

    def gradients(size):
        trainer = make_trainer(method, make_policy(attention), tokenizer, pairs, reference, tmp_path, size)
        return step_gradients(trainer)

    assert_same_gradients(gradients(None), gradients(micro))


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_the_step_follows_the_stated_objective(method, make_policy, tokenizer, pairs, reference, tmp_path):
    """sum_i w_i l_i + penalty, written down once more and differentiated by autograd over the whole batch."""
    trainer = make_trainer(method, make_policy("eager"), tokenizer, pairs, reference, tmp_path)
    model = make_policy("eager")
    batch = trainer.data_collator([{"pair": i} for i in range(64)])
    forward = forward_pairs(model, batch, model.get_input_embeddings())
    losses = method.pair_losses(forward.batch)
    objective = (method.pair_weights(losses, forward.batch) * losses).sum()
    if method.penalises_inputs():
        (slope,) = torch.autograd.grad(losses.sum(), forward.embeddings, create_graph=True)
        norms = torch.stack([slope[i].pow(2).sum() + slope[i + 64].pow(2).sum() for i in range(64)])
        objective = objective + method.input_penalty(norms)
    objective.backward()
    expected = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    assert_same_gradients(step_gradients(trainer), expected)
    assert float(trainer.history[0]["objective"]) == pytest.approx(float(objective.detach()), rel=1e-5)


def test_wdpo_of_radius_zero_takes_dpos_step(make_policy, tokenizer, pairs, reference, tmp_path):
    a = make_trainer(DPO(beta=0.3), make_policy("eager"), tokenizer, pairs, reference, tmp_path)
    b = make_trainer(WDPO(beta=0.3, rho=0.0), make_policy("eager"), tokenizer, pairs, reference, tmp_path)
    assert_same_gradients(step_gradients(a), step_gradients(b))


def test_log_probabilities_do_not_depend_on_padding_or_on_the_batch(make_policy, pairs, reference):
    model = make_policy().eval()
    collator = PairCollator(pairs, reference, 0)
    together = forward_pairs(model, collator([{"pair": i} for i in range(64)])).batch
    alone = [forward_pairs(model, collator([{"pair": i}])).batch for i in range(64)]
    torch.testing.assert_close(together.chosen_logps, torch.cat([b.chosen_logps for b in alone]), **FLOAT32)
    torch.testing.assert_close(together.rejected_logps, torch.cat([b.rejected_logps for b in alone]), **FLOAT32)
    assert together.chosen_lengths.tolist() == [len(completion) for completion in pairs.chosen]


def test_log_probabilities_of_a_large_vocabulary_take_trls_fused_head(
    make_policy, tokenizer, pairs, reference, tmp_path, monkeypatch
):
    trainer = make_trainer(DPO(), make_policy(), tokenizer, pairs, reference, tmp_path)
    batch = trainer.data_collator([{"pair": i} for i in range(64)])  # TRL has added its head to the model
    plain = forward_pairs(trainer.model, batch).batch
    monkeypatch.setattr("benchmark.training.forward.FUSED_HEAD_VOCABULARY", 1)
    fused = forward_pairs(trainer.model, batch).batch
    torch.testing.assert_close(plain.chosen_logps, fused.chosen_logps, **FLOAT32)
    torch.testing.assert_close(plain.rejected_logps, fused.rejected_logps, **FLOAT32)


def test_a_linear_loss_has_the_squared_norms_that_one_computes_by_hand():
    # l_i = 3 z_i + 4 z_{i + pairs}: gradients 3 and 4 for every one of 2 tokens x 5 dimensions, so 10 (9 + 16) = 250
    embeddings = torch.randn(4, 2, 5, requires_grad=True)
    losses = 3 * embeddings[:2].sum((1, 2)) + 4 * embeddings[2:].sum((1, 2))
    assert squared_input_gradients(losses, embeddings, differentiable=False).tolist() == pytest.approx([250.0, 250.0])


def test_an_objective_that_is_no_number_stops_the_run(make_policy, tokenizer, pairs, tmp_path):
    from benchmark.training.recording import check_finite

    broken = ReferenceLogps(np.full(64, np.nan), np.zeros(64))
    trainer = make_trainer(DPO(), make_policy(), tokenizer, pairs, broken, tmp_path)
    trainer.train()
    with pytest.raises(FloatingPointError, match="nan at step 1"):
        check_finite(trainer.history)


@pytest.mark.parametrize(
    ("total", "count", "steps"), [(128, 5, [26, 51, 77, 102, 128]), (3, 5, [1, 2, 3]), (10, 1, [10])]
)
def test_checkpoints_are_evenly_spaced_and_end_with_the_run(total, count, steps):
    assert checkpoint_steps(total, count) == steps
