"""Deliberately wrong: DPO that prefers what was rejected."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class WrongSign(PairwiseMethod):
    """l = -log sigmoid(-beta h), which has a sign too many. beta: per nat."""

    name = "wrong_sign"

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid(-beta h), shape [pairs], in nats."""
        return -logsigmoid(-self.beta * batch.log_ratio_margin)
