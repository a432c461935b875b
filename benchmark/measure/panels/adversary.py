"""A policy against every shift of a given size: its worst mean reward inside balls of prompts and of objectives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.records.linear import linear_weights
from benchmark.measure.statistics.balls import chi_square_terms, kl_terms, total_variation_terms
from benchmark.measure.statistics.bootstrap import estimate
from benchmark.measure.table.comparer import Comparer
from benchmark.report import AdversarialCurve
from shifts.base import Shift

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Ball:
    """A divergence with the radii that are shown, the first of which is 0."""

    divergence: Literal["KL", "chi-square", "TV"]
    radii: tuple[float, ...]
    terms: Callable[[Floats, float], Floats]


# Without a tail that matters a ball costs about sqrt(2 radius) standard deviations (KL, chi-square).
BALLS = (
    Ball("KL", (0.0, 0.01, 0.05, 0.1, 0.25, 0.5), kl_terms),
    Ball("chi-square", (0.0, 0.01, 0.05, 0.1, 0.25, 0.5), chi_square_terms),
    Ball("TV", (0.0, 0.02, 0.05, 0.1, 0.2, 0.4), total_variation_terms),
)
WEIGHT_RADII = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


def adversarial_curves(comparer: Comparer, key: str) -> tuple[AdversarialCurve, ...]:
    """Worst gated utility of a row's last checkpoint on test prompts; none where no seed is done.

    Over prompts in three balls; over the weights of all objectives of the suite where the training utility is a convex
    combination of objectives.
    """
    if not comparer.arena.seed_rows(key):
        return ()
    return (*_over_prompts(comparer, key), *_over_objectives(comparer, key))


def _over_prompts(comparer: Comparer, key: str) -> list[AdversarialCurve]:
    """Each trained policy meets its own adversary, and their worst cases are averaged: were policies averaged first, a
    row of more seeds would have steadier prompts, and so a weaker adversary."""
    seed_rows = tuple(sorted(comparer.arena.seed_rows(key)))
    resamples = comparer.resamples("test", seed_rows)
    values = comparer.arena.test.nominal["gated"][comparer.arena.trajectory(key)[-1]][list(seed_rows)]
    curves = []
    for ball in BALLS:
        terms = np.stack([[ball.terms(of_seed, radius) for of_seed in values] for radius in ball.radii], axis=-1)
        means = resamples.mean(terms)
        worst = tuple(estimate(means[:, column], len(seed_rows)) for column in range(len(ball.radii)))
        curves.append(AdversarialCurve("prompts", ball.divergence, ball.radii, worst))
    return curves


def _over_objectives(comparer: Comparer, key: str) -> list[AdversarialCurve]:
    arena = comparer.arena
    weights = convex_weights(arena.train, arena.runs.objectives)
    if weights is None:
        return []
    seed_rows = tuple(sorted(arena.seed_rows(key)))
    last = arena.trajectory(key)[-1]
    rewards = [arena.test.means[f"gated_{name}"][last][list(seed_rows)] for name in arena.runs.objectives]
    means = comparer.resamples("test", seed_rows).mean(np.stack(rewards, axis=-1))
    worst = tuple(estimate(worst_weighting(means, weights, radius), len(seed_rows)) for radius in WEIGHT_RADII)
    return [AdversarialCurve("objectives", "TV", WEIGHT_RADII, worst)]


def convex_weights(shift: Shift, objectives: tuple[str, ...]) -> Floats | None:
    """What each objective of the suite counts in the shift's utility, shape [objectives]; None where the utility is not
    a convex combination of objectives."""
    known = linear_weights(shift)
    if known is None or min(known.values()) < -TOLERANCE or abs(sum(known.values()) - 1) > TOLERANCE:
        return None
    return np.array([known.get(name, 0.0) for name in objectives])


def worst_weighting(rewards: Floats, weights: Floats, radius: float) -> Floats:
    """min over w on the simplex with TV(w, weights) <= radius of sum_j w_j rewards_j.

    The adversary takes mass `radius` from the objectives that are served best, and puts it on the one served worst.

    Args:
        rewards: mean reward of each objective, shape [rows, objectives].
        weights: of the training shift, on the simplex, shape [objectives].
        radius: the mass that may move, in [0, 1].

    Returns:
        The least weighted reward, shape [rows].
    """
    best_first = np.argsort(-rewards, axis=1)
    ordered, held = np.take_along_axis(rewards, best_first, axis=1), weights[best_first]
    before = np.cumsum(held, axis=1) - held
    taken = np.clip(radius - before, 0, held)
    return np.asarray(rewards @ weights - (taken * (ordered - ordered[:, -1:])).sum(axis=1))
