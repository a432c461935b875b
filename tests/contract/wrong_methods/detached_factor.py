"""Deliberately wrong: a part of the loss that is differentiated is taken out of the graph."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class DetachedFactor(PairwiseMethod):
    """Losses weighed by their own confidence: l = (1 + tanh(beta h)^2) softplus(-beta h), the first factor detached.

    A factor that is not to be differentiated is a weight and belongs into `pair_weights`. beta: per nat.
    """

    name = "detached_factor"

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """The weighed loss, shape [pairs], in nats."""
        reward = self.beta * batch.log_ratio_margin
        return -(1 + reward.detach().tanh() ** 2) * logsigmoid(reward)
