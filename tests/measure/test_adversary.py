"""The worst case inside a ball, against closed forms, two-sided bounds and the balls that methods train on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from benchmark.core.data import Floats
from benchmark.measure.panels.adversary import convex_weights, worst_weighting
from benchmark.measure.statistics.balls import chi_square_terms, kl_terms, total_variation_terms
from benchmark.report import AdversarialCurve, Arena, Row
from methods import PairBatch
from methods.chi2_dpo import Chi2DPO
from methods.kldpo import KLDPO, KLDPOBall
from methods.tv_dpo import TVDPO
from shifts.base import parse_shift

Terms = Callable[[Floats, float], Floats]
BALLS: list[Terms] = [kl_terms, chi_square_terms, total_variation_terms]
RNG = np.random.default_rng(0)
FEW = [RNG.normal(size=6), RNG.normal(size=6), np.array([0.0, 0.3, 0.3, 0.0, 0.6, 0.3])]  # the last has ties
MANY = np.where(RNG.random(600) < 0.05, 0.0, RNG.normal(0.6, 0.15, 600).clip(0, 1))  # some fail the gate


def kl_path(values: Floats, log_scale: float) -> tuple[Floats, float]:
    """Weights proportional to exp(-v / t), and t."""
    temperature = np.exp(log_scale)
    tilt = np.exp(-(values - values.min()) / temperature)
    return tilt / tilt.sum(), temperature


def chi_square_path(values: Floats, log_scale: float) -> tuple[Floats, float]:
    """Weights proportional to max(0, c - v), and their mean before they are normalised; c is above the least value."""
    excess = np.maximum(0, values.min() + np.exp(log_scale) - values)
    return excess / excess.sum(), float(excess.mean())


def kl(q: Floats) -> tuple[float, Floats]:
    """sum q log(n q), and its slopes by q."""
    logs = np.log(np.maximum(len(q) * q, 1e-300))
    return float(q @ logs), logs + 1


def chi_square(q: Floats) -> tuple[float, Floats]:
    """1/2 mean (n q - 1)^2, and its slopes by q."""
    return float(0.5 * ((len(q) * q - 1) ** 2).mean()), len(q) * q - 1


Path = Callable[[Floats, float], tuple[Floats, float]]
Divergence = Callable[[Floats], tuple[float, Floats]]


def bracket(values: Floats, radius: float, path: Path, divergence: Divergence) -> tuple[float, float]:
    """Two numbers between which the least q . v of the ball lies, whatever the path: it only makes them close.

    Above: the mean under a q inside the ball. Below: for any multiplier m >= 0 the least of
    L(q) = q . v + m (D(q) - radius) over all distributions is a bound, and as L is convex, it is nowhere below its
    tangent plane at our q, whose least value stands at a corner of the simplex. The q is found by halving an interval
    of the path's scale, on which the divergence falls; that ends after as many steps as we say.
    """
    low, high = np.log(1e-12), np.log(1e6)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if divergence(path(values, middle)[0])[0] <= radius else (middle, high)
    q, multiplier = path(values, high)
    distance, slopes = divergence(q)
    assert q.min() >= 0 and q.sum() == pytest.approx(1, abs=1e-12) and distance <= radius
    slopes = values + multiplier * slopes
    return q @ values + multiplier * (distance - radius) + slopes.min() - q @ slopes, q @ values


@pytest.mark.parametrize("values", FEW)
@pytest.mark.parametrize("radius", [0.01, 0.1, 0.5, 1.0, 3.0])
@pytest.mark.parametrize(
    ("terms", "path", "divergence"),
    [(kl_terms, kl_path, kl), (chi_square_terms, chi_square_path, chi_square)],
    ids=["KL", "chi-square"],
)
def test_kl_and_chi_square_lie_between_two_bounds(
    values: Floats, radius: float, terms: Terms, path: Path, divergence: Divergence
) -> None:
    below, above = bracket(values, radius, path, divergence)
    assert above - below < 1e-9
    assert below - 1e-9 < terms(values, radius).mean() < above + 1e-9


@pytest.mark.parametrize("values", FEW)
@pytest.mark.parametrize("radius", [0.0, 0.05, 1 / 6, 0.3, 0.5, 0.9, 1.0])
def test_total_variation_against_a_linear_programme(values: Floats, radius: float) -> None:
    n = len(values)  # unknowns q and |q - 1/n|
    eye, half = np.eye(n), np.concatenate([np.zeros(n), np.full(n, 0.5)])
    worst = linprog(
        np.concatenate([values, np.zeros(n)]),
        A_ub=np.vstack([np.hstack([eye, -eye]), np.hstack([-eye, -eye]), half]),
        b_ub=np.concatenate([np.full(n, 1 / n), np.full(n, -1 / n), [radius]]),
        A_eq=np.concatenate([np.ones(n), np.zeros(n)])[None],
        b_eq=[1.0],
    )
    assert total_variation_terms(values, radius).mean() == pytest.approx(worst.fun)


def test_by_hand() -> None:
    # Two values 0 and 1, weights (1/2 + d, 1/2 - d): TV = d, 1/2 mean (2q - 1)^2 = 2 d^2, and KL of d = 0.3 as below.
    values, moved = np.array([0.0, 1.0]), 0.3
    divergence = 0.8 * np.log(1.6) + 0.2 * np.log(0.4)
    for terms, radius in ((total_variation_terms, moved), (chi_square_terms, 2 * moved**2), (kl_terms, divergence)):
        assert terms(values, radius).mean() == pytest.approx(0.5 - moved)
    # While no prompt is left out, chi-square takes sqrt(2 radius) standard deviations off the mean.
    assert chi_square_terms(MANY, 0.01).mean() == pytest.approx(MANY.mean() - np.sqrt(0.02) * MANY.std())
    # TV takes the best tenth of ten values and makes it the worst: (45 - 9 + 0) / 10.
    assert total_variation_terms(np.arange(10.0), 0.1).mean() == pytest.approx(3.6)


@pytest.mark.parametrize("terms", BALLS)
def test_limits(terms: Terms) -> None:
    np.testing.assert_array_equal(terms(MANY, 0.0), MANY)
    assert terms(MANY, 1.0 if terms is total_variation_terms else 1e3).mean() == pytest.approx(MANY.min())
    np.testing.assert_allclose(terms(np.full(5, 0.4), 0.3), 0.4)
    small = MANY.mean() - terms(MANY, 1e-9).mean()
    assert 0 < small < 1e-4 * MANY.std() * 2


@pytest.mark.parametrize("terms", BALLS)
def test_the_worst_case_falls_in_the_radius_and_is_convex_in_it(terms: Terms) -> None:
    worst = np.array([terms(MANY, radius).mean() for radius in np.linspace(0, 1, 41)])
    assert (np.diff(worst) <= 1e-12).all() and (np.diff(worst, 2) >= -1e-9).all()


@pytest.mark.parametrize("radius", [0.01, 0.1, 0.4])
def test_balls_that_hold_one_another(radius: float) -> None:
    """Pinsker: TV <= sqrt(KL / 2). And KL <= log(1 + 2 D) for D = 1/2 mean (n q - 1)^2 (Jensen)."""
    in_kl = kl_terms(MANY, radius).mean()
    assert total_variation_terms(MANY, np.sqrt(radius / 2)).mean() <= in_kl
    assert kl_terms(MANY, np.log(1 + 2 * radius)).mean() <= chi_square_terms(MANY, radius).mean() < MANY.mean()


@pytest.mark.parametrize(
    ("terms", "method"),
    [
        (kl_terms, KLDPOBall(rho=0.3)),
        (chi_square_terms, Chi2DPO(rho=0.3)),
        (total_variation_terms, TVDPO(rho=0.3)),
    ],
)
def test_the_balls_are_those_that_the_methods_train_on(terms: Terms, method: KLDPO | Chi2DPO | TVDPO) -> None:
    """The methods look for the greatest loss, so the losses are minus the values."""
    zeros = torch.zeros(len(MANY), dtype=torch.float64)
    batch = PairBatch(*[zeros] * 4, *[torch.ones(len(MANY), dtype=torch.int64)] * 2, None, None)
    weights = method.pair_weights(torch.from_numpy(-MANY), batch)
    assert weights is not None
    assert terms(MANY, 0.3).mean() == pytest.approx(float(weights.numpy() @ MANY), abs=1e-9)


@pytest.mark.parametrize("terms", BALLS)
@pytest.mark.parametrize("radius", [0.05, 0.3])
def test_bootstrapped_terms_stand_in_for_the_worst_case_of_the_resample(terms: Terms, radius: float) -> None:
    """Never above it (weak duality), and off by second order only: the error is small beside the spread."""
    rng = np.random.default_rng(2)
    worst = terms(MANY, radius)
    rows = rng.integers(0, len(MANY), (200, len(MANY)))
    exact = np.array([terms(MANY[row], radius).mean() for row in rows])
    error = exact - worst[rows].mean(axis=1)
    assert error.min() > -1e-12
    assert error.mean() < 0.1 * exact.std()


def test_worst_weights_of_objectives_by_hand() -> None:
    # Rewards .8, .2, .5 with weights .6, .1, .3: nominal .65; mass goes from the first, then the third, to the second.
    rewards, weights = np.array([[0.8, 0.2, 0.5], [0.5, 0.5, 0.5]]), np.array([0.6, 0.1, 0.3])
    expected = {0.0: 0.65, 0.5: 0.65 - 0.5 * 0.6, 0.7: 0.65 - 0.6 * 0.6 - 0.1 * 0.3, 1.0: 0.2}
    for radius, worst in expected.items():
        np.testing.assert_allclose(worst_weighting(rewards, weights, radius), [worst, 0.5])


def test_an_objective_that_training_ignores_can_be_the_worst() -> None:
    """The ball is of weights, not of a sample: mass may go where there was none."""
    worst = worst_weighting(np.array([[0.8, 0.1]]), np.array([1.0, 0.0]), 0.25)
    np.testing.assert_allclose(worst, 0.75 * 0.8 + 0.25 * 0.1)


def test_which_shifts_are_convex_in_the_objectives() -> None:
    objectives = ("fear", "joy", "sadness")

    def weights(text: str) -> list[float] | None:
        worst = convex_weights(parse_shift(text)[0], objectives)
        return None if worst is None else worst.tolist()

    assert weights("alpha_mixture(a=joy,b=sadness,alpha=0.1)") == pytest.approx([0, 0.1, 0.9])
    assert weights("annotator_groups(groups=joy/fear,fractions=0.3/0.7)") == pytest.approx([0.7, 0.3, 0])
    assert weights("alpha_mixture(a=joy,b=sadness,alpha=0.1,kind=geometric)") is None


def curves(row: Row) -> dict[str, AdversarialCurve]:
    return {f"{curve.over} {curve.divergence}": curve for curve in row.adversarial}


def test_curves_of_a_row(arena: Arena) -> None:
    row = next(row for row in arena.rows if row.method == "wdpo")
    worst = curves(row)
    assert list(worst) == ["prompts KL", "prompts chi-square", "prompts TV", "objectives TV"]
    for curve in worst.values():
        values = [estimate.value for estimate in curve.values]
        assert curve.radii[0] == 0 and values[0] == pytest.approx(row.metrics["gated_nominal"].value)
        assert values == sorted(values, reverse=True)
        for estimate in curve.values:
            assert estimate.n == 3 and estimate.value is not None
            assert estimate.low is not None and estimate.high is not None
            assert estimate.low <= estimate.value <= estimate.high
    # All weight on joy, the worse objective, is the end of the sweep; alpha = 0.1 + 0.2 stands on the way.
    assert row.curve is not None
    sweep = [estimate.value for estimate in row.curve.gated]
    on_weights = dict(zip(worst["objectives TV"].radii, worst["objectives TV"].values, strict=True))
    assert on_weights[1.0].value == pytest.approx(sweep[10])
    assert on_weights[0.2].value == pytest.approx(sweep[3])
