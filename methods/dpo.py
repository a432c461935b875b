"""Direct preference optimisation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, Role, hyperparameter, log_uniform


@dataclass(frozen=True)
class DPO(PairwiseMethod):
    """Logistic loss on the log-ratio margin: l = -log sigmoid(beta h).

    beta: strength of the KL regularisation towards the reference, per nat (small: far from it).
    Source: arXiv:2305.18290, Eq. 7.
    """

    name = "dpo"
    paper = "arXiv:2305.18290"
    role = Role.BASELINE
    convex = True

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid(beta h), shape [pairs], in nats."""
        return -logsigmoid(self.beta * batch.log_ratio_margin)
