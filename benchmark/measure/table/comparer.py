"""A method against the envelope of plain DPO, in every replicate, with the seeds that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from benchmark.core.data import Bools, Floats
from benchmark.measure.records.linear import binding
from benchmark.measure.records.utilities import Kind
from benchmark.measure.runs.arenas import REFERENCE, SPLITS, ArenaData, SplitArrays
from benchmark.measure.statistics.bootstrap import (
    Resamples,
    crossed,
    estimate,
    replicates_of,
    seeds_alone,
    spread_of,
)
from benchmark.measure.statistics.envelope import Means, kl_saving, out_of_reach, over_checkpoint, over_envelope
from benchmark.measure.statistics.moderation import NOTHING_SHARED, SharedVariance, seed_effects, shared_variance
from benchmark.measure.statistics.spread import Spread
from benchmark.report import Absent, Estimate, missing

WON = 0.975  # a win by chance of one in forty, as on either side of a 95% interval
# Of the replicates; with more, what is left is a choice of favourable noise. With three seeds one resample of seeds in
# 27 draws one seed alone: no seed by itself may lie beyond DPO.
MOST_EMPTY = 0.02


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
    _over: dict[tuple[Against, Kind], Floats] = field(default_factory=dict, init=False, repr=False)
    _last: dict[tuple[int, ...], tuple[list[str], list[Means]]] = field(default_factory=dict, init=False, repr=False)
    _shared: dict[tuple[tuple[int, ...], Kind], SharedVariance] = field(default_factory=dict, init=False, repr=False)

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
        beyond = out_of_reach(*self.sides(against, kind))
        shared = self.shared(against.seed_rows, kind)
        return estimate_over(self.over_values(against, kind), len(against.seed_rows), beyond=beyond, shared=shared)

    def over_values(self, against: Against, kind: Kind = "gated") -> Floats:
        """The same number in every resample, shape [resamples]."""
        if (against, kind) not in self._over:
            self._over[against, kind] = over_envelope(*self.sides(against, kind))
        return self._over[against, kind]

    def over_spread(self, against: Against, kind: Kind = "gated") -> Spread:
        """How it spreads, with what the other rows tell of its seed variance."""
        alone = spread_of(self.over_values(against, kind), len(against.seed_rows))
        return alone.with_shared(self.shared(against.seed_rows, kind))

    def shared(self, seed_rows: tuple[int, ...], kind: Kind) -> SharedVariance:
        """What all rows over these seeds tell together of the seed variance of `over_envelope`."""
        if (seed_rows, kind) not in self._shared:
            self._shared[seed_rows, kind] = self._shared_variance(seed_rows, kind)
        return self._shared[seed_rows, kind]

    def _shared_variance(self, seed_rows: tuple[int, ...], kind: Kind) -> SharedVariance:
        sides = [self.against(key) for key in dict.fromkeys(self.arena.cells["key"])]
        rows = [side for side in sides if isinstance(side, Against) and side.seed_rows == seed_rows]
        known = [values for values in (self.over_values(row, kind) for row in rows) if not at_edge(values)]
        if len(seed_rows) < 2 or not known:
            return NOTHING_SHARED
        weights = seeds_alone(self.resamples("test", seed_rows).seeds)
        return shared_variance(np.stack([seed_effects(seeds_alone(values), weights) for values in known]))

    def gated_worst_case(self, key: str, seed_rows: tuple[int, ...]) -> Floats:
        """Gated worst case of the method's last checkpoint on test prompts in every resample, shape [resamples]."""
        utility = self.arena.test.utility["gated"][self.arena.trajectory(key)[-1]][list(seed_rows)]
        return np.asarray(self.resamples("test", seed_rows).mean(utility[..., self.binding]).min(axis=1))

    def gated_over_checkpoint(self, key: str) -> Estimate:
        """`over_checkpoint` of the method's last checkpoint; which checkpoint is best jumps from draw to draw."""
        against = self.against(key)
        if isinstance(against, Absent):
            return missing(against)
        values = over_checkpoint(*self.sides(against, "gated"))
        return estimate_over(values, len(against.seed_rows), jumps=True)

    def gated_kl_saving(self, key: str) -> Estimate:
        """`kl_saving` of the method's last checkpoint, at its gated nominal utility."""
        against = self.against(key)
        if isinstance(against, Absent):
            return missing(against)
        if not self.arena.knows_divergence():
            return missing(Absent.NOTHING_SAMPLED)
        dpo, method = self.sides(against, "gated")
        return estimate_over(kl_saving(dpo, method), len(against.seed_rows))

    def against(self, key: str) -> Against | Absent:
        """What `key` is compared with, or why it cannot be. A DPO row is compared with the other betas alone."""
        if key == REFERENCE:
            return Absent.IS_IN_ENVELOPE
        rivals = self.rivals(without=key)
        if not any(rival != REFERENCE for rival in rivals):
            return Absent.NO_OTHER_DPO
        shared = self.shared_seed_rows([key, *rivals])
        return Against(key, shared, self.family(rivals)) if shared else Absent.NO_COMMON_SEED

    def rivals(self, without: str = "") -> list[str]:
        """The rows that make the envelope: plain DPO, of which one may be left out, and the reference."""
        others = [dpo for dpo in self.arena.dpo_keys() if dpo != without]
        return [*others, REFERENCE] if self.arena.trajectory(REFERENCE) else others

    def shared_seed_rows(self, keys: Sequence[str]) -> tuple[int, ...]:
        """Rows of the seeds that all of some rows have."""
        return tuple(sorted(set.intersection(*(self.arena.seed_rows(key) for key in keys)))) if keys else ()

    def family(self, keys: Sequence[str]) -> tuple[int, ...]:
        """The policies at every checkpoint of some rows."""
        return tuple(policy for key in keys for policy in self.arena.trajectory(key))

    def halves(self, policies: Sequence[int], seed_rows: tuple[int, ...], kind: Kind = "gated") -> list[Means]:
        """Means of some policies on validation and on test prompts, in every resample."""
        return [self._half(split, list(policies), seed_rows, kind) for split in SPLITS]

    def last_checkpoints(self, seed_rows: tuple[int, ...]) -> tuple[list[str], list[Means]]:
        """Every row that has these seeds, and the means of their last checkpoints on validation and on test prompts."""
        if seed_rows not in self._last:
            keys = [
                key for key in dict.fromkeys(self.arena.cells["key"]) if set(seed_rows) <= self.arena.seed_rows(key)
            ]
            self._last[seed_rows] = keys, self.halves([self.arena.trajectory(key)[-1] for key in keys], seed_rows)
        return self._last[seed_rows]

    def envelope(self, seed_rows: tuple[int, ...], kind: Kind = "gated") -> list[Means]:
        """The same of every policy of plain DPO, the reference among them."""
        return self._dpo_means(seed_rows, kind)

    def sides(self, against: Against, kind: Kind, policy: int | None = None) -> tuple[list[Means], list[Means]]:
        """Means on validation and test: of DPO's policies, and of one policy, by default the method's last checkpoint.

        Each is computed apart from the rows that it is not compared with, so that adding a method to a run changes no
        other number, not even in its last digit.
        """
        policy = self.arena.trajectory(against.key)[-1] if policy is None else policy
        seed_rows = against.seed_rows
        kept = [self._dpo_policies.index(policy) for policy in against.policies]
        dpo = [half.keep(kept) for half in self._dpo_means(seed_rows, kind)]
        return dpo, [self._half(split, [policy], seed_rows, kind) for split in SPLITS]

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


def at_edge(values: Floats) -> bool:
    """Whether `over_envelope` cannot be had: a programme of the sample is empty, or too many of the replicates are.

    Near DPO's greatest nominal utility the replicates that are left are those whose noise favours DPO.
    """
    return bool(np.isnan(values[0])) or empty_share(values) > MOST_EMPTY


def empty_share(values: Floats) -> float:
    """Share of the replicates in which some programme is empty."""
    return float(np.isnan(replicates_of(values)).mean())


def estimate_over(
    values: Floats,
    seeds: int,
    *,
    beyond: Bools | None = None,
    jumps: bool = False,
    shared: SharedVariance = NOTHING_SHARED,
) -> Estimate:
    """The estimate, with the share of the replicates that were empty; or why there is none.

    A method whose nominal utility lies beyond all of DPO in the sample and in at least `WON` of the replicates has a
    nominal win, and no worst case to compare. Any other at which programmes are empty stands at the edge.

    Args:
        values: one per resample, NaN where a programme is empty.
        seeds: how many were resampled.
        beyond: whether every programme of a resample is empty; the same as NaN by default.
        jumps: see `bootstrap.estimate`.
        shared: what other rows tell of the seed variance.
    """
    share = empty_share(values)
    if not at_edge(values):
        return estimate(values, seeds, jumps=jumps, shared=shared, empty_share=share)
    beyond = np.isnan(values) if beyond is None else beyond
    won = bool(beyond[0]) and float(replicates_of(beyond).mean()) >= WON
    return missing(Absent.NOMINAL_WIN if won else Absent.EDGE, seeds, empty_share=share)
