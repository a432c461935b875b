"""Where a gradient vanishes inside a ball, by root finding; where a convex objective has kinks, by ellipsoids.

Neither needs a value of the objective. Methods give weights that are not differentiated, so the sum of weighted losses
is not the objective whose gradient autograd returns; a line search would be misled by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import root

from benchmark.core.data import Floats

Gradient = Callable[[Floats], Floats]
TOLERANCE = 1e-6  # of the gradient that is left, relative to that at the reference
NEAR = 1e-6  # a step that is short against the ball
STARTS = (0.05, 0.15, 0.4)  # of the radius, along the descent direction at the reference
CALLS = 200  # of the gradient, for one start
TURNS = 50  # of the direction on the sphere, before its root is sought
SMALL = 1e-5  # largest half-axis of the last ellipsoid, relative to the ball


@dataclass(frozen=True)
class Optimum:
    """A stationary point. residual: gradient left (its tangential part on the sphere), relative to that at the
    reference; NaN at a kink. place: inside; on the bound; at a kink inside; or at the reference, where a kink of the
    objective holds it."""

    theta: Floats
    residual: float
    place: str


INSIDE, BOUND, KINK, REFERENCE = "inside", "bound", "kink", "reference"


def stationary(
    gradient: Gradient, bound: float, dimension: int, start: Floats | None = None, convex: bool = False
) -> Optimum:
    """The local minimum of an objective over ||theta|| <= bound that is found first from `start`.

    Args:
        gradient: of the objective.
        bound: radius of the ball.
        dimension: of theta.
        start: where to begin; None: along the descent direction at the reference, theta = 0.
        convex: whether the objective is convex, so that kinks can be dealt with.

    Raises:
        ArithmeticError: none is found (an objective that is not convex, with kinks or flat far out).
    """
    origin = np.zeros(dimension)
    slope = gradient(origin)
    size = float(np.linalg.norm(slope))
    if size == 0:
        return Optimum(origin, 0.0, REFERENCE)
    down = -slope / size
    if not convex and down @ gradient(bound * NEAR * down) >= 0:
        return Optimum(origin, 0.0, REFERENCE)
    starts = [start] if start is not None and start.any() else []
    starts += [bound * share * down for share in STARTS]
    for point in starts:
        found = root(gradient, point, method="hybr", options={"xtol": 1e-11, "maxfev": CALLS})
        left = float(np.linalg.norm(gradient(found.x))) / size
        inside = np.linalg.norm(found.x) <= bound
        if left <= TOLERANCE and inside and (convex or _is_minimum(gradient, found.x, bound * NEAR)):
            return Optimum(found.x, left, INSIDE)
    for point in starts:
        held = _on_sphere(gradient, bound, point, size)
        if held is not None:
            return held
    if convex:
        return _by_ellipsoids(gradient, bound, dimension)
    raise ArithmeticError(
        "no optimum was found: from every start the search left the ball or stopped where the gradient is not 0"
    )


def _is_minimum(gradient: Gradient, theta: Floats, step: float) -> bool:
    """Whether the objective curves upwards in every direction; a saddle is stationary too."""
    directions = np.eye(len(theta)) * step
    rows = [gradient(theta + direction) - gradient(theta - direction) for direction in directions]
    curvature = np.stack(rows) / (2 * step)
    return bool(np.linalg.eigvalsh((curvature + curvature.T) / 2)[0] > 0)


def _on_sphere(gradient: Gradient, bound: float, start: Floats, size: float) -> Optimum | None:
    """A point of the sphere where descent would lead straight out of the ball; None where none is found."""

    def tangential(point: Floats) -> Floats:
        length = np.linalg.norm(point)
        unit = point / length
        slope = gradient(bound * unit)
        return (slope - (slope @ unit) * unit) / size + (length - 1) * unit  # type: ignore[no-any-return]

    unit = start / np.linalg.norm(start)
    for _ in range(TURNS):  # half the turn towards steepest descent
        slope = gradient(bound * unit)
        if not (length := np.linalg.norm(slope)) > 0:
            return None
        turned = unit - slope / length
        if not np.linalg.norm(turned) > NEAR:
            return None  # descent leads inwards
        unit = turned / np.linalg.norm(turned)
    found = root(tangential, unit, method="hybr", options={"xtol": 1e-11, "maxfev": CALLS})
    if not np.linalg.norm(found.x) > 0:
        return None
    unit = found.x / np.linalg.norm(found.x)
    residual = float(np.linalg.norm(tangential(unit)))
    outward = gradient(bound * unit) @ unit < 0
    return Optimum(bound * unit, residual, BOUND) if residual <= TOLERANCE and outward else None


def _by_ellipsoids(gradient: Gradient, bound: float, dimension: int) -> Optimum:
    """The optimum of a convex objective with kinks, to SMALL of the radius. Each subgradient halves an ellipsoid that
    holds the optimum; the least ellipsoid around that half is the next (Yudin and Nemirovski; Shor)."""
    centre, shape, n = np.zeros(dimension), np.eye(dimension) * bound**2, dimension
    while np.sqrt(np.linalg.eigvalsh(shape)[-1]) > SMALL * bound:
        slope = gradient(centre) if np.linalg.norm(centre) <= bound else centre
        length = np.sqrt(slope @ shape @ slope)
        if length == 0:
            break
        step = shape @ slope / length
        centre = centre - step / (n + 1)
        shape = n**2 / (n**2 - 1) * (shape - 2 / (n + 1) * np.outer(step, step))
    if np.linalg.norm(centre) <= 2 * SMALL * bound:
        return Optimum(np.zeros(dimension), float("nan"), REFERENCE)
    return Optimum(centre, float("nan"), KINK)
