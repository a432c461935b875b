"""Rewards that were not asked everywhere: means over all rows are means over those that were."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.core.errors import UserError
from benchmark.measure.records.asked import check_linear, everywhere
from benchmark.measure.records.probes import expected_loss, preference_accuracy
from shifts.base import parse_shift


def test_the_mean_over_all_rows_is_the_mean_where_it_was_asked():
    found = everywhere({"a": np.array([0.2, np.nan, 0.6, np.nan]), "b": np.ones(4)}, ["a"])
    # level .4; N / N_asked = 2: .4 + 2 (.2 - .4) = 0, .4 + 2 (.6 - .4) = .8
    np.testing.assert_allclose(found["a"], [0.0, 0.4, 0.8, 0.4])
    assert found["a"].mean() == pytest.approx(0.4) and (found["b"] == 1).all()


def test_a_resampled_mean_is_about_the_resampled_ratio():
    random = np.random.default_rng(0)
    values = np.where(random.random(400) < 0.4, random.random(400), np.nan)
    filled = everywhere({"a": values}, ["a"])["a"]
    rows = random.integers(0, 400, (2000, 400))
    ratio = np.nanmean(values[rows], axis=1)
    assert filled[rows].mean(axis=1).std() == pytest.approx(ratio.std(), rel=0.1)
    assert np.corrcoef(filled[rows].mean(axis=1), ratio)[0, 1] > 0.99


def test_what_was_asked_nowhere_is_an_error():
    with pytest.raises(UserError, match="a was asked on none"):
        everywhere({"a": np.full(3, np.nan)}, ["a"])


def test_only_weighted_sums_have_a_mean_then():
    mix, power = (parse_shift(f"alpha_mixture(a=x,b=y,alpha=0.5,kind={kind})")[0] for kind in ("convex", "geometric"))
    check_linear([mix], True)
    check_linear([power], False)
    with pytest.raises(UserError, match="not linear"):
        check_linear([mix, power], True)


def test_pairs_that_differ_too_little_or_are_unknown_do_not_count():
    first, second = np.array([0.5, 0.31, np.nan, 0.1]), np.array([0.1, 0.30, 0.2, 0.4])
    ratios = np.array([1.0, -1.0, -1.0, 1.0]), np.zeros(4)
    assert preference_accuracy(*ratios, first, second, 0.02) == 0.5  # right, too near, unknown, wrong
    assert preference_accuracy(*ratios, first, second) == pytest.approx(1 / 3)


def test_the_expected_loss_weighs_both_labels():
    assert expected_loss(np.array([1.0, 5.0]), np.array([3.0, 5.0]), np.array([0.75, np.nan])) == pytest.approx(1.5)
