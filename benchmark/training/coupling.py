"""Objectives over the whole batch, exactly, however the batch is split.

At the current policy, the gradient of any objective of log-probabilities is that of sum_i (s_i log pi(chosen_i) +
t_i log pi(rejected_i)) with s and t held fixed, and a penalty on squared input-gradient norms S adds sum_i c_i S_i. So
a few numbers per pair carry all that a micro-batch must know of the others; each then backpropagates its own share:

- weights that are known up to one factor (`log_weights`) are accumulated unnormalised and the gradient is divided by
  their sum once, before clipping: no pair is computed twice (`RunningScale`);
- everything else takes a first pass over the batch, from which the slopes follow (`linearise`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from methods import PairBatch, PairwiseMethod

SLACK = 20.0  # log weights may rise this far above the reference before what was accumulated is scaled down


@dataclass(frozen=True)
class Slopes:
    """Slopes of the objective by log-probabilities and by squared input-gradient norms, shape [pairs]; detached."""

    chosen: Tensor
    rejected: Tensor
    squared_norms: Tensor | None

    def part(self, first: int, count: int) -> Slopes:
        """The slopes of `count` pairs from number `first` on."""
        norms = None if self.squared_norms is None else self.squared_norms[first : first + count]
        return Slopes(self.chosen[first : first + count], self.rejected[first : first + count], norms)

    def chunk(self, sizes: Sequence[int]) -> list[Slopes]:
        """The slopes of consecutive micro-batches of the given numbers of pairs."""
        starts = [sum(sizes[:number]) for number in range(len(sizes))]
        return [self.part(start, size) for start, size in zip(starts, sizes, strict=True)]

    def objective(self, batch: PairBatch, squared_norms: Tensor | None) -> Tensor:
        """A scalar with the gradient of the method's objective (its value is another: `linearise` returns that)."""
        total = (self.chosen * batch.chosen_logps).sum() + (self.rejected * batch.rejected_logps).sum()
        if self.squared_norms is not None and squared_norms is not None:
            total = total + (self.squared_norms * squared_norms).sum()
        return total


def linearise(method: PairwiseMethod, batch: PairBatch, squared_norms: Tensor | None) -> tuple[Slopes, Tensor]:
    """Slopes over the global batch, and the objective's value there, a detached scalar in nats."""
    batch = batch.detached()
    with torch.enable_grad():
        chosen, rejected = batch.chosen_logps.requires_grad_(), batch.rejected_logps.requires_grad_()
        losses = method.pair_losses(batch)
        value = (method.pair_weights(losses.detach(), batch).detach() * losses).sum()
        by_chosen, by_rejected = torch.autograd.grad(value, (chosen, rejected), materialize_grads=True)
        if squared_norms is None:
            return Slopes(by_chosen, by_rejected, None), value.detach()
        norms = squared_norms.detach().requires_grad_()
        penalty = method.input_penalty(norms)
        assert penalty is not None, "a method with squared norms has a penalty"
        (by_norm,) = torch.autograd.grad(penalty, norms)
    return Slopes(by_chosen, by_rejected, by_norm), (value + penalty).detach()


class RunningScale:
    """Weights exp(log_weights), normalised over micro-batches that are seen one after the other.

    Each micro-batch contributes with weights relative to a reference exponent. The reference follows the greatest log
    weight seen, and when it moves, the gradient accumulated so far is scaled to the new one.
    """

    def __init__(self) -> None:
        self._reference: Tensor | None = None
        self._total = torch.zeros(())
        self._value = torch.zeros(())

    def add(self, logs: Tensor, losses: Tensor, gathered: Mapping[str, Tensor], gradients: Iterable[Tensor]) -> Tensor:
        """The unnormalised objective of this worker's micro-batch, a scalar.

        Args:
            logs: log weights of this worker's pairs, shape [pairs], detached.
            losses: their losses, shape [pairs].
            gathered: `logs` and `losses` of all workers' pairs, detached.
            gradients: what has been accumulated in this step so far; scaled in place where the reference moves.
        """
        greatest = gathered["logs"].max()
        if self._reference is None:
            self._reference = greatest
            self._total, self._value = torch.zeros_like(greatest), torch.zeros_like(greatest)
        elif float(greatest - self._reference) > SLACK:
            factor = (self._reference - greatest).exp()
            _scale(gradients, factor)
            self._total, self._value = self._total * factor, self._value * factor
            self._reference = greatest
        weights = (gathered["logs"] - self._reference).exp()
        self._total = self._total + weights.sum()
        self._value = self._value + (weights * gathered["losses"]).sum()
        return ((logs - self._reference).exp() * losses).sum()

    def finish(self, gradients: Iterable[Tensor]) -> Tensor:
        """Normalise the accumulated gradient; the objective's value, a detached scalar in nats."""
        _scale(gradients, 1.0 / self._total)
        return self._value / self._total


def _scale(gradients: Iterable[Tensor], factor: Tensor) -> None:
    for gradient in gradients:
        gradient.mul_(factor.to(gradient.dtype))


def concatenate(batches: Sequence[PairBatch]) -> PairBatch:
    """One batch of all pairs, in order, with the state of the first."""
    columns: dict[str, Any] = {
        name: torch.cat([batch.tensors()[name] for batch in batches]) for name in batches[0].tensors()
    }
    return PairBatch(**columns, state=batches[0].state)
