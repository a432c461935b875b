"""A method against the envelope of plain DPO, in every replicate, with the seeds that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.records.linear import binding
from benchmark.measure.records.utilities import Kind
from benchmark.measure.runs.groups import REFERENCE, SPLITS, GroupData, SplitArrays
from benchmark.measure.statistics.bootstrap import Resamples, crossed, estimate, replicates_of
from benchmark.measure.statistics.envelope import Means, kl_saving, over_envelope
from benchmark.report.types import Estimate

EMPTY = "nominal win: no mixture of DPO policies reaches this nominal reward"
EDGE = "at the edge: DPO policies reach this nominal reward in some replicates and not in others"
WON = 0.975  # a win by chance of one in forty, as on either side of a 95% interval


@dataclass(frozen=True)
class Against:
    """What one method is compared with: the seeds that are common, and DPO's policies."""

    key: str
    seeds: tuple[int, ...]
    policies: tuple[int, ...]


@dataclass(frozen=True)
class Judge:
    """Judges the methods of one group; resamples and DPO's means are made once and shared."""

    group: GroupData
    replicates: int
    _resamples: dict[tuple[str, tuple[int, ...]], Resamples] = field(default_factory=dict, init=False, repr=False)
    _means: dict[tuple[tuple[int, ...], Kind], list[Means]] = field(default_factory=dict, init=False, repr=False)
    _over: dict[tuple[str, tuple[int, ...], Kind], Floats] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def binding(self) -> list[int]:
        """Places of the evaluation shifts that can be the worst one."""
        return binding(self.group.evaluated)

    def resamples(self, split: str, seeds: tuple[int, ...]) -> Resamples:
        """The resamples of a split over some seeds: seed weights are the same on both splits, prompts independent."""
        if (split, seeds) not in self._resamples:
            arrays: SplitArrays = getattr(self.group, split)
            names = (self.group.runs.suite, str(self.group.train))
            count = len(arrays.prompt_ids)
            self._resamples[split, seeds] = crossed(len(seeds), count, self.replicates, *names, split=split)
        return self._resamples[split, seeds]

    def over_envelope(self, key: str, kind: Kind) -> Estimate:
        """`over_envelope` of the method's last checkpoint, learned reward, gated or not."""
        against = self.against(key)
        if isinstance(against, str):
            return Estimate(None, note=against)
        return estimate_over(self.over_values(against, kind), len(against.seeds))

    def over_values(self, against: Against, kind: Kind = "gated") -> Floats:
        """The same number in every resample, shape [resamples]."""
        name = (against.key, against.seeds, kind)
        if name not in self._over:
            self._over[name] = over_envelope(*self._sides(against, kind))
        return self._over[name]

    def worst_case(self, key: str, seeds: tuple[int, ...]) -> Floats:
        """Gated worst case of the method's last checkpoint on test prompts in every resample, shape [resamples]."""
        utility = self.group.test.utility["gated"][self.group.path(key)[-1]][list(seeds)]
        return np.asarray(self.resamples("test", seeds).mean(utility[..., self.binding]).min(axis=1))

    def kl_saving(self, key: str) -> Estimate:
        """`kl_saving` of the method's last checkpoint, at its gated nominal reward."""
        against = self.against(key)
        if isinstance(against, str):
            return Estimate(None, note=against)
        dpo, method = self._sides(against, "gated")
        return estimate_over(kl_saving(dpo, method), len(against.seeds))

    def against(self, key: str) -> Against | str:
        """What `key` is compared with, or why it cannot be. A DPO row is judged against the other betas alone."""
        if key == REFERENCE:
            return "the reference is a policy of the envelope itself"
        others = [dpo for dpo in self.group.dpo_keys() if dpo != key]
        if not others:
            return "no other plain DPO run to compare with"
        rivals = [*others, REFERENCE] if self.group.path(REFERENCE) else others
        seeds = set.intersection(*(self.group.seeds_of(rival) for rival in [key, *rivals]))
        if not seeds:
            return "no seed that this method and every DPO run finished"
        return Against(key, tuple(sorted(seeds)), tuple(row for rival in rivals for row in self.group.path(rival)))

    def halves(self, policies: Sequence[int], seeds: tuple[int, ...], kind: Kind = "gated") -> list[Means]:
        """Means of some policies on validation and on test prompts, in every resample."""
        return [self._half(split, list(policies), seeds, kind) for split in SPLITS]

    def envelope(self, seeds: tuple[int, ...], kind: Kind = "gated") -> list[Means]:
        """The same of every policy of plain DPO, the reference among them."""
        return self._dpo_means(seeds, kind)

    def _sides(self, against: Against, kind: Kind) -> tuple[list[Means], list[Means]]:
        """Means on validation and test: of DPO's policies, and of the method's last checkpoint.

        Each is computed apart from the rows that it is not compared with, so that adding a method to a run changes no
        other number, not even in its last digit.
        """
        last, seeds = self.group.path(against.key)[-1], against.seeds
        places = [self._dpo_policies.index(row) for row in against.policies]
        dpo = [half.keep(places) for half in self._dpo_means(seeds, kind)]
        return dpo, [self._half(split, [last], seeds, kind) for split in SPLITS]

    @cached_property
    def _dpo_policies(self) -> list[int]:
        """Rows of every checkpoint of plain DPO and of the reference."""
        return [row for key in (*self.group.dpo_keys(), REFERENCE) for row in self.group.path(key)]

    def _dpo_means(self, seeds: tuple[int, ...], kind: Kind) -> list[Means]:
        if (seeds, kind) not in self._means:
            self._means[seeds, kind] = [self._half(split, self._dpo_policies, seeds, kind) for split in SPLITS]
        return self._means[seeds, kind]

    def _half(self, split: str, policies: list[int], seeds: tuple[int, ...], kind: Kind) -> Means:
        arrays: SplitArrays = getattr(self.group, split)
        chosen = np.ix_(policies, seeds)
        columns: list[Floats] = [
            arrays.utility[kind][chosen][..., self.binding],
            arrays.nominal[kind][chosen][..., None],
            arrays.kl[chosen].mean(axis=3)[..., None],
        ]
        means = self.resamples(split, seeds).mean(np.concatenate(columns, axis=-1))
        return Means(means[..., :-2], means[..., -2], means[..., -1])


def estimate_over(values: Floats, seeds: int, jumps: bool = False) -> Estimate:
    """The estimate, with what share of the replicates was empty.

    An empty programme has no value: it is a nominal win where it is empty in at least `WON` of the replicates too; else
    the method stands at the edge of what DPO reaches.
    """
    share = float(np.isnan(replicates_of(values)).mean())
    told = f"{share:.0%} of replicates empty" if share else ""
    if np.isnan(values[0]):
        return Estimate(None, n=seeds, note=f"{EMPTY if share >= WON else EDGE}; {told}".removesuffix("; "))
    return estimate(values, seeds, told, jumps)
