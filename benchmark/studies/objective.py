"""The objective of any pairwise method over one whole batch, as a scalar that autograd can differentiate."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from methods import PairBatch, PairwiseMethod


def objective(method: PairwiseMethod, batch: PairBatch, inputs: Sequence[Tensor]) -> Tensor:
    """sum_i w_i l_i + penalty, a scalar in nats, with w not differentiated.

    Where w solves a worst case over reweightings (KLDPO, TV-DPO, chi-square-DPO), the gradient at fixed w is the whole
    gradient of that worst case (Danskin), so a point where it vanishes is stationary for the robust objective itself.

    Args:
        method: gives losses, weights and penalty.
        batch: all pairs; the graph of its log-probabilities reaches the parameters, and `inputs`.
        inputs: one tensor per side, shape [pairs, width]: what an input penalty is taken by. Row i is read by pair i
            alone. Not read where the method has no penalty.
    """
    losses = method.pair_losses(batch)
    value = (method.pair_weights(losses.detach(), batch.detached()).detach() * losses).sum()
    if not method.penalises_inputs():
        return value
    gradients = torch.autograd.grad(losses.sum(), inputs, create_graph=True)
    squared = torch.stack([gradient.square().sum(1) for gradient in gradients]).sum(0)
    penalty = method.input_penalty(squared)
    assert penalty is not None, "a method that penalises inputs has a penalty"
    return value + penalty


def pair_batch(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> PairBatch:
    """A batch of responses of one token each, so that methods per token and per completion agree; shape [pairs]."""
    one = torch.ones_like(ref_chosen)
    return PairBatch(chosen, rejected, ref_chosen, ref_rejected, one, one)
