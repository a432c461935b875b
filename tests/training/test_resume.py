"""A run that was stopped and goes on, one that ends early, and state that travels with the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from benchmark.policies.checkpoints import save_policy
from benchmark.training.cell import TrainingCell
from benchmark.training.job import CellJob
from benchmark.training.settings import TrainingSettings
from methods import Method
from methods.dpo import DPO
from methods.kldpo import KLDPO
from methods.wdpo import WDPO


class Stopped(Exception):
    """The process dies here."""


@dataclass(frozen=True)
class Averaging(DPO):
    """DPO on margins less their running mean: a method whose state decides its next step."""

    name = "averaging_in_a_test"

    def initial_state(self, groups):
        return {"mean": torch.zeros((), dtype=torch.float64)}

    def next_state(self, batch):
        return {"mean": 0.5 * batch.state["mean"] + 0.5 * batch.log_ratio_margin.double().mean()}

    def pair_losses(self, batch):
        return -torch.nn.functional.logsigmoid(self.beta * (batch.log_ratio_margin - batch.state["mean"].float()))


del Method.registry._classes["averaging_in_a_test"]


@pytest.fixture
def make_job(make_policy, tokenizer, pairs, reference, tmp_path):
    policy = tmp_path / "policy"
    save_policy(make_policy(), tokenizer, policy)

    def make(name, progress=lambda done, total: None, **settings):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        values = {"epochs": 3, "batch_size": 16, "warmup_steps": 2, "learning_rate": 1e-3, "checkpoints": 3} | settings
        scratch = tmp_path / f"scratch-{name}"
        cell = TrainingCell(policy, pairs, reference, TrainingSettings(**values), 7, folder, progress, scratch)
        return CellJob(cell)

    return make


def weights(folder):
    return load_file(folder / "model.safetensors")


METHODS = [DPO(beta=0.3), KLDPO(beta=0.3, tau=0.2), WDPO(beta=0.3, rho=0.3, solver="difference"), Averaging(beta=0.3)]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_a_stopped_run_that_goes_on_equals_one_that_never_stopped(method, make_job):
    whole = make_job("whole")
    whole.fit_pairs(method)

    def stop(done, total):
        if done == 8:
            raise Stopped

    with pytest.raises(Stopped):
        make_job("stopped", stop, save_every=3).fit_pairs(method)
    seen = []
    again = make_job("stopped", lambda done, total: seen.append(done), save_every=3)
    again.fit_pairs(method)
    assert seen == [7, 8, 9, 10, 11, 12]  # from the full checkpoint after step 6
    steps = sorted(path.name for path in whole.cell.folder.glob("step-*"))
    assert steps == ["step-000004", "step-000008", "step-000012"]
    assert steps == sorted(path.name for path in again.cell.folder.glob("step-*"))
    for step in steps:
        ours, theirs = weights(again.cell.folder / step), weights(whole.cell.folder / step)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    curves = [pd.read_parquet(job.cell.folder / "curve.parquet") for job in (whole, again)]
    np.testing.assert_array_equal(curves[0]["objective"], curves[1]["objective"].astype("float32"))


def test_a_half_written_checkpoint_is_not_resumed_from(make_job):
    from benchmark.training.resume import HISTORY, resumable

    def stop(done, total):
        if done == 8:
            raise Stopped

    job = make_job("stopped", stop, save_every=3)
    with pytest.raises(Stopped):
        job.fit_pairs(DPO())
    folder = job.cell.scratch / "trainer"
    assert resumable(folder).name == "checkpoint-6"
    (folder / "checkpoint-6" / HISTORY).unlink()
    assert resumable(folder) is None


def test_a_run_that_stops_early_equals_the_first_part_of_the_whole(make_job):
    whole, part = (
        make_job("whole", checkpoints=4, schedule="linear"),
        make_job("part", checkpoints=2, schedule="linear"),
    )
    whole.fit_pairs(DPO())
    part.fit_pairs(DPO(), stop_after=0.5)
    assert sorted(path.name for path in part.cell.folder.glob("step-*")) == ["step-000003", "step-000006"]
    ours, theirs = weights(part.cell.folder / "step-000006"), weights(whole.cell.folder / "step-000006")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
