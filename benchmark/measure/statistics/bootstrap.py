"""Intervals: seeds and prompts are resampled together, and every method is seen through the same resamples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from benchmark.core.data import Floats
from benchmark.core.seeds import generator
from benchmark.measure.statistics.moderation import NOTHING_SHARED, SharedVariance
from benchmark.measure.statistics.spread import Spread, spread
from benchmark.report import Absent, Estimate, missing

REPLICATES = 2000
PARTS = 3  # of the resamples: seeds alone, prompts alone, both
LEVEL = 0.95


@dataclass(frozen=True)
class Resamples:
    """Weights of seeds and prompts, one row per resample; rows sum to 1.

    seeds: shape [resamples, seeds]; prompts: shape [resamples, prompts]. The weight of an evaluation is the product of
    its seed's and its prompt's. Row 0 is the sample itself. Then come three parts of equal length: seeds resampled
    alone, prompts alone, and both, with the same draws as before (the crossed or pigeonhole bootstrap); `spread` says
    what each is for. With one seed prompts are resampled in every row.
    """

    seeds: Floats
    prompts: Floats

    def mean(self, values: Floats) -> Floats:
        """Weighted means over seeds and prompts: [..., seeds, prompts, k] to [resamples, ..., k]."""
        seeds, prompts, width = values.shape[-3:]
        lead = values.shape[:-3]
        stacked = np.moveaxis(values, -2, 0).reshape(prompts, -1)
        by_seed = (self.prompts @ stacked).reshape(len(self.prompts), -1, seeds, width)
        return np.einsum("bs,blsk->blk", self.seeds, by_seed).reshape(len(self.prompts), *lead, width)


def crossed(seeds: int, prompts: int, replicates: int, *names: object, split: object = None) -> Resamples:
    """Multinomial weights of both factors; the same names and sizes give the same weights.

    Prompt weights are drawn from a stream of their own, so rows with fewer seeds still share their prompts' weights.

    Args:
        seeds: how many there are.
        prompts: how many there are.
        replicates: of all three parts together, rounded up to a multiple of 3.
        names: of the streams.
        split: a name of the prompts' stream alone, for two samples of prompts that share their seeds' draws.
    """
    draws = -(-replicates // PARTS)
    own = names if split is None else (*names, split)
    drawn_seeds = _multinomial(seeds, draws, *names, "seeds", seeds)
    drawn_prompts = _multinomial(prompts, draws if seeds > 1 else PARTS * draws, *own, "prompts", prompts)
    if seeds == 1:
        return Resamples(np.ones((1 + PARTS * draws, 1)), np.concatenate([_equal(1, prompts), drawn_prompts]))
    return Resamples(
        np.concatenate([_equal(1, seeds), drawn_seeds, _equal(draws, seeds), drawn_seeds]),
        np.concatenate([_equal(1 + draws, prompts), drawn_prompts, drawn_prompts]),
    )


def _equal(rows: int, count: int) -> Floats:
    return np.full((rows, count), 1 / count)


def _multinomial(count: int, draws: int, *names: object) -> Floats:
    return generator("bootstrap", *names).multinomial(count, np.full(count, 1 / count), size=draws) / count


def replicates_of(values: NDArray[Any]) -> NDArray[Any]:
    """Of one value per resample, those in which everything was resampled (with one seed, a third of them)."""
    return values[1 + (PARTS - 1) * (len(values) - 1) // PARTS :]


def seeds_alone(values: NDArray[Any]) -> NDArray[Any]:
    """Of one entry per resample, those in which seeds were resampled and prompts were not; of two seeds and more."""
    return values[1 : 1 + (len(values) - 1) // PARTS]


def spread_of(values: Floats, seeds: int, jumps: bool = False) -> Spread:
    """How a number spreads, from its value in every resample, shape [resamples, ...]; for `jumps` see `spread`."""
    if seeds == 1:
        return spread(values[:0], values[1:], values[:0], 1)
    alone, prompts, both = np.split(values[1:], PARTS)
    return spread(alone, prompts, both, seeds, jumps)


def estimate(
    values: Floats,
    seeds: int,
    *,
    jumps: bool = False,
    shared: SharedVariance = NOTHING_SHARED,
    against: str = "",
    empty_share: float = 0.0,
) -> Estimate:
    """The number and its 95% interval (see `spread`) from its value in every resample, shape [resamples].

    NaN replicates are left out. `seeds` is the number of seeds that were resampled, and what `n` reports; with one seed
    the interval knows nothing of other seeds. `jumps`: the number is what a rule chose. Its variance is taken whole
    (see `spread`), and since other choices may lie on one side alone, its interval reaches at least as far as the
    percentiles of the crossed bootstrap. `shared`: what other rows tell of the seed variance. `against` and
    `empty_share` are facts that stand beside the number.
    """
    if np.isnan(values[0]):
        return missing(Absent.NOT_RECORDED, seeds)
    number = float(values[0])
    half = float(spread_of(values, seeds, jumps).with_shared(shared).half_width(1 - LEVEL))
    if np.isnan(half):
        return Estimate(number, n=seeds, against=against, empty_share=empty_share)
    low, high = number - half, number + half
    if jumps:
        ends = np.nanquantile(replicates_of(values), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    return Estimate(number, low, high, seeds, against=against, empty_share=empty_share)


def estimate_over_seeds(values: Floats, against: str = "", absent: Absent = Absent.NOT_RECORDED) -> Estimate:
    """A number that is known per seed only, shape [seeds]: its mean, with Student's 95% interval from two seeds on.

    Args:
        values: one per seed, NaN where it is not known.
        against: key of the row that it was compared with.
        absent: why it is missing, where no seed has it.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return missing(absent)
    mean = float(known.mean())
    if len(known) == 1:
        return Estimate(mean, n=1, against=against)
    half = float(stdtrit(len(known) - 1, (1 + LEVEL) / 2) * known.std(ddof=1) / np.sqrt(len(known)))
    return Estimate(mean, mean - half, mean + half, len(known), against=against)


def weighted_median(values: Floats, resamples: Resamples) -> Floats:
    """Median of [seeds, prompts, samples] in every resample, shape [resamples]: the least value at which the
    weight of the smaller ones reaches a half."""
    flat = values.reshape(-1)
    order = np.argsort(flat, kind="stable")
    seed, prompt, _ = np.unravel_index(order, values.shape)
    weight = np.cumsum(resamples.seeds[:, seed] * resamples.prompts[:, prompt], axis=1)
    return flat[order][(weight < 0.5 * weight[:, -1:] - 1e-12).sum(axis=1)]
