"""A method against the envelope of plain DPO, in every replicate, with the seeds that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.records.linear import binding
from benchmark.measure.records.utilities import Kind
from benchmark.measure.runs.arenas import REFERENCE, SPLITS, ArenaData, SplitArrays
from benchmark.measure.statistics.bootstrap import Resamples, crossed, estimate, replicates_of
from benchmark.measure.statistics.envelope import Means, kl_saving, over_envelope
from benchmark.report import Absent, Estimate, missing

WON = 0.975  # a win by chance of one in forty, as on either side of a 95% interval


@dataclass(frozen=True)
class Against:
    """What one method is compared with: the seeds that are common, as their rows in the arrays, and DPO's policies."""

    key: str
    seed_rows: tuple[int, ...]
    policies: tuple[int, ...]


@dataclass(frozen=True)
class Comparer:
    """Compares the methods of one arena; resamples and DPO's means are made once and shared.

    Seeds are named by their rows in the arena's arrays (`seed_rows`), never by their numbers.
    """

    arena: ArenaData
    replicates: int
    _resamples: dict[tuple[str, tuple[int, ...]], Resamples] = field(default_factory=dict, init=False, repr=False)
    _means: dict[tuple[tuple[int, ...], Kind], list[Means]] = field(default_factory=dict, init=False, repr=False)
    _over: dict[tuple[str, tuple[int, ...], Kind], Floats] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def binding(self) -> list[int]:
        """Columns of the evaluation shifts that can be the worst one."""
        return binding(self.arena.evaluated)

    def resamples(self, split: str, seed_rows: tuple[int, ...]) -> Resamples:
        """The resamples of a split over some seeds: seed weights are the same on both splits, prompts independent."""
        if (split, seed_rows) not in self._resamples:
            arrays: SplitArrays = getattr(self.arena, split)
            names = (self.arena.runs.suite, str(self.arena.train))
            count = len(arrays.prompt_ids)
            self._resamples[split, seed_rows] = crossed(len(seed_rows), count, self.replicates, *names, split=split)
        return self._resamples[split, seed_rows]

    def over_envelope(self, key: str, kind: Kind) -> Estimate:
        """`over_envelope` of the method's last checkpoint, learned utility, gated or not."""
        against = self.against(key)
        if isinstance(against, Absent):
            return missing(against)
        return estimate_over(self.over_values(against, kind), len(against.seed_rows))

    def over_values(self, against: Against, kind: Kind = "gated") -> Floats:
        """The same number in every resample, shape [resamples]."""
        name = (against.key, against.seed_rows, kind)
        if name not in self._over:
            self._over[name] = over_envelope(*self._sides(against, kind))
        return self._over[name]

    def gated_worst_case(self, key: str, seed_rows: tuple[int, ...]) -> Floats:
        """Gated worst case of the method's last checkpoint on test prompts in every resample, shape [resamples]."""
        utility = self.arena.test.utility["gated"][self.arena.trajectory(key)[-1]][list(seed_rows)]
        return np.asarray(self.resamples("test", seed_rows).mean(utility[..., self.binding]).min(axis=1))

    def gated_kl_saving(self, key: str) -> Estimate:
        """`kl_saving` of the method's last checkpoint, at its gated nominal utility."""
        against = self.against(key)
        if isinstance(against, Absent):
            return missing(against)
        dpo, method = self._sides(against, "gated")
        return estimate_over(kl_saving(dpo, method), len(against.seed_rows))

    def against(self, key: str) -> Against | Absent:
        """What `key` is compared with, or why it cannot be. A DPO row is compared with the other betas alone."""
        if key == REFERENCE:
            return Absent.IS_IN_ENVELOPE
        others = [dpo for dpo in self.arena.dpo_keys() if dpo != key]
        if not others:
            return Absent.NO_OTHER_DPO
        rivals = [*others, REFERENCE] if self.arena.trajectory(REFERENCE) else others
        shared = set.intersection(*(self.arena.seed_rows(rival) for rival in [key, *rivals]))
        if not shared:
            return Absent.NO_COMMON_SEED
        policies = tuple(policy for rival in rivals for policy in self.arena.trajectory(rival))
        return Against(key, tuple(sorted(shared)), policies)

    def halves(self, policies: Sequence[int], seed_rows: tuple[int, ...], kind: Kind = "gated") -> list[Means]:
        """Means of some policies on validation and on test prompts, in every resample."""
        return [self._half(split, list(policies), seed_rows, kind) for split in SPLITS]

    def envelope(self, seed_rows: tuple[int, ...], kind: Kind = "gated") -> list[Means]:
        """The same of every policy of plain DPO, the reference among them."""
        return self._dpo_means(seed_rows, kind)

    def _sides(self, against: Against, kind: Kind) -> tuple[list[Means], list[Means]]:
        """Means on validation and test: of DPO's policies, and of the method's last checkpoint.

        Each is computed apart from the rows that it is not compared with, so that adding a method to a run changes no
        other number, not even in its last digit.
        """
        last, seed_rows = self.arena.trajectory(against.key)[-1], against.seed_rows
        kept = [self._dpo_policies.index(policy) for policy in against.policies]
        dpo = [half.keep(kept) for half in self._dpo_means(seed_rows, kind)]
        return dpo, [self._half(split, [last], seed_rows, kind) for split in SPLITS]

    @cached_property
    def _dpo_policies(self) -> list[int]:
        """Policies of every checkpoint of plain DPO and of the reference."""
        return [policy for key in (*self.arena.dpo_keys(), REFERENCE) for policy in self.arena.trajectory(key)]

    def _dpo_means(self, seed_rows: tuple[int, ...], kind: Kind) -> list[Means]:
        if (seed_rows, kind) not in self._means:
            self._means[seed_rows, kind] = [self._half(split, self._dpo_policies, seed_rows, kind) for split in SPLITS]
        return self._means[seed_rows, kind]

    def _half(self, split: str, policies: list[int], seed_rows: tuple[int, ...], kind: Kind) -> Means:
        arrays: SplitArrays = getattr(self.arena, split)
        chosen = np.ix_(policies, seed_rows)
        columns: list[Floats] = [
            arrays.utility[kind][chosen][..., self.binding],
            arrays.nominal[kind][chosen][..., None],
            arrays.kl[chosen].mean(axis=3)[..., None],
        ]
        means = self.resamples(split, seed_rows).mean(np.concatenate(columns, axis=-1))
        return Means(means[..., :-2], means[..., -2], means[..., -1])


def estimate_over(values: Floats, seeds: int, jumps: bool = False) -> Estimate:
    """The estimate, with the share of the replicates that were empty.

    An empty programme has no value: it is a nominal win where it is empty in at least `WON` of the replicates too; else
    the method stands at the edge of what DPO reaches.

    Args:
        values: one per resample, NaN where the programme is empty.
        seeds: how many were resampled.
        jumps: see `bootstrap.estimate`.
    """
    share = float(np.isnan(replicates_of(values)).mean())
    if np.isnan(values[0]):
        return missing(Absent.NOMINAL_WIN if share >= WON else Absent.EDGE, seeds, empty_share=share)
    return estimate(values, seeds, jumps=jumps, empty_share=share)
