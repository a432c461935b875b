"""The log-linear world: gradients against objectives written anew, optima, and rates of convergence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit, logsumexp

from benchmark.report import Absent, Estimate
from benchmark.studies.loglinear.settings import LogLinearSettings
from benchmark.studies.loglinear.solve import BOUND, INSIDE, KINK, REFERENCE, stationary
from benchmark.studies.loglinear.study import SCENARIO, LogLinear, log_slope
from benchmark.studies.loglinear.summary import AgainstBound, against_bound
from benchmark.studies.loglinear.world import World
from methods.base import parse_method

SETTINGS = LogLinearSettings(prompts=4, resolution=128, smallest=256, largest=4096, draws=4)


@pytest.fixture(scope="module")
def world() -> World:
    return World.draw(SETTINGS, 0)


def margins(world: World, pairs: np.ndarray) -> np.ndarray:
    """psi(chosen) - psi(rejected), shape [pairs, dimension]; log Z cancels."""
    psi = world.features.numpy()
    return psi[pairs[:, 0], pairs[:, 1]] - psi[pairs[:, 0], pairs[:, 2]]


def test_features_and_labels_are_as_stated(world):
    assert np.linalg.norm(world.features.numpy(), axis=2).max() == pytest.approx(1)
    assert np.linalg.norm(world.truth) == pytest.approx(20)
    psi = world.features.numpy()
    for prompt, first, second in [(0, 0, 1), (3, 1, 2)]:
        rows = world.pairs[world.pairs[:, 0] == prompt]
        wins = int(((rows[:, 1] == first) & (rows[:, 2] == second)).sum())
        losses = int(((rows[:, 1] == second) & (rows[:, 2] == first)).sum())
        assert wins + losses == 128
        probability = expit(0.1 * world.truth @ (psi[prompt, first] - psi[prompt, second]))
        assert wins / 128 == pytest.approx(probability, abs=0.5 / 128 + 1e-12)


BETA, RHO, TAU, ALPHA = 0.1, 0.07, 0.4, 0.5


def dpo(world, pairs, theta):
    return np.logaddexp(0, -BETA * margins(world, pairs) @ theta)


def wdpo(world, pairs, theta):
    # l depends on psi(chosen) and psi(rejected) through beta theta . (difference): each side has gradient
    # beta sigmoid(-beta h) theta
    slope = BETA * expit(-BETA * margins(world, pairs) @ theta)
    return dpo(world, pairs, theta).mean() + RHO * np.sqrt(np.mean(2 * slope**2 * (theta @ theta)))


def kldpo(world, pairs, theta):
    losses = dpo(world, pairs, theta)
    return TAU * (logsumexp(losses / TAU) - np.log(len(losses)))


def rpo(world, pairs, theta):
    # the likelihood term does not cancel log Z
    scores = world.features.numpy() @ theta
    logps = scores - logsumexp(scores, axis=1, keepdims=True)
    return dpo(world, pairs, theta).mean() - ALPHA * logps[pairs[:, 0], pairs[:, 1]].mean()


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (f"dpo(beta={BETA})", lambda *given: dpo(*given).mean()),
        (f"wdpo(beta={BETA},rho={RHO})", wdpo),
        (f"kldpo(beta={BETA},tau={TAU})", kldpo),
        (f"rpo(beta={BETA},alpha={ALPHA})", rpo),
    ],
)
def test_gradients_are_those_of_the_papers_objectives(world, call, value):
    pairs, theta = world.sample(200, "test"), np.array([3.0, -8.0, 5.0, 1.0])
    expected = approx_fprime(theta, lambda at: value(world, pairs, at), 1e-6)
    assert world.gradient(parse_method(call), pairs)(theta) == pytest.approx(expected, abs=2e-7)


def test_dpos_population_optimum_is_the_truth_and_limits_have_the_same(world):
    optima = {
        call: LogLinear(SETTINGS)._optimum(parse_method(call), world, world.pairs)
        for call in ("dpo", "kldpo(tau=1e6)", "wdpo(rho=0)", "kldpo(tau=0.3)", "wdpo(rho=0.03)")
    }
    # labels are rounded to 1/128, theta* has norm 20
    assert optima["dpo"].theta == pytest.approx(world.truth, abs=0.3) and optima["dpo"].place == INSIDE
    assert optima["kldpo(tau=1e6)"].theta == pytest.approx(optima["dpo"].theta, abs=1e-3)
    assert optima["wdpo(rho=0)"].theta == pytest.approx(optima["dpo"].theta, abs=1e-6)
    for robust in ("kldpo(tau=0.3)", "wdpo(rho=0.03)"):  # robustness shrinks
        assert np.linalg.norm(optima[robust].theta) < 0.9 * np.linalg.norm(optima["dpo"].theta)


def test_a_reversed_label_reverses_the_optimum(world):
    study, method = LogLinear(SETTINGS), parse_method("dpo")
    there = study._optimum(method, world, world.pairs)
    back = study._optimum(method, world, world.pairs[:, [0, 2, 1]])
    assert back.theta == pytest.approx(-there.theta, abs=1e-6)


CENTRE = np.array([1.0, 2.0])


def test_a_root_inside_on_the_bound_and_held_at_a_kink():
    inside = stationary(lambda x: x - CENTRE, 10.0, 2)
    assert inside.place == INSIDE and inside.theta == pytest.approx(CENTRE)
    bound = stationary(lambda x: x - CENTRE, 1.0, 2)  # the nearest point of the unit circle
    assert bound.place == BOUND and bound.theta == pytest.approx(CENTRE / np.sqrt(5))

    def cone(height: float):
        return lambda x: x - CENTRE + (height * x / np.linalg.norm(x) if x.any() else 0.0)

    assert stationary(cone(3.0), 10.0, 2).place == REFERENCE  # 3 > |centre| = 2.24
    shrunk = stationary(cone(1.0), 10.0, 2)  # |x| = |centre| - 1
    assert shrunk.place == INSIDE and shrunk.theta == pytest.approx(CENTRE * (1 - 1 / np.sqrt(5)))


def test_kinks_of_a_convex_function_are_found_by_ellipsoids():
    found = stationary(lambda x: np.sign(x - CENTRE), 10.0, 2, convex=True)  # of |x1 - 1| + |x2 - 2|
    assert found.place == KINK and found.theta == pytest.approx(CENTRE, abs=1e-3)
    with pytest.raises(ArithmeticError, match="no optimum"):
        stationary(lambda x: np.sign(x - CENTRE), 10.0, 2)


def test_a_saddle_is_no_optimum():
    found = stationary(lambda x: np.array([x[0] - 0.1, -x[1] + 0.05]), 1.0, 2)  # saddle at (0.1, 0.05)
    assert found.place == BOUND


def test_the_slope_of_a_power_is_its_exponent():
    assert log_slope([100, 200, 400], [3 * n**-0.25 for n in (100, 200, 400)]) == pytest.approx(-0.25)


@pytest.fixture(scope="module")
def measured() -> pd.DataFrame:
    study, rows = LogLinear(SETTINGS), []
    for call in ("dpo", "kldpo", "wdpo(rho=0.03)", "wdpo(rho=10)"):
        method = parse_method(call)
        for seed in range(4):
            for record in study.run(method, SCENARIO, seed):
                place = {"key": str(method), "train_shift": SCENARIO, "seed": seed}
                rows.append({**place, "metric": record.metric, "value": record.value, "call": call})
    return pd.DataFrame(rows)


def report(measured):
    cells = measured.drop_duplicates(["key", "seed"])[["key", "train_shift", "seed", "call"]].assign(
        method=lambda table: table["call"].str.partition("(")[0], hparams="{}", status="done", reason=""
    )
    return LogLinear(SETTINGS).summarise(measured, cells)


def test_dpo_converges_as_the_square_root_and_robust_methods_do_too(measured):
    rows = {row.key.partition("(")[0] + str(row.metrics["slope"].value is None): row for row in report(measured).rows}
    slope = rows["dpoFalse"].metrics["slope"]
    assert slope.low < -0.5 < slope.high and slope.high - slope.low < 0.35 and slope.n == 4
    for robust in ("kldpoFalse", "wdpoFalse"):
        assert rows[robust].metrics["slope"].high < -0.25
        assert rows[robust].verdict == "steeper" and "contradicts nothing" in rows[robust].sentence
        assert abs(rows[robust].metrics["slope_minus_dpo"].value) < 0.15


def test_an_optimum_that_is_held_at_the_reference_has_no_slope(measured):
    told = report(measured)
    (held,) = [row for row in told.rows if row.metrics["slope"].value is None]
    assert held.method == "wdpo" and held.metrics["slope"].absent is Absent.HELD_AT_REFERENCE
    assert held.metrics["share_at_reference"].value == 1 and held.metrics["optimum_norm"].value == 0


def test_the_figure_holds_each_method_and_the_proven_rates(measured):
    (figure,) = report(measured).figures
    assert figure.log_axes and "upper bounds" in figure.how
    measured_lines = [line for line in figure.lines if not line.dashed]
    proven = {line.method: line for line in figure.lines if line.dashed}
    assert len(measured_lines) == 3 and set(proven) == {"dpo", "kldpo", "wdpo"}
    for method, exponent in (("dpo", -0.5), ("kldpo", -0.25), ("wdpo", -0.25)):
        ends = [proven[method].y[place].value for place in (0, -1)]
        assert ends[1] / ends[0] == pytest.approx((4096 / 256) ** exponent)


def test_the_verdict_beside_a_proven_rate():
    assert against_bound("kldpo", Estimate(-0.5, -0.6, -0.4)) is AgainstBound.STEEPER
    assert against_bound("kldpo", Estimate(-0.3, -0.4, -0.2)) is AgainstBound.CANNOT_TELL
    assert against_bound("kldpo", Estimate(-0.1, -0.2, -0.05)) is AgainstBound.LESS_STEEP
    assert against_bound("kldpo", Estimate(-0.5, n=1)) is AgainstBound.ONE_SEED
    assert against_bound("ipo", Estimate(-0.5, -0.6, -0.4)) is AgainstBound.NOT_PROVEN
