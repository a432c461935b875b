"""What methods share that take the worst case over a ball of reweightings."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

EQUAL = 1e-5  # nats: losses that differ by less are one number, as far as float32 log-probabilities can tell


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
