"""Anchored preference optimisation, where chosen completions are better than the policy's own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class APOZero(PairwiseMethod):
    """Chosen up and rejected down, each against the reference: l = 1 - sigmoid(beta a) + sigmoid(beta b).

    a, b: log-ratios of the chosen and of the rejected completion. The pull is strongest at the reference and fades on
    both sides, so no completion is driven far.
    beta: per nat.
    Source: arXiv:2408.06266, Eq. 7; `apo_zero` in TRL.
    """

    name = "apo_zero"
    paper = "arXiv:2408.06266"

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """1 - sigmoid(beta a) + sigmoid(beta b), shape [pairs], in [0, 2], no unit."""
        # 1 - sigmoid(x) = sigmoid(-x), without cancellation
        return torch.sigmoid(-self.beta * batch.chosen_log_ratios) + torch.sigmoid(
            self.beta * batch.rejected_log_ratios
        )
