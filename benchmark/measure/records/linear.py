"""Shifts that are linear in the rewards, and which of many shifts can be the worst one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog

from benchmark.core.data import Floats
from benchmark.core.errors import UserError
from shifts.base import Rewards, Shift, Utility

TOLERANCE = 1e-9
PROBES = np.linspace(0.1, 0.9, 7)  # inside every reward range that geometric mixing allows


def linear_weights(shift: Utility) -> dict[str, float] | None:
    """Weights c with u(r) = sum_k c_k r_k, or None where the utility is not such a sum.

    Found by asking: the utilities of the unit rewards are the weights, and they must foretell those of other rewards.
    """
    names = shift.objectives
    units = np.eye(len(names))
    others = np.stack([np.roll(PROBES, 2 * k) ** (k + 1) for k in range(len(names))])
    try:
        weights = shift.utility(Rewards(dict(zip(names, units, strict=True))))
        foretold = weights @ others
        asked = shift.utility(Rewards(dict(zip(names, others, strict=True))))
    except (UserError, ValueError):
        return None
    linear = np.allclose(asked, foretold, rtol=0, atol=TOLERANCE)
    return dict(zip(names, (float(w) for w in weights), strict=True)) if linear else None


def binding(shifts: Sequence[Shift]) -> list[int]:
    """Columns of the shifts that can be the worst of all, whatever the policy.

    J of a linear shift is linear in its weights, so one whose weights lie in the convex hull of other linear shifts'
    is never below all of them. Of a sweep over alpha the two ends remain; shifts that are not linear all do.
    """
    weights = [linear_weights(shift) for shift in shifts]
    names = sorted({name for known in weights if known for name in known})
    points = {i: np.array([known.get(name, 0.0) for name in names]) for i, known in enumerate(weights) if known}
    for column in list(points):
        rest = [points[other] for other in points if other != column]
        if rest and _in_hull(points[column], np.array(rest)):
            del points[column]
    return [i for i in range(len(shifts)) if i in points or weights[i] is None]


def _in_hull(point: Floats, others: Floats) -> bool:
    equations = np.vstack([others.T, np.ones(len(others))])
    answer = linprog(np.zeros(len(others)), A_eq=equations, b_eq=[*point, 1.0])
    return bool(answer.status == 0)
