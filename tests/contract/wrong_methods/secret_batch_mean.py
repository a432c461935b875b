"""Deliberately wrong: a loss that reads the other pairs of its micro-batch and does not say so."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class SecretBatchMean(PairwiseMethod):
    """DPO on margins in units of their mean size: l = -log sigmoid(beta h / (1 + mean |h|)), without `couples_losses`.

    beta: per nat.
    """

    name = "secret_batch_mean"

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid of the scaled margin, shape [pairs], in nats."""
        margin = batch.log_ratio_margin
        return -logsigmoid(self.beta * margin / (1 + margin.abs().mean()))
