"""The best worst case of any monotone reweighting within a KL budget, by cutting planes.

    max over q of min_s sum_b q_b g_bs    with    sum_b q_b u_b >= floor,    KL(q || p) <= budget,

for bins b of probability p_b in rising order of u, over q whose ratio to p does not fall in u. Such a q is a mixture of
p restricted to the bins from k on, k = 1, 2, ..., so all but the last constraint is linear. KL(q || p) is at least
sum_b q_b log(r_b / p_b) for every distribution r, with equality at q = r: each solution beyond the budget becomes a
linear constraint that it breaks and no q within the budget does. So every step is a linear programme whose value is an
upper bound, and stopping early makes the answer too generous and never too strict: what is asked for is a ceiling.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from benchmark.core.data import Floats

TOLERANCE = 1e-3  # nats beyond the budget
MOST_CUTS = 100
INWARD = 1e-3  # share of p that is mixed into a solution before a cut is made there: its logarithms are then finite


def best_reweighting(p: Floats, utilities: Floats, nominal: Floats, floor: float, budget: float) -> float:
    """The optimum above; NaN where no reweighting within the budget reaches the floor.

    Args:
        p: probability of each bin, > 0, sums to 1, shape [bins].
        utilities: g, the mean utility of each bin under each shift, shape [bins, shifts].
        nominal: u, the mean utility of each bin at the training shift, rising, shape [bins].
        floor: least nominal utility.
        budget: of KL, nats, >= 0.
    """
    bins, shifts = utilities.shape
    mixed = np.tril(np.ones((bins, bins))) * p[:, None] / np.cumsum(p[::-1])[::-1]  # column k: p from bin k on
    rows = [*np.hstack([-(utilities.T @ mixed), np.ones((shifts, 1))]), np.array([*-(nominal @ mixed), 0.0])]
    bounds = [*np.zeros(shifts), -floor]
    value = float("nan")
    for _ in range(MOST_CUTS):
        answer = linprog(
            [*np.zeros(bins), -1.0],
            A_ub=np.array(rows),
            b_ub=bounds,
            A_eq=[[*np.ones(bins), 0.0]],
            b_eq=[1.0],
            bounds=[(0.0, 1.0)] * bins + [(None, None)],
        )
        if answer.status == 2:  # infeasible
            return float("nan")
        value, q = float(answer.x[-1]), mixed @ answer.x[:-1]
        used = q > 0
        if float(q[used] @ np.log(q[used] / p[used])) <= budget + TOLERANCE:
            return value
        inside = (1 - INWARD) * q + INWARD * p
        rows.append(np.array([*(np.log(inside / p) @ mixed), 0.0]))
        bounds.append(budget)
    return value
