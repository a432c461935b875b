"""Objectives over the whole batch, exactly, however the batch is split.

A coupled objective sum_i w_i(l) l_i + penalty(S) has the gradient sum_i w_i grad l_i + sum_i c_i grad S_i, where S_i is
the squared norm of pair i's input gradient and c_i = d penalty / d S_i, all at the current policy. So one number or two
per pair carry everything that a micro-batch must know of the others: a first pass collects l and S of the global batch,
the coefficients follow, and each micro-batch then backpropagates its own share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from methods import PairBatch, PairwiseMethod


@dataclass(frozen=True)
class Coefficients:
    """Weight of every pair's loss and of its squared input-gradient norm, shape [pairs] each; detached."""

    losses: Tensor
    squared_norms: Tensor | None

    def chunk(self, sizes: Sequence[int]) -> list[Coefficients]:
        """The coefficients of consecutive micro-batches of the given numbers of pairs."""
        norms = [None] * len(sizes) if self.squared_norms is None else self.squared_norms.split(list(sizes))
        return [Coefficients(a, b) for a, b in zip(self.losses.split(list(sizes)), norms, strict=True)]

    def part(self, first: int, count: int) -> Coefficients:
        """The coefficients of `count` pairs from number `first` on."""
        norms = None if self.squared_norms is None else self.squared_norms[first : first + count]
        return Coefficients(self.losses[first : first + count], norms)

    def objective(self, losses: Tensor, squared_norms: Tensor | None) -> Tensor:
        """A scalar whose gradient is that of the method's objective (its value is not: see `objective_value`)."""
        total = (self.losses * losses).sum()
        if self.squared_norms is not None and squared_norms is not None:
            total = total + (self.squared_norms * squared_norms).sum()
        return total


def linearise(
    method: PairwiseMethod, batch: PairBatch, losses: Tensor, squared_norms: Tensor | None
) -> tuple[Coefficients, Tensor]:
    """Coefficients over the global batch and the objective's value there, a detached scalar in nats."""
    losses = losses.detach()
    weights = method.pair_weights(losses, batch).detach()
    value = (weights * losses).sum()
    if squared_norms is None:
        return Coefficients(weights, None), value
    with torch.enable_grad():
        norms = squared_norms.detach().requires_grad_()
        penalty = method.input_penalty(norms)
        assert penalty is not None, "a method with squared norms has a penalty"
        (slopes,) = torch.autograd.grad(penalty, norms)
    return Coefficients(weights, slopes), value + penalty.detach()


def concatenate(batches: Sequence[PairBatch]) -> PairBatch:
    """One batch of all pairs, in order."""
    names = batches[0].tensors()
    return PairBatch(**{name: torch.cat([batch.tensors()[name] for batch in batches]) for name in names})


def detached(batch: PairBatch) -> PairBatch:
    """The batch without its graph."""
    return PairBatch(**{name: tensor.detach() for name, tensor in batch.tensors().items()})
