"""What methods share that take the worst case over a ball of reweightings."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from methods.rounding import EQUAL

SPAN = 60.0  # of log tau below its upper bound; far below, the weights are those of the hardest pairs to the last bit
CUTS, ROUNDS = 64, 8  # of the search for log tau; 64^8 is 3e14, which finds it to 1e-12


def ball_weights(losses: Tensor, solve: Callable[[Tensor], Tensor]) -> Tensor:
    """Worst-case weights over the global batch, shape [pairs], sum to 1, detached; uniform where all losses are equal.

    The worst case in a ball depends on the losses' ratios of differences alone, not on their scale. So equal losses
    must be told from nearly equal ones: else, at the first step, rounding would decide which pairs count.

    Args:
        losses: of every pair of the global batch, shape [pairs].
        solve: the weights, up to a factor, of losses in float64 from which their maximum was subtracted, shape [pairs].
    """
    exact = losses.detach().double()
    gaps = exact - exact.max()
    weights = torch.where(gaps.min() > -EQUAL, torch.ones_like(gaps), solve(gaps))
    return (weights / weights.sum()).to(losses.dtype)


def kl_tilt(gaps: Tensor, radius: float) -> Tensor:
    """The worst case of the KL ball: exp(gaps / tau) normalised, shape [pairs], at the temperature of the ball's dual.

    At the minimiser the tilted weights lie on the ball: KL(P_tau || uniform) = radius. KL falls in tau, and is at most
    (range of l)^2 / (8 tau^2) (Hoeffding), whence the upper end of the search. Where the ball holds the hardest pairs
    alone, tau is 0 and they share.

    Args:
        gaps: losses less their maximum, in float64, shape [pairs].
        radius: of the ball, in nats.
    """
    radius = min(radius, math.log(len(gaps)) + 1.0)  # every radius from log(pairs) on is one
    high = (-gaps.min() / math.sqrt(8.0 * radius)).log()
    low = high - SPAN
    for _ in range(ROUNDS):
        grid = low + (high - low) * torch.linspace(0.0, 1.0, CUTS + 1, dtype=gaps.dtype, device=gaps.device)
        colder = (_divergences(gaps, grid.exp()) > radius).sum()  # points of the grid below the minimiser
        low, high = grid[(colder - 1).clamp_min(0)], grid[colder.clamp_max(CUTS)]
    return torch.softmax(gaps / high.exp(), dim=0)


def _divergences(gaps: Tensor, temperatures: Tensor) -> Tensor:
    """KL(softmax(gaps / tau) || uniform) for every tau, in nats, shape [temperatures]."""
    logs = torch.log_softmax(gaps / temperatures[:, None], dim=1)
    return (logs.exp() * logs).sum(1) + math.log(len(gaps))
