"""The step that a method takes, as a gradient by the log-probabilities: no model, no trainer."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from benchmark.contract.batches import GROUPS
from methods import PairBatch, PairwiseMethod


def with_state(method: PairwiseMethod, batch: PairBatch, steps: int = 1) -> PairBatch:
    """The batch as the method sees it in step number `steps` of a run that meets it again and again."""
    if not method.has_state():
        return batch
    state = method.initial_state(0 if batch.groups is None else GROUPS)
    for _ in range(steps):
        state = method.next_state(batch.detached().with_state(state))
    return batch.with_state(state)


def differentiable(batch: PairBatch) -> PairBatch:
    """The batch with leaves of a graph as the policy's log-probabilities."""
    return replace(
        batch,
        chosen_logps=batch.chosen_logps.detach().clone().requires_grad_(),
        rejected_logps=batch.rejected_logps.detach().clone().requires_grad_(),
    )


def slopes(scalar: Tensor, batch: PairBatch, create_graph: bool = False) -> Tensor:
    """Gradient of a scalar by chosen and rejected log-probabilities, shape [2, pairs]; zero where it reads none."""
    leaves = (batch.chosen_logps, batch.rejected_logps)
    if not scalar.requires_grad:
        return torch.zeros(2, len(batch.chosen_logps), dtype=scalar.dtype)
    found = torch.autograd.grad(scalar, leaves, create_graph=create_graph, allow_unused=True, materialize_grads=True)
    return torch.stack(found)


def loss_gradient(method: PairwiseMethod, batch: PairBatch) -> Tensor:
    """Gradient of the plain sum of the losses by the log-probabilities, shape [2, pairs]."""
    batch = differentiable(batch)
    return slopes(method.pair_losses(batch).sum(), batch)


def step_gradient(method: PairwiseMethod, batch: PairBatch) -> Tensor:
    """Gradient of the whole objective by the log-probabilities, shape [2, pairs].

    An input penalty is a function of gradients by embeddings. Here the log-probabilities themselves stand for the
    embeddings, S_i = (dl_i / d chosen_i)^2 + (dl_i / d rejected_i)^2, which is all that the formula can tell apart.
    """
    batch = differentiable(batch)
    losses = method.pair_losses(batch)
    objective = (method.pair_weights(losses.detach(), batch.detached()).detach() * losses).sum()
    if method.penalises_inputs():
        penalty = method.input_penalty(slopes(losses.sum(), batch, create_graph=True).pow(2).sum(0))
        objective = objective if penalty is None else objective + penalty
    return slopes(objective, batch)
