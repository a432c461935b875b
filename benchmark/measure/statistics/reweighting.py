"""The best worst case of any reweighting within a KL budget, by duality.

    max over q of min_s sum_b q_b g_bs    with    sum_b q_b u_b >= floor,    KL(q || p) <= budget,

for bins b of probability p_b. Its Lagrange dual is

    min over nu on the simplex, lambda >= 0, tau > 0 of
        tau budget + tau log sum_b p_b exp((sum_s nu_s g_bs + lambda (u_b - floor)) / tau),

convex in all three. Its value at any of them is an upper bound (weak duality), so a solver that stops early can make
the answer too generous and never too strict: what is asked for is a ceiling.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import logsumexp

from benchmark.core.data import Floats

LEAST_TEMPERATURE = 1e-4  # of tau, in units of utility
GREATEST_PRICE = 1e3  # of lambda


def best_reweighting(p: Floats, utilities: Floats, nominal: Floats, floor: float, budget: float) -> float:
    """The optimum above; NaN where no reweighting within the budget reaches the floor.

    Args:
        p: probability of each bin, > 0, sums to 1, shape [bins].
        utilities: g, the mean utility of each bin under each shift, shape [bins, shifts].
        nominal: u, the mean utility of each bin at the training shift, shape [bins].
        floor: least nominal utility.
        budget: of KL, nats, >= 0.
    """
    if greatest_mean(p, nominal, budget) < floor:
        return float("nan")
    shifts = utilities.shape[1]
    logs = np.log(p)

    def dual(point: Floats) -> float:
        nu, price, temperature = point[:shifts], point[shifts], np.exp(point[shifts + 1])
        scores = utilities @ nu + price * (nominal - floor)
        return float(temperature * (budget + logsumexp(logs + scores / temperature)))

    bounds = [(0.0, 1.0)] * shifts + [(0.0, GREATEST_PRICE), (np.log(LEAST_TEMPERATURE), np.log(GREATEST_PRICE))]
    on_simplex = {"type": "eq", "fun": lambda point: point[:shifts].sum() - 1}
    starts = [np.array([*np.full(shifts, 1 / shifts), 0.1, np.log(temperature)]) for temperature in (0.05, 0.5, 5.0)]
    answers = [
        minimize(dual, start, method="SLSQP", bounds=bounds, constraints=[on_simplex], options={"maxiter": 300})
        for start in starts
    ]
    return min(dual(_feasible(answer.x, shifts)) for answer in answers)


def _feasible(point: Floats, shifts: int) -> Floats:
    """The nearest multipliers that the dual allows, whatever the solver left."""
    nu = np.maximum(point[:shifts], 0)
    return np.array([*(nu / nu.sum()), max(point[shifts], 0.0), point[shifts + 1]])


def greatest_mean(p: Floats, values: Floats, budget: float) -> float:
    """max of sum_b q_b values_b with KL(q || p) <= budget: an exponential tilt that spends the budget."""
    top = values == values.max()
    if budget >= -np.log(p[top].sum()):
        return float(values.max())
    if budget <= 0:
        return float(p @ values)

    def tilted(log_slope: float) -> Floats:
        logs = np.log(p) + np.exp(log_slope) * (values - values.max())
        return np.asarray(np.exp(logs - logsumexp(logs)))

    def excess(log_slope: float) -> float:
        q = tilted(log_slope)
        positive = q > 0
        return float(q[positive] @ np.log(q[positive] / p[positive])) - budget

    return float(tilted(float(brentq(excess, -30.0, 30.0))) @ values)
