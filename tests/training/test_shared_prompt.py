"""One row per pair gives what one row per completion gives."""

from __future__ import annotations

import pytest
import torch

from benchmark.training.batch import PairCollator, merged
from benchmark.training.forward import forward_pairs
from benchmark.training.settings import TrainingSettings
from benchmark.training.shared_prompt import SharedPromptCollator, block_mask, forward_shared
from benchmark.training.trainer import PreferenceTrainer, trainer_config
from methods.dpo import DPO
from methods.kldpo import KLDPO
from methods.sft import SFT

from .drive import assert_same_gradients, make_trainer, step_gradients


def test_neither_side_sees_the_other():
    # prompt p, chosen c d, rejected r s: r and s see p, not c and d
    mask = block_mask(torch.tensor([[0, 1, 1, 2, 2]]), torch.float32)[0, 0]
    assert (mask == 0).int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 1, 1],
    ]


def test_nothing_sees_the_padding_on_either_side():
    # padding, prompt p, chosen c, padding
    mask = block_mask(torch.tensor([[3, 0, 1, 3]]), torch.float32)[0, 0]
    assert (mask == 0).int().tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [1, 1, 1, 1]]


def test_prompts_of_all_lengths_end_in_one_column(pairs, reference):
    batch = SharedPromptCollator(pairs, reference, 0)([{"pair": number} for number in range(64)])
    first = batch["first_completion"]
    assert first == max(len(prompt) for prompt in pairs.prompts[:64])
    assert (batch["segments"][:, first - 1] == 0).all() and (batch["segments"][:, first] == 1).all()


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_log_probabilities_and_lengths_are_those_of_separate_rows(attention, make_policy, pairs, reference):
    model = make_policy(attention).eval()
    rows = [{"pair": number} for number in range(64)]
    apart = forward_pairs(model, PairCollator(pairs, reference, 0)(rows)).batch
    together = forward_shared(model, SharedPromptCollator(pairs, reference, 0)(rows))
    for name, tensor in apart.tensors().items():
        torch.testing.assert_close(together.tensors()[name], tensor, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("micro", [64, 16, 1])
@pytest.mark.parametrize("method", [DPO(beta=0.3), KLDPO(beta=0.3, tau=0.2), SFT()], ids=lambda m: m.name)
def test_gradients_are_those_of_separate_rows(method, micro, make_policy, tokenizer, pairs, reference, tmp_path):
    config = trainer_config(
        TrainingSettings(epochs=1, batch_size=64, micro_batch_size=micro, warmup_steps=0), 64, 0, tmp_path
    )
    collator = SharedPromptCollator(pairs, reference, tokenizer.pad_token_id)
    together = PreferenceTrainer(
        method, 64, config, model=make_policy(), processing_class=tokenizer, data_collator=collator
    )
    apart = make_trainer(method, make_policy(), tokenizer, pairs, reference, tmp_path)
    assert_same_gradients(step_gradients(together), step_gradients(apart))


def test_splitting_a_batch_sorts_it_and_leaves_its_pairs(make_policy, tokenizer, pairs, reference, tmp_path):
    """Two epochs of four batches: the same pairs in every batch, and within it the longest first where it is split."""

    def batches(micro):
        settings = TrainingSettings(epochs=2, batch_size=16, micro_batch_size=micro, warmup_steps=0)
        collator = SharedPromptCollator(pairs, reference, tokenizer.pad_token_id)
        seen = []
        trainer = PreferenceTrainer(
            DPO(),
            64,
            trainer_config(settings, 64, 0, tmp_path / str(micro)),
            data_collator=lambda rows: seen.extend(row["pair"] for row in rows) or collator(rows),
            model=make_policy(),
            processing_class=tokenizer,
        )
        trainer.data_collator.lengths = collator.lengths
        trainer.train()
        return [seen[start : start + 16] for start in range(0, 128, 16)], collator.lengths

    whole, _ = batches(None)
    split, lengths = batches(4)
    assert [sorted(batch) for batch in split] == [sorted(batch) for batch in whole] and whole != split
    assert whole[:4] != whole[4:]
    for batch in split:
        assert [lengths[pair] for pair in batch] == sorted((lengths[pair] for pair in batch), reverse=True)


@pytest.mark.parametrize("collator", [PairCollator, SharedPromptCollator])
def test_merged_micro_batches_hold_the_same_pairs(collator, make_policy, pairs, reference):
    collate, model = collator(pairs, reference, 0), make_policy().eval()
    rows = [{"pair": number} for number in range(64)]
    forward = forward_shared if collator is SharedPromptCollator else lambda *given: forward_pairs(*given).batch
    whole = forward(model, collate(rows)).tensors()
    parts = merged([collate(rows[:10]), collate(rows[10:40]), collate(rows[40:])])
    for name, tensor in forward(model, parts).tensors().items():
        torch.testing.assert_close(tensor, whole[name], rtol=1e-5, atol=1e-4)
