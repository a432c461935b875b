"""The crossed bootstrap: its arithmetic, its pairing, and how often its intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.measure.bootstrap import ONE_SEED, crossed, estimate, estimate_over_seeds, weighted_median


def test_weights_are_counts_that_sum_to_one_and_the_first_row_is_the_sample() -> None:
    resamples = crossed(4, 10, 50, "a")
    assert resamples.seeds.shape == (51, 4) and resamples.prompts.shape == (51, 10)
    np.testing.assert_allclose(resamples.prompts.sum(axis=1), 1)
    np.testing.assert_array_equal(resamples.seeds[0], np.full(4, 0.25))
    np.testing.assert_allclose(resamples.prompts[1:] * 10, (resamples.prompts[1:] * 10).round())


def test_means_are_the_double_sum_over_seeds_and_prompts() -> None:
    rng = np.random.default_rng(0)
    values, resamples = rng.normal(size=(2, 3, 5, 4)), crossed(3, 5, 7, "a")
    expected = [
        [
            sum(
                resamples.seeds[b, s] * resamples.prompts[b, p] * values[policy, s, p]
                for s in range(3)
                for p in range(5)
            )
            for policy in range(2)
        ]
        for b in range(8)
    ]
    np.testing.assert_allclose(resamples.mean(values), expected)


def test_the_same_names_give_the_same_resamples_and_other_names_do_not() -> None:
    np.testing.assert_array_equal(crossed(3, 9, 20, "a").prompts, crossed(3, 9, 20, "a").prompts)
    assert (crossed(3, 9, 20, "a").prompts != crossed(3, 9, 20, "b").prompts).any()
    # Prompt weights do not depend on the number of seeds, so rows with a failed seed stay paired with the others.
    np.testing.assert_array_equal(crossed(3, 9, 20, "a").prompts, crossed(2, 9, 20, "a").prompts)


def test_pairing_cancels_what_two_methods_share() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1, 4, 30, 1))
    means = crossed(4, 30, 200, "a").mean(np.concatenate([shared, shared + 0.5]))
    assert means[:, 0].std() > 0.05
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.5)


def test_one_seed_has_no_interval_over_seeds_and_says_so() -> None:
    values = np.array([[[0.3], [0.3]]])  # nothing varies over prompts
    told = estimate(crossed(1, 2, 100, "a").mean(values)[:, 0], seeds=1)
    assert (told.value, told.low, told.high, told.n) == pytest.approx((0.3, 0.3, 0.3, 1))
    assert ONE_SEED in told.note
    single = estimate_over_seeds(np.array([0.3]), crossed(1, 2, 100, "a"))
    assert (single.value, single.low, single.high, single.note) == (0.3, None, None, ONE_SEED)


def test_missing_is_missing_and_never_zero() -> None:
    assert estimate(np.array([np.nan, 1.0]), 3).value is None
    nothing = estimate_over_seeds(np.full(3, np.nan), crossed(3, 2, 100, "a"))
    assert (nothing.value, nothing.n, nothing.note) == (None, 0, "not recorded")
    some = estimate_over_seeds(np.array([1.0, np.nan, 3.0]), crossed(3, 2, 500, "a"))
    assert (some.value, some.low, some.high, some.n) == (2.0, 1.0, 3.0, 2)


def test_the_weighted_median_is_the_median_of_the_repeated_values() -> None:
    rng = np.random.default_rng(2)
    values, resamples = rng.normal(size=(3, 5, 1)), crossed(3, 5, 40, "a")
    told = weighted_median(values, resamples)
    for row, median in enumerate(told):
        counts = np.outer(resamples.seeds[row] * 3, resamples.prompts[row] * 5).round().astype(int)
        repeated = np.sort(np.repeat(values[..., 0].ravel(), counts.ravel()))
        assert median == repeated[(len(repeated) - 1) // 2]


@pytest.mark.slow
def test_intervals_of_a_mean_hold_the_truth_about_19_times_in_20() -> None:
    """Seeds and prompts both vary; the truth is 0. 600 worlds: one standard error of the coverage is 0.9 points."""
    rng = np.random.default_rng(3)
    seeds, prompts, worlds, held = 20, 60, 600, 0
    for world in range(worlds):
        effects = rng.normal(0, 0.2, (seeds, 1)) + rng.normal(0, 0.4, (1, prompts))
        values = effects + rng.normal(0, 0.6, (seeds, prompts))
        told = estimate(crossed(seeds, prompts, 400, "coverage", world).mean(values[..., None])[:, 0], seeds)
        assert told.low is not None and told.high is not None
        held += told.low <= 0 <= told.high
    assert 0.93 <= held / worlds <= 0.97
