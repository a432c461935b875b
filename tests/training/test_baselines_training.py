"""Ways to train that are no formula over pairs: averaging, early stopping, KTO and RLOO."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from trl import KTOTrainer

from benchmark.core.data import Prompts, write_table
from benchmark.core.errors import UserError
from benchmark.core.graph import silent
from benchmark.policies.checkpoints import load_policy, save_policy
from benchmark.policies.logprobs import completion_logps
from benchmark.training.averaging import average_policies
from benchmark.training.batch import ReferenceLogps
from benchmark.training.cell import TrainingCell, World
from benchmark.training.job import CellJob
from benchmark.training.kto import UnpairedCollator, UnpairedLogps, UnpairedTrainer, kto_config, lay_out
from benchmark.training.online import OnlineTrainer, rloo_config
from benchmark.training.settings import TrainingSettings
from methods.dpo import DPO
from methods.dpo_early_stop import DPOEarlyStop
from methods.kto import KTO
from methods.rewarded_soups import RewardedSoups
from methods.rloo import RLOO
from shifts.base import parse_shift

from .drive import assert_same_gradients, step_gradients

FAVOURITE = "w5"  # the word that is rewarded


@pytest.fixture
def make_job(make_policy, tokenizer, pairs, tmp_path):
    """A job on the tiny policy, whose reference log-probabilities are its own."""
    save_policy(make_policy(), tokenizer, tmp_path / "policy")
    model = make_policy().eval()
    reference = ReferenceLogps(
        completion_logps(model, pairs.prompts, pairs.chosen, 0),
        completion_logps(model, pairs.prompts, pairs.rejected, 0),
    )
    texts = [" ".join(f"w{token}" for token in prompt) for prompt in pairs.prompts]
    prompts = Prompts([f"train-{row}" for row in range(len(pairs))], texts, pairs.prompts)

    def reward(asked, completions):
        assert set(asked) <= set(texts)
        return np.array([5.0 * text.split().count(FAVOURITE) for text in completions])

    def make(name="job", settings=None, **fields):
        folder = tmp_path / name
        folder.mkdir()
        settings = TrainingSettings(
            **{
                "epochs": 1,
                "batch_size": 16,
                "warmup_steps": 0,
                "checkpoints": 2,
                "learning_rate": 1e-3,
                **(settings or {}),
            }
        )
        world = World(prompts, 6, reward)
        cell = TrainingCell(
            tmp_path / "policy", pairs, reference, settings, 0, folder, silent, **{"world": world, **fields}
        )
        return CellJob(cell)

    return make


def weights_of(folder):
    return load_file(folder / "model.safetensors")


# Early stopping -----------------------------------------------------------------------------------------------------


def test_early_stop_passes_through_the_same_policy_as_dpo(make_job):
    whole, part = make_job("whole", {"schedule": "linear"}), make_job("part", {"schedule": "linear"})
    DPO(beta=0.3).train(whole)
    DPOEarlyStop(beta=0.3, fraction=0.5).train(part)
    assert sorted(step.name for step in part.cell.folder.glob("step-*")) == ["step-000001", "step-000002"]
    stopped, passed = weights_of(part.cell.folder / "step-000002"), weights_of(whole.cell.folder / "step-000002")
    assert all(torch.equal(stopped[name], passed[name]) for name in passed)
    assert json.loads((part.cell.folder / "cost.json").read_text())["steps"] == 2


# Averaging ----------------------------------------------------------------------------------------------------------


def train_part(make_policy, tokenizer, folder, shift_by, steps=(1, 2), seconds=1.0):
    """A trained policy whose every weight is that of the tiny policy plus `shift_by` times the step."""
    for step in steps:
        model = make_policy()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += shift_by * step
        save_policy(model, tokenizer, folder / f"step-{step:06d}")
    cost = {"train_seconds": seconds, "step_seconds": seconds / 2, "steps": len(steps), "peak_memory_mb": 1.0}
    (folder / "cost.json").write_text(json.dumps(cost))
    return folder


def test_a_soup_is_the_weighted_sum_of_its_parts(make_policy, tokenizer, tmp_path):
    # shifted by 1 and by -3 per step: 0.75 * 1 + 0.25 * (-3) = 0; equally: -1 per step
    parts = [
        train_part(make_policy, tokenizer, tmp_path / name, shift_by, seconds=seconds)
        for name, shift_by, seconds in (("a", 1.0, 10.0), ("b", -3.0, 20.0))
    ]
    start = dict(make_policy().named_parameters())
    for weights, expected in (([0.75, 0.25], 0.0), ([0.5, 0.5], -1.0)):
        folder = tmp_path / f"soup-{expected}"
        folder.mkdir()
        average_policies(parts, weights, folder, silent)
        for step in (1, 2):
            model, its_tokenizer = load_policy(folder / f"step-{step:06d}")
            for name, parameter in model.named_parameters():
                torch.testing.assert_close(parameter, start[name] + expected * step, atol=2e-6, rtol=0)
            assert its_tokenizer.get_vocab() == tokenizer.get_vocab()
        cost = json.loads((folder / "cost.json").read_text())
        assert 30.0 < cost["train_seconds"] < 40.0 and cost["step_seconds"] == 15.0 and cost["steps"] == 2


def test_all_weight_on_one_part_is_that_part(make_policy, tokenizer, tmp_path):
    parts = [train_part(make_policy, tokenizer, tmp_path / name, by) for name, by in (("a", 0.1), ("b", -0.7))]
    (tmp_path / "soup").mkdir()
    average_policies(parts, [0.0, 1.0], tmp_path / "soup", silent)
    ours, theirs = weights_of(tmp_path / "soup" / "step-000002"), weights_of(parts[1] / "step-000002")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("weights", [[1.0], [0.5, 0.6], [1.5, -0.5]])
def test_weights_that_are_no_average_are_refused(weights, make_policy, tokenizer, tmp_path):
    parts = [train_part(make_policy, tokenizer, tmp_path / name, 0.1, steps=(1,)) for name in "ab"]
    with pytest.raises(ValueError, match="cannot be averaged"):
        average_policies(parts, weights, tmp_path, silent)


def test_parts_with_different_checkpoints_are_refused(make_policy, tokenizer, tmp_path):
    parts = [train_part(make_policy, tokenizer, tmp_path / str(steps), 0.1, steps) for steps in ((1, 2), (1, 3))]
    with pytest.raises(ValueError, match="different checkpoints"):
        average_policies(parts, [0.5, 0.5], tmp_path, silent)


def test_a_soup_trained_on_one_labelling_twice_is_dpo(make_job):
    """Both corners' policies are the same here, so their average is too."""
    part = make_job("part")
    DPO(beta=0.3).train(part)
    (shift,) = parse_shift("alpha_mixture(a=joy,b=sadness,alpha=0.1)")
    soup = make_job("soup", parts=(part.cell.folder, part.cell.folder), shift=shift)
    RewardedSoups(beta=0.3).train(soup)
    for step in ("step-000002", "step-000004"):
        ours, theirs = weights_of(soup.cell.folder / step), weights_of(part.cell.folder / step)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert not (soup.cell.folder / "curve.parquet").exists()


# What annotators would say ------------------------------------------------------------------------------------------


def test_utility_margins_are_log_odds_of_the_labels(make_job, tmp_path):
    rewards = {
        "first_joy": [0.9, 0.2],
        "second_joy": [0.5, 0.3],
        "first_sadness": [0.0, 1.0],
        "second_sadness": [0.4, 0.5],
    }
    columns = {name: np.array(values) for name, values in rewards.items()}
    write_table(tmp_path / "pair_rewards.parquet", {**columns, "first_chosen": np.array([True, False])})
    job = make_job(sharpness=20.0, rewards=tmp_path / "pair_rewards.parquet")
    (joy, sadness) = parse_shift("alpha_mixture(a=joy,b=sadness,alpha=1)")[0].corners()
    # joy: 20 (0.9 - 0.5) and, the second being chosen, 20 (0.3 - 0.2); sadness: 20 (0 - 0.4) and 20 (0.5 - 1)
    assert job.utility_margins(joy).tolist() == pytest.approx([8.0, 2.0])
    assert job.utility_margins(sadness).tolist() == pytest.approx([-8.0, -10.0])


def test_a_method_that_did_not_ask_for_the_shift_does_not_get_it(make_job):
    with pytest.raises(RuntimeError, match="needs_shift"):
        _ = make_job().shift


# KTO ----------------------------------------------------------------------------------------------------------------


def unpaired_trainer(job, model, tokenizer, logps, examples, **loss):
    config = kto_config(job.cell, **{"beta": 0.3, "desirable_weight": 1.2, "undesirable_weight": 0.8, **loss})
    return UnpairedTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_dict({"row": range(len(examples))}),
        data_collator=UnpairedCollator(job.cell.pairs, examples, logps, 0),
        processing_class=tokenizer,
    )


@pytest.fixture
def step_of_kto(make_job):
    """One step over 16 pairs, with references that put the log-ratios around 0 and z well above it."""

    def make(name, model, tokenizer, micro=None, **loss):
        job = make_job(name, {"epochs": 0.25, "micro_batch_size": micro})
        examples = lay_out(job.cell.pairs, 16, micro or 16, 1, seed=0)
        order = np.argsort(examples.pair * 2 + examples.desirable, kind="stable")  # noise that goes with the completion
        noise = np.empty((2, 32))
        noise[:, order] = np.random.default_rng(0).normal(0, 2, (2, 32)) + np.array([[0.0], [-3.0]])
        policy = model.eval()
        completions = [
            job.cell.pairs.chosen[p] if d else job.cell.pairs.rejected[p]
            for p, d in zip(examples.pair, examples.desirable, strict=True)
        ]
        own = completion_logps(policy, [job.cell.pairs.prompts[p] for p in examples.pair], completions, 0)
        beside = completion_logps(policy, [job.cell.pairs.prompts[p] for p in examples.beside], completions, 0)
        logps = UnpairedLogps(own + noise[0], beside + noise[1])
        return job, examples, logps, unpaired_trainer(job, model, tokenizer, logps, examples, **loss)

    return make


def test_every_batch_holds_both_sides_of_its_pairs_and_every_completion_beside_another_prompt(pairs):
    examples = lay_out(pairs, batch_size=16, micro=4, steps=8, seed=0)  # two epochs of 64 pairs
    assert len(examples) == 8 * 32
    for batch in range(8):
        rows = slice(32 * batch, 32 * (batch + 1))
        pair, beside, desirable = examples.pair[rows], examples.beside[rows], examples.desirable[rows]
        assert (
            sorted(pair[desirable])
            == sorted(pair[~desirable])
            == sorted(beside[desirable])
            == sorted(beside[~desirable])
        )
        assert (pair != beside).all()
        assert desirable.tolist() == ([True] * 4 + [False] * 4) * 4
    first = np.sort(examples.pair[: 4 * 32])
    assert first.tolist() == np.repeat(np.arange(64), 2).tolist()  # an epoch sees every pair once
    assert examples.pair[:128].tolist() != examples.pair[128:].tolist()  # the next one in another order


def test_the_layout_of_a_batch_does_not_depend_on_micro_batches(pairs):
    whole, split = (lay_out(pairs, 16, micro, 4, seed=0) for micro in (16, 4))
    for batch in range(4):
        rows = slice(32 * batch, 32 * (batch + 1))
        sets = [set(zip(e.pair[rows], e.beside[rows], e.desirable[rows], strict=True)) for e in (whole, split)]
        assert sets[0] == sets[1]


def test_kto_follows_its_formula(step_of_kto, make_policy, tokenizer):
    model = make_policy()
    _, examples, logps, trainer = step_of_kto("formula", model, tokenizer)
    noise_own, noise_beside = (
        theirs - ours for ours, theirs in zip(log_probabilities(trainer, model), (logps.own, logps.beside), strict=True)
    )
    r, z = -noise_own, max(0.0, float(np.mean(-noise_beside)))
    assert z > 1.0

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    losses = np.where(examples.desirable, 1.2 * (1 - sigmoid(0.3 * (r - z))), 0.8 * (1 - sigmoid(0.3 * (z - r))))
    trainer.train()
    (entry,) = trainer.history
    assert float(entry["objective"]) == pytest.approx(losses.mean(), rel=1e-5)
    assert float(entry["z"]) == pytest.approx(z, rel=1e-5)
    assert float(entry["chosen_log_ratio"]) == pytest.approx(r[examples.desirable].mean(), rel=1e-4)


def log_probabilities(trainer, model):
    collator = trainer.data_collator
    pairs, examples, completions = collator._pairs, collator._examples, collator._completions
    return [
        completion_logps(model, [pairs.prompts[p] for p in rows], completions, 0)
        for rows in (examples.pair, examples.beside)
    ]


@pytest.mark.parametrize("micro", [4, 1], ids=["4x4", "16x1"])
def test_splitting_a_batch_of_kto_changes_nothing(micro, step_of_kto, make_policy, tokenizer):
    *_, whole = step_of_kto("whole", make_policy(), tokenizer)
    *_, split = step_of_kto("split", make_policy(), tokenizer, micro)
    assert_same_gradients(step_gradients(whole), step_gradients(split))


def test_kto_equals_trls_own_on_one_batch(step_of_kto, make_policy, tokenizer, make_job):
    job, examples, logps, ours = step_of_kto("ours", make_policy(), tokenizer)

    class Stock(KTOTrainer):
        def _prepare_dataset(self, dataset, *args, **kwargs):
            return dataset

        def _precompute_ref_logps(self, dataset, *args, **kwargs):
            return dataset

    rows, completions = [], ours.data_collator._completions
    place = {(pair, side): row for row, (pair, side) in enumerate(zip(examples.pair, examples.desirable, strict=True))}
    before = {
        (beside, side): row for row, (beside, side) in enumerate(zip(examples.beside, examples.desirable, strict=True))
    }
    for (pair, side), row in place.items():
        other = before[pair, side]  # the completion that stands beside this prompt
        rows.append(
            {"prompt_ids": job.cell.pairs.prompts[pair], "completion_ids": completions[row], "label": bool(side),
             "KL_completion_ids": completions[other], "ref_logps": logps.own[row], "ref_KL_logps": logps.beside[other]}
        )  # fmt: skip
    config = kto_config(make_job("stock", {"epochs": 0.25}).cell, 0.3, 1.2, 0.8)
    config.remove_unused_columns = True
    stock = Stock(make_policy(), args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    assert_same_gradients(step_gradients(ours), step_gradients(stock))


def test_kto_raises_desirable_completions_and_lowers_others(make_job, make_policy):
    job = make_job(settings={"epochs": 4})
    KTO(beta=0.3).train(job)
    model, _ = load_policy(job.cell.folder / "step-000016")
    chosen = completion_logps(model, job.cell.pairs.prompts, job.cell.pairs.chosen, 0) - job.cell.reference.chosen
    rejected = completion_logps(model, job.cell.pairs.prompts, job.cell.pairs.rejected, 0) - job.cell.reference.rejected
    assert chosen.mean() > 0.5 and rejected.mean() < -0.5
    curve = pd.read_parquet(job.cell.folder / "curve.parquet")
    assert curve["step"].tolist() == list(range(1, 17)) and curve["objective"].iloc[-1] < curve["objective"].iloc[0]
    assert json.loads((job.cell.folder / "cost.json").read_text())["steps"] == 16


def test_kto_of_a_fresh_policy_has_no_divergence_and_costs_half(make_job):
    """All log-ratios are 0, so z is 0 and every loss is 1 - sigmoid(0) = 1/2: the reference's numbers are its own."""
    job = make_job(settings={"epochs": 0.25, "checkpoints": 1})
    KTO(beta=0.3).train(job)
    (entry,) = pd.read_parquet(job.cell.folder / "curve.parquet").to_dict("records")
    assert entry["objective"] == pytest.approx(0.5, abs=1e-5)
    assert entry["z"] == pytest.approx(0.0, abs=1e-4) and entry["chosen_log_ratio"] == pytest.approx(0.0, abs=1e-4)


def test_kto_on_batches_of_one_pair_is_refused(make_job):
    with pytest.raises(UserError, match="at least two pairs"):
        KTO().train(make_job(settings={"batch_size": 1}))


# RLOO ---------------------------------------------------------------------------------------------------------------


def test_rloo_earns_more_of_what_is_rewarded(make_job):
    job = make_job(settings={"epochs": 8, "learning_rate": 3e-3})
    RLOO(beta=0.05, generations=4).train(job)
    curve = pd.read_parquet(job.cell.folder / "curve.parquet")
    assert len(curve) == 32
    assert curve["reward"].iloc[-8:].mean() > curve["reward"].iloc[:8].mean() + 2.0
    assert sorted(step.name for step in job.cell.folder.glob("step-*")) == ["step-000016", "step-000032"]


def test_a_strong_divergence_penalty_keeps_rloo_at_the_reference(make_job):
    distances = []
    for beta in (0.01, 100.0):
        job = make_job(f"beta-{beta}", {"epochs": 4, "checkpoints": 1})
        RLOO(beta=beta).train(job)
        distances.append(pd.read_parquet(job.cell.folder / "curve.parquet")["kl_per_token"].iloc[-4:].mean())
    # .2 to .5 of it, as the samples fall, which they do otherwise on another processor; 1 if the penalty were not there
    assert distances[1] < 0.75 * distances[0]


def test_rloo_completes_the_suites_own_tokens_and_sees_as_much_as_dpo(make_job, tokenizer, make_policy):
    job = make_job()
    model, _ = load_policy(job.cell.policy)
    trainer = OnlineTrainer(
        job.cell.world, rloo_config(job.cell, job.cell.world, 0.2, 8), model=model, processing_class=tokenizer
    )
    names = ["train-3", "train-0", "train-3"]
    assert trainer._tokenize_prompts(names)[0] == [
        job.cell.pairs.prompts[3],
        job.cell.pairs.prompts[0],
        job.cell.pairs.prompts[3],
    ]
    assert trainer._reward(names, ["w5 w5", "w4", "w5"]) == [10.0, 0.0, 5.0]
    args = trainer.args
    assert (args.max_steps, args.generation_batch_size, args.num_generations, args.beta) == (4, 32, 8, 0.2)
    assert (args.max_completion_length, args.temperature, args.num_iterations) == (6, 1.0, 1)


@pytest.mark.parametrize("generations", [3, 64])
def test_rloo_needs_whole_groups(generations, make_job):
    job = make_job()
    with pytest.raises(UserError, match="whole groups"):
        rloo_config(job.cell, job.cell.world, 0.1, generations)


def test_rloo_without_a_world_says_what_is_missing(make_job):
    with pytest.raises(RuntimeError, match="needs_rewards"):
        RLOO().train(CellJob(replace(make_job().cell, world=None)))
