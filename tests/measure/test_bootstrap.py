"""The crossed bootstrap: its arithmetic, its pairing, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.measure.statistics.bootstrap import (
    Resamples,
    crossed,
    estimate,
    estimate_over_seeds,
    replicates_of,
    weighted_median,
)
from benchmark.report import Absent, words


def test_the_first_row_is_the_sample_and_the_parts_resample_seeds_prompts_and_both() -> None:
    resamples = crossed(4, 10, 60, "a")
    assert resamples.seeds.shape == (61, 4) and resamples.prompts.shape == (61, 10)
    seeds, prompts = (np.split(weights[1:], 3) for weights in (resamples.seeds, resamples.prompts))
    for every in (resamples.seeds[:1], seeds[1]):
        np.testing.assert_array_equal(every, np.full(every.shape, 0.25))
    np.testing.assert_array_equal(prompts[0], np.full((20, 10), 0.1))
    np.testing.assert_array_equal(seeds[0], seeds[2])  # the same draws, so that differences between parts are tight
    np.testing.assert_array_equal(prompts[1], prompts[2])
    np.testing.assert_allclose(resamples.prompts.sum(axis=1), 1)
    np.testing.assert_allclose(prompts[1] * 10, (prompts[1] * 10).round())
    np.testing.assert_array_equal(replicates_of(resamples.seeds), seeds[2])


def test_with_one_seed_prompts_are_resampled_in_every_row() -> None:
    resamples = crossed(1, 10, 60, "a")
    assert (resamples.seeds == 1).all() and (resamples.prompts[1:] != 0.1).any(axis=1).all()


def test_means_are_the_double_sum_over_seeds_and_prompts() -> None:
    rng = np.random.default_rng(0)
    values, resamples = rng.normal(size=(2, 3, 5, 4)), crossed(3, 5, 6, "a")
    expected = [
        [
            sum(
                resamples.seeds[b, s] * resamples.prompts[b, p] * values[policy, s, p]
                for s in range(3)
                for p in range(5)
            )
            for policy in range(2)
        ]
        for b in range(7)
    ]
    np.testing.assert_allclose(resamples.mean(values), expected)


def test_the_same_names_give_the_same_resamples_and_other_names_do_not() -> None:
    np.testing.assert_array_equal(crossed(3, 9, 20, "a").prompts, crossed(3, 9, 20, "a").prompts)
    assert (crossed(3, 9, 20, "a").prompts != crossed(3, 9, 20, "b").prompts).any()
    # Prompt weights do not depend on the number of seeds, so rows with a failed seed stay paired with the others.
    np.testing.assert_array_equal(crossed(3, 9, 20, "a").prompts, crossed(2, 9, 20, "a").prompts)


def test_two_splits_share_the_weights_of_seeds_and_not_of_prompts() -> None:
    test, validation = (crossed(3, 9, 20, "a", split=split) for split in ("test", "validation"))
    np.testing.assert_array_equal(test.seeds, validation.seeds)
    assert (test.prompts != validation.prompts).any()


def test_pairing_cancels_what_two_methods_share() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1, 4, 30, 1))
    means = crossed(4, 30, 200, "a").mean(np.concatenate([shared, shared + 0.5]))
    assert means[:, 0].std() > 0.05
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.5)


def test_one_seed_has_no_interval_over_seeds_and_says_so() -> None:
    values = np.array([[[0.3], [0.3]]])  # nothing varies over prompts
    number = estimate(crossed(1, 2, 100, "a").mean(values)[:, 0], seeds=1)
    assert (number.value, number.low, number.high, number.n) == pytest.approx((0.3, 0.3, 0.3, 1))
    assert words.note(number) == "n = 1 seed: no interval over seeds"
    single = estimate_over_seeds(np.array([0.3]))
    assert (single.value, single.low, single.high, single.n) == (0.3, None, None, 1)


def test_missing_is_missing_and_never_zero() -> None:
    assert estimate(np.array([np.nan, 1.0]), 3).value is None
    nothing = estimate_over_seeds(np.full(3, np.nan))
    assert (nothing.value, nothing.n, nothing.absent) == (None, 0, Absent.NOT_RECORDED)
    no_replicate = estimate(np.array([1.0, *[np.nan] * 6]), 3)
    assert (no_replicate.value, no_replicate.low, no_replicate.high) == (1.0, None, None)


def test_of_one_number_per_seed_the_interval_is_students() -> None:
    some = estimate_over_seeds(np.array([1.0, np.nan, 3.0]))
    half = 12.7062 * np.sqrt(2 / 2)  # t of one degree of freedom; variance 2, two seeds
    assert (some.value, some.low, some.high, some.n) == pytest.approx((2.0, 2.0 - half, 2.0 + half, 2), rel=1e-4)


def test_what_a_number_was_compared_with_stands_beside_it() -> None:
    for per_seed in ([1.0], [1.0, 3.0]):
        assert estimate_over_seeds(np.array(per_seed), "dpo(beta=0.3)").against == "dpo(beta=0.3)"
    for values in ([1.0, 1.0, 2.0, 3.0, 1.0, 2.0, 4.0], [1.0, *[np.nan] * 6]):
        made = estimate(np.array(values), 3, against="dpo(beta=0.3)", empty_share=0.25)
        assert (made.against, made.empty_share) == ("dpo(beta=0.3)", 0.25)


def test_replicates_that_do_not_exist_are_left_out() -> None:
    values = crossed(3, 30, 300, "a").mean(np.random.default_rng(0).normal(size=(3, 30, 1)))[:, 0]
    some = np.where(np.arange(len(values)) % 10 == 7, np.nan, values)
    made, all_of_them = estimate(some, 3), estimate(values, 3)
    assert made.low is not None and all_of_them.low is not None
    assert made.low == pytest.approx(all_of_them.low, abs=0.1 * abs(all_of_them.low - values[0]))


def test_what_a_rule_chose_reaches_as_far_as_its_replicates() -> None:
    """Nine replicates in ten take 1.0, as the sample does, and one takes 0.0: all of the doubt is on one side."""
    part = np.tile([1.0] * 9 + [0.0], 10)
    made, plain = (estimate(np.array([1.0, *np.ones(200), *part]), 3, jumps=jumps) for jumps in (True, False))
    assert made.low == 0.0 and made.high is not None and made.high < 1.7
    assert plain.low == plain.high == 1.0


@pytest.mark.parametrize("side", [1, -1])
def test_the_interval_of_what_a_rule_chose_ends_at_the_percentiles_of_95_in_100(side: int) -> None:
    """961 of 1001 replicates are where the sample is, 40 lie on one side, evenly from 0.5 to 20: one in 40 above 7.5.

    Their standard deviation is 2.3, so the symmetric interval ends at 4.5; percentiles of 90 in 100 would be 0.
    """
    lopsided = side * np.concatenate([np.zeros(961), np.linspace(0.5, 20, 40)])
    made = estimate(np.array([0.0, *np.zeros(2002), *lopsided]), 3, jumps=True)
    assert made.low is not None and made.high is not None
    far, near = (made.high, -made.low) if side > 0 else (-made.low, made.high)
    assert far == pytest.approx(7.5)
    assert near == pytest.approx(1.96 * lopsided.std(ddof=1), rel=1e-3)


def test_the_weighted_median_is_the_median_of_the_repeated_values() -> None:
    rng = np.random.default_rng(2)
    values, resamples = rng.normal(size=(3, 5, 1)), crossed(3, 5, 40, "a")
    made = weighted_median(values, resamples)
    for row, median in enumerate(made):
        counts = np.outer(resamples.seeds[row] * 3, resamples.prompts[row] * 5).round().astype(int)
        repeated = np.sort(np.repeat(values[..., 0].ravel(), counts.ravel()))
        assert median == repeated[(len(repeated) - 1) // 2]


def test_of_an_even_number_the_median_is_the_lower_one() -> None:
    values = np.array([[4.0, 1.0], [3.0, 2.0]])[..., None]
    assert weighted_median(values, crossed(2, 2, 3, "a"))[0] == 2.0
    # and where a resample gives one seed all the weight, of that seed's own
    alone = Resamples(np.array([[1.0, 0.0], [0.0, 1.0]]), np.full((2, 2), 0.5))
    assert weighted_median(values, alone).tolist() == [1.0, 2.0]
