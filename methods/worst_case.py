"""What methods share that take the worst case over a ball: of reweightings, or of perturbed inputs."""

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


def chi2_tilt(gaps: Tensor, radius: float) -> Tensor:
    """The worst case of the chi-square ball 1/2 mean_i (n p_i - 1)^2 <= radius, up to a factor, shape [pairs].

    Exact: the k hardest pairs count, as 1 + slope (l - their mean), and k follows from a sort. n sum p^2 = 1 + 2 radius
    on the ball's surface. At eta = the (k + 1)-th loss, where the k hardest count, n sum p^2 is n (v + d^2) / (k d^2)
    with v the variance of the k losses and d their mean less eta. It falls in k.

    Args:
        gaps: losses less their maximum, in float64, shape [pairs].
        radius: of the ball, without unit.
    """
    n, reach = len(gaps), 1 + 2 * radius
    ordered = gaps.sort(descending=True).values
    count = torch.arange(1, n + 1, dtype=gaps.dtype, device=gaps.device)
    means = ordered.cumsum(0) / count
    variances = (ordered.square().cumsum(0) / count - means.square()).clamp_min(0)
    squares = (means[:-1] - ordered[1:]).square()
    outside = n * (variances[:-1] + squares) > reach * count[:-1] * squares
    hardest = outside.logical_or(squares == 0).sum()  # the place, from 0, of the easiest pair that counts
    mean, variance = means[hardest], variances[hardest]
    rise = (reach * count[hardest] / n - 1).clamp_min(0)
    slope = torch.where(variance > 0, rise / variance, 0).sqrt()  # 0: the ball holds the hardest pairs alone
    return (1 + slope * (gaps - mean)).clamp_min(0) * (gaps >= ordered[hardest])


def root_mean_square(squared_norms: Tensor) -> Tensor:
    """sqrt(mean_i S_i) of squared norms, shape [pairs]: a scalar, by which the loss rises per unit of a Wasserstein
    ball's radius, to first order. The floor keeps the root differentiable at zero."""
    return squared_norms.mean().clamp_min(1e-24).sqrt()


def _divergences(gaps: Tensor, temperatures: Tensor) -> Tensor:
    """KL(softmax(gaps / tau) || uniform) for every tau, in nats, shape [temperatures]."""
    logs = torch.log_softmax(gaps / temperatures[:, None], dim=1)
    return (logs.exp() * logs).sum(1) + math.log(len(gaps))
