"""Planted controls: rows that truly lie over the envelope by a known lift, made of stored completions.

Of the completions that DPO's policies and the reference gave to a prompt with one seed, a planted policy gives the i-th
with a probability proportional to exp(slope v_i), where v_i is its mean utility over the shifts that bind or, where
that leads beyond DPO's nominal utility, its utility under the worst of these shifts. That is a policy, only that it
must know what nobody knows. The slope is set on one half of the prompts, so that there it lies over the envelope by the
wanted lift, and the row is measured on the other half; then the halves change places, as for any row. Its interval is
made as any row's is, so whether it clears shows what this run could have seen.

The envelope in the half that sets the slope is flattered by noise, so that the true lift is, if anything, greater.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from benchmark.core.data import Floats
from benchmark.measure.runs.arenas import SPLITS, SplitArrays
from benchmark.measure.statistics.envelope import BOTH_WAYS, Fold, Means, over_envelope
from benchmark.measure.table.comparer import Comparer

LIFTS = (0.02, 0.05)  # of the range of the training utility
STEEPEST = 1e3
NEAR = 1e-3  # of the lift


def planted(comparer: Comparer, lift: float) -> tuple[Floats, tuple[int, ...]] | None:
    """`over_envelope` of a planted row in every resample, shape [resamples], and the rows of its seeds.

    None without plain DPO, without a seed that all of it has, or where no slope gives the lift.

    Args:
        comparer: of the arena.
        lift: that the row truly has, units of utility.
    """
    rivals = comparer.rivals()
    seed_rows = comparer.shared_seed_rows(rivals)
    if not comparer.arena.dpo_keys() or not seed_rows:
        return None
    policies = comparer.family(rivals)
    halves = [_Half(comparer, split, policies, seed_rows) for split in SPLITS]
    dpo = comparer.halves(policies, seed_rows)
    answers = []
    for fold in BOTH_WAYS:
        found = _tilt(halves[fold[0]], dpo, lift, fold)
        if found is None:
            return None
        answers.append(over_envelope(dpo, [half.means(*found) for half in halves], (fold,)))
    return np.asarray(np.mean(answers, axis=0)), seed_rows


def _tilt(half: _Half, dpo: Sequence[Means], lift: float, fold: Fold) -> tuple[float, int | None] | None:
    """The first direction that has a slope of the wanted lift, with that slope; None: there is none."""
    for shift in (None, half.worst_shift()):
        slope = _slope(half, dpo, lift, fold, shift)
        if slope is not None:
            return slope, shift
    return None


def _slope(half: _Half, dpo: Sequence[Means], lift: float, fold: Fold, shift: int | None) -> float | None:
    """The slope at which the sample's lift, chosen and measured on one half, is the wanted one; None: there is none."""
    choose = fold[0]
    sample = [Means(means.utility[:1], means.nominal[:1], means.kl[:1]) for means in dpo]

    def excess(log_slope: float) -> float:
        method = half.sample(np.exp(log_slope), shift)
        over = float(over_envelope([sample[choose]], [method], ((0, 0),))[0])
        return 1.0 if np.isnan(over) else over - lift  # beyond DPO's nominal utility: too steep

    low, high = np.log(1e-6), np.log(STEEPEST)
    if excess(high) <= 0 or excess(low) >= 0:
        return None
    found = float(brentq(excess, low, high, xtol=1e-9))
    return float(np.exp(found)) if abs(excess(found)) < NEAR * lift else None  # it may jump beyond DPO's utility


class _Half:
    """One half of the prompts: every completion that DPO's family gave to each prompt with each seed."""

    def __init__(self, comparer: Comparer, split: str, policies: Sequence[int], seed_rows: tuple[int, ...]) -> None:
        arrays: SplitArrays = getattr(comparer.arena, split)
        chosen = np.ix_(list(policies), list(seed_rows))
        binding, nominal = arrays.binding[chosen], arrays.sampled["gated"][chosen][..., None]
        by_sample = np.moveaxis(np.concatenate([binding, nominal], axis=-1), 3, 1)
        self._columns = by_sample.reshape(-1, *by_sample.shape[2:])  # [completions, seeds, prompts, shifts + 1]
        self._resamples = comparer.resamples(split, seed_rows)

    def worst_shift(self) -> int:
        """The shift that binds under which all policies together are worst off."""
        return int(self._columns[..., :-1].mean(axis=(0, 1, 2)).argmin())

    def _policy(self, slope: float, shift: int | None) -> Floats:
        """What the planted policy gives, [1, seeds, prompts, shifts + 1]; it looks at one shift, or (None) at all."""
        utility = self._columns[..., :-1].mean(axis=-1) if shift is None else self._columns[..., shift]
        scores = slope * utility
        weights = np.exp(scores - scores.max(axis=0))
        weights /= weights.sum(axis=0)
        return np.asarray((weights[..., None] * self._columns).sum(axis=0, keepdims=True))

    def means(self, slope: float, shift: int | None) -> Means:
        """In every resample."""
        return _means(self._resamples.mean(self._policy(slope, shift)))

    def sample(self, slope: float, shift: int | None) -> Means:
        """In the sample itself."""
        return _means(self._policy(slope, shift).mean(axis=(1, 2))[None])


def _means(columns: Floats) -> Means:
    """From [resamples, 1, shifts + 1]; the KL of such a policy is not known."""
    return Means(columns[..., :-1], columns[..., -1], np.full(columns.shape[:2], np.nan))
