"""Noise contrastive alignment."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class NCA(PairwiseMethod):
    """Absolute rewards: l = -log sigmoid(r_w) - 1/2 log sigmoid(-r_w) - 1/2 log sigmoid(-r_l), with r = beta log-ratio.

    The chosen completion stands once among the data and once among the noise, so its likelihood is held up and held
    back: its own terms are least at r_w = log 2.
    beta: per nat.
    Source: arXiv:2402.05369, the pairwise case of NCA; `nca_pair` in TRL.
    """

    name = "nca"
    paper = "arXiv:2402.05369"
    convex = True

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """Loss of telling data from noise, shape [pairs], in nats."""
        chosen, rejected = self.beta * batch.chosen_log_ratios, self.beta * batch.rejected_log_ratios
        return -logsigmoid(chosen) - 0.5 * logsigmoid(-chosen) - 0.5 * logsigmoid(-rejected)
