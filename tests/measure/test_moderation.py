"""Seed variances that are shared between rows: the closed form, its limits, and its coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.core.data import Floats
from benchmark.measure.statistics.bootstrap import crossed, seeds_alone
from benchmark.measure.statistics.moderation import (
    NOTHING_SHARED,
    SharedVariance,
    effective_rows,
    seed_effects,
    shared_variance,
)
from benchmark.measure.statistics.spread import Spread

WORLDS = 1500


def spread(variance: float, seed_variance: float, seeds: int) -> Spread:
    return Spread(np.asarray(variance), np.asarray(seed_variance), seeds, seeds - 1)


def test_variances_are_averaged_by_their_freedom_and_never_fall() -> None:
    own = spread(5.0, 1.0, 3)
    together = own.with_shared(SharedVariance(4.0, 4.0))
    assert together.seed_variance == pytest.approx((4 * 4 + 2 * 1) / 6)
    assert together.variance == pytest.approx(4.0 + (4 * 4 + 2 * 1) / 6) and together.freedom == 6
    quiet = own.with_shared(SharedVariance(0.1, 4.0))
    assert quiet.seed_variance == 1.0 and quiet.freedom == 6
    assert own.with_shared(NOTHING_SHARED) is own


def test_with_more_freedom_an_interval_is_shorter_as_students_t_is() -> None:
    alone, together = spread(1.0, 1.0, 3), spread(1.0, 1.0, 3).with_shared(SharedVariance(1.0, 4.0))
    assert alone.half_width(0.05) == pytest.approx(stats.t.isf(0.025, 2))
    assert together.half_width(0.05) == pytest.approx(stats.t.isf(0.025, 6))


def test_what_cannot_be_shared_is_not() -> None:
    rng = np.random.default_rng(0)
    assert shared_variance(rng.normal(size=(3, 5))) is NOTHING_SHARED  # too few rows
    assert shared_variance(rng.normal(size=(8, 1))) is NOTHING_SHARED  # one seed
    assert shared_variance(rng.normal(size=(8, 2))) is NOTHING_SHARED  # two: every pair of rows looks alike
    same = np.tile(rng.normal(size=(1, 5)), (8, 1))
    assert effective_rows(same - same.mean(axis=1, keepdims=True)) == pytest.approx(1.0)
    assert shared_variance(same) is NOTHING_SHARED  # eight copies of one row are one row


def test_independent_rows_count_each_and_equal_variances_are_found() -> None:
    rng = np.random.default_rng(1)
    effects = rng.normal(0, 2, size=(400, 5))
    assert effective_rows(effects - effects.mean(axis=1, keepdims=True)) > 200
    shared = shared_variance(effects)
    assert shared.variance == pytest.approx(4 / 5, rel=0.1) and shared.freedom == 8  # 2 d


def test_rows_that_scatter_widely_lend_little() -> None:
    rng = np.random.default_rng(2)
    scale = np.exp(rng.normal(0, 2, size=(400, 1)))
    assert shared_variance(scale * rng.normal(size=(400, 5))).freedom < 1


def test_effects_of_seeds_are_read_from_resamples() -> None:
    by_seed = np.array([0.3, -0.1, -0.2, 0.5, -0.5])
    weights = crossed(5, 10, 600, "effects").seeds
    values = 0.7 + weights @ by_seed
    values[3] = np.nan
    assert seed_effects(seeds_alone(values), seeds_alone(weights)) == pytest.approx(by_seed - by_seed.mean())


def held(seeds: int, rows: int, together: float, scatter: float) -> tuple[float, float]:
    """Share of rows whose interval holds the truth, and its length over that of a row that stands alone.

    Args:
        seeds: number of them.
        rows: of the table.
        together: correlation of the rows' seed effects.
        scatter: logarithm of the ratio of the greatest to the least true variance.
    """
    rng = np.random.default_rng([seeds, rows, int(10 * together), int(10 * scatter)])
    deviations = np.exp(np.linspace(-scatter, scatter, rows) / 4)[:, None]
    covered, ratios = 0.0, []
    for _ in range(WORLDS):
        common, own = rng.normal(size=(1, seeds)), rng.normal(size=(rows, seeds))
        numbers: Floats = deviations * (np.sqrt(together) * common + np.sqrt(1 - together) * own)
        shared = shared_variance(numbers)
        for row in numbers[:: rows - 1]:  # the least and the most variable one
            alone = spread(row.var(ddof=1) / seeds, row.var(ddof=1) / seeds, seeds)
            half = float(alone.with_shared(shared).half_width(0.05))
            covered += abs(row.mean()) <= half
            ratios.append(half / float(alone.half_width(0.05)))
    return covered / (2 * WORLDS), float(np.median(ratios))


@pytest.mark.parametrize(("together", "scatter"), [(0.0, 0.0), (0.5, 0.0), (0.0, 1.4), (0.5, 1.4), (0.5, 2.8)])
@pytest.mark.parametrize("seeds", [3, 5])
def test_shared_variances_hold_the_truth_and_shorten_intervals(seeds: int, together: float, scatter: float) -> None:
    share, ratio = held(seeds, 8, together, scatter)
    assert 0.93 <= share <= 0.985  # 1,500 worlds: one standard error is half a point
    assert ratio <= {3: 0.8, 5: 0.95}[seeds]


def test_rows_that_err_together_are_the_hardest_case() -> None:
    """Correlation .9: few rows are worth little more than one, and nobody can tell that from three seeds."""
    assert 0.89 <= held(3, 8, 0.9, 1.4)[0] <= 0.96
