"""The batched solver: by hand, against a general solver, and as a function of its floor."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from benchmark.measure.statistics.simplex import best_mixture


def solve(values: list[list[float]], nominal: list[float], floor: float) -> tuple[float, list[float], float]:
    solution = best_mixture(np.array([values]), np.array([nominal]), np.array([floor]))
    return float(solution.value[0]), solution.weights[0].tolist(), float(solution.shadow_price[0])


def test_two_policies_and_two_shifts_by_hand() -> None:
    # w on the first: min(4w, 2(1 - w)) is greatest at w = 1/3, where both are 4/3; the floor w >= 0 does not bind.
    value, weights, price = solve([[4, 0], [0, 2]], [1, 0], 0.0)
    assert value == pytest.approx(4 / 3)
    assert weights == pytest.approx([1 / 3, 2 / 3])
    assert price == pytest.approx(0.0)


def test_a_floor_that_binds_by_hand() -> None:
    # Now w >= 1/2, so the second shift gives 2(1 - w) = 1, and every unit of floor costs 2.
    value, weights, price = solve([[4, 0], [0, 2]], [1, 0], 0.5)
    assert value == pytest.approx(1.0)
    assert weights == pytest.approx([0.5, 0.5])
    assert price == pytest.approx(2.0)


def test_a_floor_out_of_reach_is_empty() -> None:
    solution = best_mixture(np.array([[[4.0, 0.0]]]), np.array([[1.0]]), np.array([1.01]))
    assert solution.empty.tolist() == [True]
    assert np.isnan(solution.weights).all()
    assert solve([[4, 0]], [1], 1.0)[0] == pytest.approx(0.0)


def general_solver(values: np.ndarray, nominal: np.ndarray, floor: float) -> float:
    """The same programme by scipy; NaN where it is infeasible."""
    policies, shifts = values.shape
    bounds = [(0, None)] * policies + [(None, None)]
    upper = np.vstack([np.hstack([-values.T, np.ones((shifts, 1))]), np.append(-nominal, 0)])
    answer = linprog(
        np.append(np.zeros(policies), -1),
        A_ub=upper,
        b_ub=np.append(np.zeros(shifts), -floor),
        A_eq=[np.append(np.ones(policies), 0)],
        b_eq=[1],
        bounds=bounds,
    )
    return float("nan") if answer.status == 2 else -answer.fun


@pytest.mark.parametrize("rounded", [False, True])  # rounding makes ties, where the simplex method could cycle
@pytest.mark.parametrize(("policies", "shifts"), [(1, 1), (2, 2), (7, 1), (16, 2), (16, 11), (5, 13)])
def test_equals_a_general_solver(policies: int, shifts: int, rounded: bool) -> None:
    rng = np.random.default_rng(policies * 100 + shifts)
    values = rng.normal(size=(25, policies, shifts))
    values = values.round(1) if rounded else values
    nominal = values[:, :, 0]
    floor = np.quantile(nominal, 0.7, axis=1) + (rng.random(25) < 0.2)
    solution = best_mixture(values, nominal, floor)
    expected = [general_solver(*problem) for problem in zip(values, nominal, floor, strict=True)]
    np.testing.assert_allclose(solution.value, expected, atol=1e-8)
    solved = ~solution.empty
    weights = solution.weights[solved]
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(
        np.einsum("bp,bps->bs", weights, values[solved]).min(axis=1), solution.value[solved], atol=1e-9
    )
    assert (np.einsum("bp,bp->b", weights, nominal[solved]) >= floor[solved] - 1e-9).all()


def test_the_order_of_policies_and_shifts_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    values, nominal = rng.normal(size=(50, 9, 4)), rng.normal(size=(50, 9))
    floor = np.median(nominal, axis=1)
    policy, shift = rng.permutation(9), rng.permutation(4)
    one = best_mixture(values, nominal, floor)
    two = best_mixture(values[:, policy][:, :, shift], nominal[:, policy], floor)
    np.testing.assert_allclose(one.value, two.value, atol=1e-9)
    np.testing.assert_allclose(one.weights[:, policy], two.weights, atol=1e-7)


def test_the_shadow_price_is_the_slope_in_the_floor() -> None:
    rng = np.random.default_rng(6)
    values, nominal = rng.normal(size=(50, 9, 4)), rng.normal(size=(50, 9))
    floor, step = np.quantile(nominal, 0.8, axis=1), 1e-6
    solution = best_mixture(values, nominal, floor)
    below = best_mixture(values, nominal, floor - step).value
    assert (solution.shadow_price > 0).any()
    np.testing.assert_allclose(solution.shadow_price, (below - solution.value) / step, atol=1e-4)
