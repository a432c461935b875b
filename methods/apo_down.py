"""Anchored preference optimisation, where the policy's own completions are better than the chosen ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class APODown(PairwiseMethod):
    """Both down, the rejected one further: l = sigmoid(beta a) + 1 - sigmoid(beta (a - b)).

    a, b: log-ratios of the chosen and of the rejected completion. At the reference the two terms cancel on the chosen
    side; as soon as the rejected completion has fallen, the chosen one falls as well.
    beta: per nat.
    Source: arXiv:2408.06266, Eq. 8; `apo_down` in TRL.
    """

    name = "apo_down"
    paper = "arXiv:2408.06266"
    pushes_chosen = 0

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """sigmoid(beta a) + 1 - sigmoid(beta h), shape [pairs], in [0, 2], no unit."""
        # 1 - sigmoid(x) = sigmoid(-x), without cancellation
        return torch.sigmoid(self.beta * batch.chosen_log_ratios) + torch.sigmoid(-self.beta * batch.log_ratio_margin)
