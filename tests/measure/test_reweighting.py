"""The feasible ceiling: closed forms, limits and bounds."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.measure.controls.ceiling import binned
from benchmark.measure.statistics.reweighting import best_reweighting

# Two equal bins. The training utility is 0 and 1; the other shift's is 1 and 0.
P = np.array([0.5, 0.5])
NOMINAL = np.array([0.0, 1.0])
BOTH = np.array([[0.0, 1.0], [1.0, 0.0]])


def binary_kl(q: float) -> float:
    """KL of (1 - q, q) from two equal bins, nats."""
    return float(np.log(2) + q * np.log(q) + (1 - q) * np.log(1 - q))


def test_without_a_budget_nothing_moves() -> None:
    assert best_reweighting(P, BOTH, NOMINAL, 0.0, 0.0) == pytest.approx(0.5, abs=0.03)  # the tolerance of KL is .001
    assert np.isnan(best_reweighting(P, BOTH, NOMINAL, 0.6, 0.0))


def test_the_floor_binds_and_then_the_budget() -> None:
    # With nominal utility q the other shift's is 1 - q: the floor is met exactly, where the budget allows it.
    assert best_reweighting(P, BOTH, NOMINAL, 0.7, binary_kl(0.7)) == pytest.approx(0.3, abs=1e-6)
    assert np.isnan(best_reweighting(P, BOTH, NOMINAL, 0.75, binary_kl(0.7)))
    # A shift that agrees with the training utility gains until the budget is spent.
    alike = NOMINAL[:, None]
    assert best_reweighting(P, alike, NOMINAL, 0.0, binary_kl(0.8)) == pytest.approx(0.8, abs=2e-3)
    assert best_reweighting(P, alike, NOMINAL, 0.0, 5.0) == pytest.approx(1.0)


def test_no_reweighting_favours_less_training_utility() -> None:
    other = BOTH[:, 1:]  # worth 1 where the training utility is 0: to go there would be to know more than labels tell
    assert best_reweighting(P, other, NOMINAL, 0.0, 5.0) == pytest.approx(0.5)


def test_it_is_never_below_an_exponential_tilt_that_meets_the_constraints() -> None:
    rng = np.random.default_rng(0)
    p, nominal = rng.dirichlet(np.ones(12)), np.sort(rng.random(12))
    utilities = np.stack([nominal, rng.random(12)], axis=1)
    for slope in (0.5, 2.0, 6.0):
        q = p * np.exp(slope * nominal)
        q /= q.sum()
        budget = float(q @ np.log(q / p))
        ceiling = best_reweighting(p, utilities, nominal, float(q @ nominal), budget)
        assert ceiling >= (q @ utilities).min() - 1e-9


def test_bins_hold_equal_shares_and_equal_utilities_stay_together() -> None:
    nominal = np.array([0.0] * 400 + list(np.linspace(0.1, 1, 600)))
    bins = binned(nominal, np.stack([nominal, 1 - nominal], axis=1))
    assert bins.shares.sum() == pytest.approx(1.0) and (np.diff(bins.nominal) > 0).all()
    assert bins.shares[0] == pytest.approx(0.4) and bins.nominal[0] == 0.0
    assert bins.utilities.sum(axis=1) == pytest.approx(1.0)
    assert bins.shares @ bins.nominal == pytest.approx(nominal.mean())
