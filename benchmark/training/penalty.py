"""Input-gradient penalties without a second derivative: differences of parameter gradients at displaced inputs.

Let g_i be the gradient of pair i's loss by its input embeddings z_i, S_i = ||g_i||^2, and p(S) the penalty of an
objective mean_i l_i + p(S). With v_i = 2 n (dp/dS_i) g_i held fixed, the penalty's parameter gradient is

    d/de at e = 0 of  mean_i grad l_i(z_i + e v_i);

for p = rho sqrt(mean S) the direction is v_i = rho g_i / R, R = sqrt(mean S). A difference needs no second derivative
of any attention. From G_i(e) = grad l_i(z_i + e v_i), and with G_i(0) at hand from the pass that found v_i, it is taken

- on one side, (G_i(e) - G_i(0)) / e, off by e / 2 times the second derivative;
- for the `PEAKED` pairs, of whose displacement most falls on a single token, so as to cancel that term, as
  (4/3 G_i(e/2) - G_i(0) - 1/3 G_i(-e)) / e: a few pairs make nearly all of the error, and these are they;
- on both sides for every pair, (G_i(e) - G_i(-e)) / 2e, in a run that measures the former to be too far off.

The first two need an eighth more than one further forward and backward, the third needs two. At e = 1 the displaced
loss itself is, for this p, the first-order worst case in the ball of radius rho: the inner supremum in place of its
expansion (`perturbation`). docs/speed.md shows the error by the step.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark.core.errors import UserError
from methods import PairwiseMethod, Solver

STEP = 2e-4  # first displacement of the pair that moves most, relative to the root mean square norm of an embedding
NOTCH, NOTCHES = 2.0, 8  # the step may be multiplied or divided by NOTCH this many times
PEAKED = 1 / 8  # share of the pairs, by the greatest displacement of a token, that get a difference of second order
AIM = 5e-3  # relative error of the penalty's gradient below which difference and step stay as they are
CHECK_EVERY = 64  # optimiser steps between two measurements of the error
TRUSTED = 0.1  # relative error of the penalty's gradient above which a run says that it cannot be trusted


def resolve_solver(method: PairwiseMethod, attention: str, gradient_checkpointing: bool) -> Solver | None:
    """The solver that `auto` stands for under the model's attention; None for a method without a penalty.

    Raises:
        UserError: double backward was asked for where the model has no second derivative; or the penalty stands beside
            what it cannot be combined with.
    """
    if not method.penalises_inputs():
        return None
    if method.couples_losses or method.has_state():
        raise UserError(f"{method}: an input penalty on losses that read other pairs, or a state, is not supported.")
    twice_differentiable = attention == "eager" and not gradient_checkpointing
    if method.penalty_solver is Solver.AUTO and (twice_differentiable or not _weighs(method)):
        return Solver.DOUBLE_BACKWARD if twice_differentiable else Solver.DIFFERENCE
    if method.penalty_solver is not Solver.DOUBLE_BACKWARD and _weighs(method):
        raise UserError(f"{method}: solver={method.penalty_solver} needs uniform weights; use solver=double_backward.")
    if method.penalty_solver is Solver.DOUBLE_BACKWARD and not twice_differentiable:
        got = "gradient checkpointing" if attention == "eager" else f"attention {attention!r}"
        raise UserError(
            f"{method}: double_backward needs eager attention without gradient checkpointing, got {got}. "
            "Set training.attention=eager, or solver=difference, which works with any."
        )
    return method.penalty_solver


def _weighs(method: PairwiseMethod) -> bool:
    cls = type(method)
    return (cls.pair_weights, cls.log_weights) != (PairwiseMethod.pair_weights, PairwiseMethod.log_weights)


@dataclass(frozen=True)
class Point:
    """Where the loss of some pairs is evaluated again, and with which weight.

    rows: which pairs of the micro-batch, shape [pairs], bool; None: all.
    shift: what is added to their embeddings, [2 rows, width, model width].
    weights: of their losses, shape [rows].
    """

    rows: Tensor | None
    shift: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Displacement:
    """Every pair's input embeddings plus `step` times its direction.

    directions: v_i per micro-batch, each of the shape of its embeddings, [2 pairs, width, model width].
    step: e.
    peaked: which pairs get a difference of second order, per micro-batch, shape [pairs] each, bool.
    two_sided: whether all get the one of both sides instead.

    The difference, times `width`, is the sum of gradients `ahead`, less those `behind`, less `plain` times G(0).
    """

    directions: list[Tensor]
    step: float
    peaked: list[Tensor]
    two_sided: bool = False

    def ahead(self, number: int, factor: float = 1.0) -> Point:
        """For all pairs of micro-batch `number`, at `factor` times the step."""
        nearer = torch.zeros_like(self.peaked[number]) if self.two_sided else self.peaked[number]
        steps = torch.where(nearer, 0.5, 1.0) * (self.step * factor)
        return Point(None, self.directions[number] * _rows(steps), torch.where(nearer, 4 / 3, 1.0))

    def behind(self, number: int, factor: float = 1.0) -> Point | None:
        """For those that need it; None: no pair of this micro-batch does."""
        peaked = self.peaked[number]
        rows = torch.ones_like(peaked) if self.two_sided else peaked
        if not rows.any():
            return None
        weights = torch.full_like(rows[rows], 1.0 if self.two_sided else 1 / 3, dtype=torch.float32)
        return Point(rows, self.directions[number][rows.repeat(2)] * (-self.step * factor), weights)

    @property
    def plain(self) -> float:
        """How often the gradient at the inputs themselves is taken off."""
        return 0.0 if self.two_sided else 1.0

    @property
    def width(self) -> float:
        """What the sum of gradients of one optimiser step is divided by in the end."""
        return 2 * self.step if self.two_sided else self.step


def _rows(values: Tensor) -> Tensor:
    """One value per pair, shape [pairs], for both of its rows of embeddings."""
    return values.repeat(2)[:, None, None]


class StepControl:
    """Chooses the difference by its measured error.

    The length of the step: too long a step leaves the linear range, too short a one drowns in rounding, and where the
    best one lies depends on the policy. The sides: a difference whose best step is still off by more than `AIM` gives
    way to one of both sides for the rest of the run, since a policy that is curved at one batch will be curved at
    others, between two measurements too.
    """

    def __init__(self) -> None:
        self.notch = 0
        self.two_sided = False

    def choose(self, error_at: Callable[[float, bool], float]) -> float:
        """Move to better lengths, and to two sides where one is not enough; the relative error that is left.

        Args:
            error_at: measured relative error at the given factor times the length that is in use now, on both sides
                of all pairs or not.
        """
        start = self.notch
        error = self._descend(error_at, start)
        if error > AIM and not self.two_sided:
            self.notch, self.two_sided = 0, True
            error = self._descend(error_at, start)
        return error

    def _descend(self, error_at: Callable[[float, bool], float], start: int) -> float:
        """Neighbour by neighbour to the notch of the least error; `start` is the notch that factors count from."""
        error = error_at(NOTCH ** (self.notch - start), self.two_sided)
        while error > AIM:
            options = [notch for notch in (self.notch - 1, self.notch + 1) if abs(notch) <= NOTCHES]
            errors = {notch: error_at(NOTCH ** (notch - start), self.two_sided) for notch in options}
            best = min(errors, key=errors.__getitem__, default=None)
            if best is None or errors[best] >= error:
                break
            self.notch, error = best, errors[best]
        return error

    @property
    def step(self) -> float:
        """Relative displacement of the pair that moves most."""
        return float(STEP * NOTCH**self.notch)

    def state(self) -> dict[str, Any]:
        """What a run that is continued must know."""
        return {"notch": self.notch, "two_sided": self.two_sided}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.notch, self.two_sided = state["notch"], state["two_sided"]


def displacement(
    solver: Solver,
    slopes: Sequence[Tensor],
    gradients: Sequence[Tensor],
    pairs: int,
    longest: Tensor,
) -> Displacement:
    """Directions v_i = 2 n (dp/dS_i) g_i and the step along them.

    Args:
        solver: difference or perturbation.
        slopes: dp/dS_i per micro-batch, shape [pairs] each.
        gradients: g_i per micro-batch, shape [2 pairs, width, model width] each.
        pairs: n, of the global batch.
        longest: the displacement of the pair that moves most, by a difference, per unit of max ||v_i||, a scalar.
    """
    directions = [2 * pairs * _rows(slope) * gradient for slope, gradient in zip(slopes, gradients, strict=True)]
    none = [torch.zeros_like(slope, dtype=torch.bool) for slope in slopes]
    return Displacement(directions, 1.0 if solver is Solver.PERTURBATION else float(longest), none)


def peaks(directions: Tensor) -> Tensor:
    """Greatest norm of a token's part of v_i, either side, shape [pairs]."""
    chosen, rejected = directions.float().pow(2).sum(2).amax(1).sqrt().chunk(2)
    return torch.maximum(chosen, rejected)


def peaked_count(pairs: int) -> int:
    """How many of the pairs of the global batch get a difference of second order."""
    return math.ceil(PEAKED * pairs)


def squared_norms(tensor: Tensor) -> Tensor:
    """||.||^2 of every pair's slice of a tensor [2 pairs, width, model width], both sides summed, shape [pairs]."""
    chosen, rejected = tensor.float().pow(2).sum((1, 2)).chunk(2)
    return chosen + rejected


def difference_error(near: list[Tensor], far: list[Tensor]) -> float:
    """Relative error of a difference, from those at one step and at two, not yet divided by their widths.

    On one side D(e) = D + a e + rounding: ||D(2e) - D(e)|| estimates the error at e. On both sides, or where the
    peaked pairs made most of it, D(e) = D + c e^2 + rounding, and it is three times the error that the length of the
    step makes, and as large as the one that rounding makes. It is not divided by three, so as to be right where
    rounding decides.
    """
    return _relative((f / 2 - n for n, f in zip(near, far, strict=True)), near)


def _relative(error: Iterable[Tensor], size: Iterable[Tensor]) -> float:
    """||error|| / ||size||; infinite where no digit of the displacement is left."""
    errors, sizes = (sum(float(part.pow(2).sum()) for part in parts) for parts in (error, size))
    return float((errors / sizes) ** 0.5) if sizes else math.inf


def warn_if_untrusted(method: Any, error: float, step: int) -> None:
    """Say so where the measured error is too large for the penalty to mean what it says."""
    if not error <= TRUSTED:
        warnings.warn(
            f"{method}: at step {step} the difference solver's gradient of the penalty is off by {error:.0%} "
            f"(measured at two step sizes, trusted up to {TRUSTED:.0%}): do not rely on this run. Use "
            "solver=double_backward.",
            RuntimeWarning,
            stacklevel=2,
        )
