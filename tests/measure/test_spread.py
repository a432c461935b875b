"""The variance of a number and its critical value: closed forms, limits, and where they meet."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.measure.statistics.bootstrap import crossed, spread_of
from benchmark.measure.statistics.spread import Spread, spread


def known(variance: float, seed: float, seeds: int) -> Spread:
    return Spread(np.array(variance), np.array(seed), seeds, seeds - 1)


def test_parts_by_hand() -> None:
    # Variances of 1, 3 and 5 for 2 seeds (c = 1/2): v_seed = 2, v_prompt = 3, v_both = (5 - 1 - 3) / c = 2.
    alone, prompts, both = (np.sqrt(variance / 2) * np.array([-1.0, 1.0]) for variance in (1, 3, 5))
    measured = spread(alone, prompts, both, 2)
    assert (measured.variance, measured.seed_variance) == pytest.approx((2 + 3 - 2, 2))
    assert spread(alone, prompts, both, 2, jumps=True).variance == pytest.approx(
        5 + 2 / 2
    )  # crossed, and what it lacks
    assert spread(alone, prompts, both, 1).variance == pytest.approx(3)


def test_noise_that_would_take_the_variance_away_leaves_part_of_the_prompts() -> None:
    alone, prompts, both = (np.sqrt(variance / 2) * np.array([-1.0, 1.0]) for variance in (0.01, 1, 4))
    assert spread(alone, prompts, both, 3).variance == pytest.approx(0.4)


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_the_variance_of_a_mean_is_that_of_the_random_effects_model(seeds: int) -> None:
    """With a, b and e orthogonal in the sample, everything is known: v_seed = A, v_prompt = B, v_both = E."""
    rng = np.random.default_rng(0)
    prompts = 40
    a, b = rng.normal(0, 0.3, seeds), rng.normal(0, 1.0, prompts)
    e = rng.normal(0, 2.0, (seeds, prompts))
    a, b = a - a.mean(), b - b.mean()
    e = e - e.mean(axis=0) - e.mean(axis=1)[:, None] + e.mean()
    measured = spread_of(crossed(seeds, prompts, 60_000, "a").mean((a[:, None] + b + e)[..., None])[:, 0], seeds)
    seed, prompt = a.var(ddof=1) / seeds, b.var() / prompts
    both = (e**2).sum() / ((seeds - 1) * seeds * prompts**2)
    assert float(measured.variance) == pytest.approx(max(seed + prompt - both, 0.4 * prompt), rel=0.08)
    assert float(measured.seed_variance) == pytest.approx(min(seed, float(measured.variance)), rel=0.08)


def test_the_critical_value_is_students_where_seeds_are_all_and_normal_where_prompts_are() -> None:
    assert float(known(1.0, 1.0, 3).critical(0.05)) == pytest.approx(stats.t.isf(0.025, 2))
    assert float(known(1.0, 0.0, 3).critical(0.05)) == pytest.approx(1.959964, rel=1e-4)
    assert float(known(1.0, 0.0, 1).critical(0.05)) == pytest.approx(1.959964, rel=1e-4)


def test_between_them_it_is_the_mean_of_two_classical_answers() -> None:
    # Half of the variance from 3 seeds: Satterthwaite's degrees of freedom are 2 / (1/2)^2 = 8.
    welch, cochran = stats.t.isf(0.025, 8), 0.5 * stats.t.isf(0.025, 2) + 0.5 * stats.norm.isf(0.025)
    assert float(known(2.0, 1.0, 3).critical(0.05)) == pytest.approx((welch + cochran) / 2)
    assert float(known(2.0, 1.0, 3).half_width(0.05)) == pytest.approx((welch + cochran) / 2 * np.sqrt(2))


def test_p_is_the_level_at_which_the_interval_touches_zero() -> None:
    measured = known(2.0, 1.0, 3)
    for level in (0.6, 0.05, 1e-4):
        assert measured.p_value(float(measured.half_width(level))) == pytest.approx(level, rel=1e-6)
    assert measured.p_value(-1.0) == measured.p_value(1.0) and measured.p_value(0.0) == 1.0
    assert known(1.0, 1.0, 4).p_value(2.5) == pytest.approx(2 * stats.t.sf(2.5, 3))
    assert known(0.0, 0.0, 4).p_value(2.5) == 0.0


def test_the_least_detectable_value_by_the_noncentral_t_distribution() -> None:
    # Prompts alone: the normal quantiles of 97.5% and 80%.
    assert known(4.0, 0.0, 3).detectable(0.05, 0.8) == pytest.approx(2 * (1.959964 + 0.841621), rel=1e-5)
    assert known(4.0, 0.0, 1).detectable(0.05, 0.8) == pytest.approx(2 * (1.959964 + 0.841621), rel=1e-5)
    assert known(0.0, 0.0, 3).detectable(0.05, 0.8) == 0.0
    # Seeds alone: T = Z + shift over the root of chi2 / 4 exceeds 2.776 with that probability.
    seeds_alone = known(4.0, 4.0, 5)
    least = seeds_alone.detectable(0.05, 0.9)
    assert stats.nct.sf(stats.t.isf(0.025, 4), 4, least / 2) == pytest.approx(0.9)
    # Half of the variance from seeds: Satterthwaite's 2 / .5^2 = 8 degrees, and the critical value of the interval.
    both = known(4.0, 2.0, 3)
    critical = float(both.critical(0.05))
    assert stats.nct.sf(critical, 8, both.detectable(0.05, 0.8) / 2) == pytest.approx(0.8)


def test_more_level_or_less_power_takes_less() -> None:
    one = known(1.0, 0.5, 4)
    assert one.detectable(0.1, 0.8) < one.detectable(0.05, 0.8) < one.detectable(0.05, 0.9)
    assert one.detectable(0.05, 0.5) == pytest.approx(float(one.half_width(0.05)), rel=0.12)  # about half of the time
