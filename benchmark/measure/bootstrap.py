"""Intervals: seeds and prompts are resampled together, and every method is seen through the same resamples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.data import Floats
from benchmark.measure.report import Estimate
from benchmark.seeds import generator

REPLICATES = 2000
LEVEL = 0.95
ONE_SEED = "n = 1 seed: no interval over seeds"


@dataclass(frozen=True)
class Resamples:
    """Weights of the crossed (pigeonhole) bootstrap; entry 0 is the sample itself, the others are replicates.

    seeds: shape [1 + replicates, seeds]; prompts: shape [1 + replicates, prompts]; rows sum to 1. The weight of an
    evaluation is the product of its seed's and its prompt's. With one seed, prompts alone are resampled.
    Source: Owen, "The pigeonhole bootstrap", arXiv:0712.1111.
    """

    seeds: Floats
    prompts: Floats

    def mean(self, values: Floats) -> Floats:
        """Weighted means over seeds and prompts: [..., seeds, prompts, k] to [1 + replicates, ..., k]."""
        seeds, prompts, width = values.shape[-3:]
        lead = values.shape[:-3]
        stacked = np.moveaxis(values, -2, 0).reshape(prompts, -1)
        by_seed = (self.prompts @ stacked).reshape(len(self.prompts), -1, seeds, width)
        return np.einsum("bs,blsk->blk", self.seeds, by_seed).reshape(len(self.prompts), *lead, width)


def crossed(seeds: int, prompts: int, replicates: int, *names: object) -> Resamples:
    """Multinomial weights of both factors; the same names and sizes give the same weights.

    Prompt weights are drawn from a stream of their own, so rows with fewer seeds still share their prompts' weights.
    """
    return Resamples(
        _multinomial(seeds, replicates, *names, "seeds", seeds),
        _multinomial(prompts, replicates, *names, "prompts", prompts),
    )


def _multinomial(count: int, replicates: int, *names: object) -> Floats:
    draws = generator("bootstrap", *names).multinomial(count, np.full(count, 1 / count), size=replicates)
    return np.concatenate([np.full((1, count), 1 / count), draws / count])


def estimate(values: Floats, seeds: int, note: str = "") -> Estimate:
    """The number and its percentile interval from `values`: entry 0 the number, the others its replicates.

    NaN replicates are left out of the interval. `seeds` is what `n` reports; with one seed the note says that the
    interval knows nothing of other seeds.
    """
    if np.isnan(values[0]):
        return Estimate(None, n=seeds, note=note or "not recorded")
    replicates = values[1:][~np.isnan(values[1:])]
    low, high = np.quantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(replicates) else (None, None)
    parts = [part for part in (note, ONE_SEED if seeds == 1 else "") if part]
    return Estimate(float(values[0]), _number(low), _number(high), seeds, "; ".join(parts))


def estimate_over_seeds(values: Floats, resamples: Resamples, note: str = "") -> Estimate:
    """A number that is known per seed only, shape [seeds]: its mean, with an interval where there are two seeds."""
    known = ~np.isnan(values)
    if not known.any():
        return Estimate(None, n=0, note=note or "not recorded")
    if known.sum() == 1:
        return Estimate(float(values[known][0]), n=1, note="; ".join(part for part in (note, ONE_SEED) if part))
    weights = resamples.seeds[:, known]
    with np.errstate(invalid="ignore"):
        means = weights @ values[known] / weights.sum(axis=1)
    return estimate(means, int(known.sum()), note)


def weighted_median(values: Floats, resamples: Resamples) -> Floats:
    """Median of [seeds, prompts, samples] in every resample, shape [1 + replicates]: the least value at which the
    weight of the smaller ones reaches a half."""
    flat = values.reshape(-1)
    order = np.argsort(flat, kind="stable")
    seed, prompt, _ = np.unravel_index(order, values.shape)
    weight = np.cumsum(resamples.seeds[:, seed] * resamples.prompts[:, prompt], axis=1)
    return flat[order][(weight < 0.5 * weight[:, -1:] - 1e-12).sum(axis=1)]


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
