"""The logistic loss on the log-ratio margin, which DPO and most of its descendants share."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class LogisticLoss(PairwiseMethod):
    """l = -log sigmoid(beta h): a method keeps it and weighs pairs in its own way, or bends it.

    beta: strength of the KL regularisation towards the reference, per nat (small: far from it).
    """

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid(beta h), shape [pairs], in nats."""
        return -logsigmoid(self.beta * batch.log_ratio_margin)
