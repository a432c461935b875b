"""One suite and one training shift as dense arrays: every policy, seed, prompt and shift at its index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.data import Floats, Ints
from benchmark.core.errors import UserError
from benchmark.measure.records.asked import everywhere
from benchmark.measure.records.linear import binding
from benchmark.measure.records.utilities import KINDS, LEARNED, Kind, gate, utilities, utility
from benchmark.measure.runs.names import call
from benchmark.measure.runs.reading import SuiteRuns
from shifts.base import Shift, parse_shift

REFERENCE = "reference"
SPLITS = ("validation", "test")
TOKENS_AND_GATE = ("quality", "length", "ended")


@dataclass(frozen=True)
class Policy:
    """What is averaged over seeds: a method with its hyper-parameters, at one checkpoint."""

    key: str  # the call that makes the method again
    step: int


@dataclass(frozen=True)
class SplitArrays:
    """The evaluations on one split; NaN where a policy has no run of a seed.

    utility: by kind, mean over the samples of a prompt, shape [policies, seeds, prompts, shifts].
    nominal: by kind, the same at the training shift, shape [policies, seeds, prompts].
    sampled: by kind, gated or not, learned utility at the training shift, shape [policies, seeds, prompts, samples].
    kl: nats, shape [policies, seeds, prompts, samples].
    means: by column name (quality, length, ended; OBJECTIVE as it is, with gold_ and with gated_), shape
        [policies, seeds, prompts].
    held_out: gated, as `utility`, under the arena's validation shifts; without shifts but on validation prompts.
    binding: gated learned utility of every completion under the shifts that can be the worst one, shape [policies,
        seeds, prompts, samples, binding shifts].
    middle: gated, as `nominal`, at the middle of the training shift's family, on which oracles train; NaN without one.
    """

    prompt_ids: tuple[str, ...]
    utility: dict[Kind, Floats]
    nominal: dict[Kind, Floats]
    sampled: dict[Kind, Floats]
    kl: Floats
    means: dict[str, Floats]
    held_out: Floats = field(default_factory=lambda: np.zeros((0, 0, 0, 0)))
    binding: Floats = field(default_factory=lambda: np.zeros((0, 0, 0, 0, 0)))
    middle: Floats = field(default_factory=lambda: np.zeros((0, 0, 0)))


@dataclass(frozen=True)
class ArenaData:
    """Everything that is compared with everything: the cells of one suite and one training shift.

    seeds: their numbers, in the order of the arrays; its index there is a seed's row. Where merged runs make one seed
    several draws, each has a number (`runs.draw` tells which seed and arithmetic it stands for).
    """

    runs: SuiteRuns
    train: Shift
    evaluated: tuple[Shift, ...]
    cells: pd.DataFrame  # with a column `key`
    seeds: tuple[int, ...]
    policies: tuple[Policy, ...]
    validation: SplitArrays
    test: SplitArrays
    validation_shifts: tuple[Shift, ...] = ()  # to select on; none of them is evaluated

    def trajectory(self, key: str) -> list[int]:
        """The checkpoints of a method as policies of the arrays, in the order of their steps."""
        return [index for index, policy in enumerate(self.policies) if policy.key == key]

    def seed_rows(self, key: str) -> set[int]:
        """Rows of the seeds that a method has in the arrays, on both splits and at every checkpoint."""
        trajectory = self.trajectory(key)
        if not trajectory:
            return set()
        sampled = [arrays.sampled["gated"][trajectory] for arrays in (self.validation, self.test)]
        missing = np.stack([np.isnan(values).any(axis=(0, 2, 3)) for values in sampled])
        # A row of the matrix that lacks one checkpoint of a seed lacks the seed: a trajectory is compared as a whole.
        return {int(row) for row in np.flatnonzero(~missing.any(axis=0))}

    def knows_divergence(self) -> bool:
        """Whether the divergence of any policy is known; where nothing is sampled, of none."""
        return not bool(np.isnan(self.test.kl).all())

    def dpo_keys(self) -> list[str]:
        """Plain DPO with each of its hyper-parameters, those without a finished seed left out."""
        keys = dict.fromkeys(self.cells.loc[self.cells["method"] == "dpo", "key"])
        return [key for key in keys if self.seed_rows(key)]


def arenas_of(runs: SuiteRuns) -> list[ArenaData]:
    """One arena per training shift, in the order in which the runs list them."""
    shifts = dict.fromkeys([*runs.eval_shifts, *runs.cells["train_shift"]])
    return [_arena(runs, train) for train in shifts if (runs.cells["train_shift"] == train).any()]


def _arena(runs: SuiteRuns, train: str) -> ArenaData:
    if train not in runs.eval_shifts:
        raise UserError(f"environment.json of suite {runs.suite!r} lists no eval_shifts for {train}.")
    (shift,) = parse_shift(train)
    evaluated = tuple(point for text in runs.eval_shifts[train] for point in parse_shift(text))
    cells = runs.cells[runs.cells["train_shift"] == train].copy()
    cells["key"] = [
        call(method, json.loads(hparams)) for method, hparams in zip(cells["method"], cells["hparams"], strict=True)
    ]
    done = cells[cells["status"] == "done"]
    twice = done[done.duplicated(["key", "seed"])]
    if len(twice):
        raise UserError(
            f"suite {runs.suite!r}, {train}: two different runs of {twice['key'].iloc[0]}, seed "
            f"{twice['seed'].iloc[0]}; report only runs made with the same settings together."
        )
    samples = runs.samples[runs.samples["cell_id"].isin(done["cell_id"])]
    samples = samples.merge(done[["cell_id", "key", "seed"]], on="cell_id")
    seeds = tuple(sorted(int(seed) for seed in done["seed"].unique()))
    order = {key: index for index, key in enumerate(dict.fromkeys(cells["key"]))}
    checkpoints = set(zip(samples["key"], samples["step"], strict=True))
    policies = tuple(Policy(key, int(step)) for key, step in sorted(checkpoints, key=lambda c: (order[c[0]], c[1])))
    held_out = tuple(point for point in shift.validation_grid() if point not in evaluated)
    build = _Builder(runs, shift, evaluated, held_out, seeds, policies)
    validation, test = (build.split(samples, name) for name in SPLITS)
    return ArenaData(runs, shift, evaluated, cells, seeds, policies, validation, test, held_out)


@dataclass(frozen=True)
class _Builder:
    runs: SuiteRuns
    train: Shift
    evaluated: Sequence[Shift]
    held_out: Sequence[Shift]
    seeds: tuple[int, ...]
    policies: tuple[Policy, ...]

    def split(self, samples: pd.DataFrame, name: str) -> SplitArrays:
        """The arrays of one split; of no policy at all where no cell is done."""
        if not self.policies:
            return SplitArrays((), {}, {}, {}, np.zeros((0, 0, 0, 0)), {})
        rows = samples[samples["split"] == name]
        prompt_ids = tuple(sorted(str(prompt) for prompt in rows["prompt_id"].unique()))
        if not prompt_ids:
            raise UserError(f"suite {self.runs.suite!r}, {self.train}: samples.parquet has no {name} prompts.")
        indices, shape = self._indices(rows, prompt_ids)
        columns: dict[str, Any] = {str(column): rows[column].to_numpy() for column in rows.columns}
        quality = rows["quality"].to_numpy(dtype=bool)
        ranges = self.runs.ranges
        columns = everywhere(columns, [prefix + name for name in self.runs.objectives for prefix in ("", "gold_")])
        by_kind = {kind: utilities(self.evaluated, columns, quality, ranges, kind) for kind in KINDS}
        at_training = {kind: utility(self.train, columns, quality, ranges, kind) for kind in KINDS}
        columns |= {f"gated_{name}": gate(columns[name], quality, ranges[name][0]) for name in self.runs.objectives}
        objectives = [prefix + name for name in self.runs.objectives for prefix in ("", "gold_", "gated_")]
        named = (*TOKENS_AND_GATE, *objectives)
        sampled = {kind: _dense(at_training[kind], indices, shape) for kind in LEARNED}
        self._check(sampled["gated"], prompt_ids, name)
        held_out = np.zeros((len(rows), 0))
        if name == "validation" and self.held_out:
            held_out = utilities(self.held_out, columns, quality, ranges, "gated")
        middle = self.train.middle()
        told = np.full(len(rows), np.nan) if middle is None else utility(middle, columns, quality, ranges, "gated")
        return SplitArrays(
            prompt_ids,
            utility={kind: _dense(values, indices, shape).mean(axis=3) for kind, values in by_kind.items()},
            nominal={kind: _dense(values, indices, shape).mean(axis=3) for kind, values in at_training.items()},
            sampled=sampled,
            kl=_dense(columns["kl"], indices, shape),
            means={name: _dense(columns[name], indices, shape).mean(axis=3) for name in named},
            held_out=_dense(held_out, indices, shape).mean(axis=3),
            binding=_dense(by_kind["gated"][:, binding(self.evaluated)], indices, shape),
            middle=_dense(told, indices, shape).mean(axis=3),
        )

    def _indices(self, rows: pd.DataFrame, prompt_ids: tuple[str, ...]) -> tuple[tuple[Ints, ...], tuple[int, ...]]:
        """Where each row stands in an array of shape [policies, seeds, prompts, samples], and that shape."""
        policy = pd.Series({(policy.key, policy.step): index for index, policy in enumerate(self.policies)})
        codes = {
            "policy": policy.reindex(pd.MultiIndex.from_arrays([rows["key"], rows["step"]])),
            "seed": np.searchsorted(self.seeds, rows["seed"]),
            "prompt": pd.Categorical(rows["prompt_id"].astype(str), categories=list(prompt_ids)).codes,
            "sample": rows["sample"],
        }
        indices = tuple(np.asarray(code, dtype=np.int64) for code in codes.values())
        return indices, (len(self.policies), len(self.seeds), len(prompt_ids), int(rows["sample"].max()) + 1)

    def _check(self, sampled: Floats, prompt_ids: tuple[str, ...], split: str) -> None:
        """Raise where a policy answered some of the prompts only: runs of different prompts, or one cut short."""
        some = ~np.isnan(sampled).all(axis=(2, 3))
        for policy, seed in zip(*np.nonzero(some & np.isnan(sampled).any(axis=(2, 3))), strict=True):
            lacking = int(np.isnan(sampled[policy, seed]).any(axis=1).sum())
            raise UserError(
                f"suite {self.runs.suite!r}, {self.train}: {self.policies[policy].key}, seed {self.seeds[seed]}, step "
                f"{self.policies[policy].step} lacks {lacking} of {len(prompt_ids)} {split} prompts (or has fewer "
                "samples of them than others): runs of different sizes cannot be merged."
            )


def _dense(values: Any, indices: tuple[Ints, ...], shape: tuple[int, ...]) -> Floats:
    array = np.full((*shape, *values.shape[1:]), np.nan)
    array[indices] = values
    return array
