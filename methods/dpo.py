"""Direct preference optimisation."""

from __future__ import annotations

from dataclasses import dataclass

from methods import Role, hyperparameter, log_uniform
from methods.logistic import LogisticLoss


@dataclass(frozen=True)
class DPO(LogisticLoss):
    """Logistic loss on the log-ratio margin: l = -log sigmoid(beta h), every pair alike.

    beta: strength of the KL regularisation towards the reference, per nat (small: far from it).
    rate: learning rate, as a multiple of the run's. Plain DPO makes the envelope that all methods are compared with, so
    it is swept beside beta.
    Source: arXiv:2305.18290, Eq. 7.
    """

    name = "dpo"
    paper = "arXiv:2305.18290"
    role = Role.BASELINE
    convex = True

    rate: float = hyperparameter(1.0, log_uniform(0.25, 4.0))

    @property
    def learning_rate_factor(self) -> float:
        """`rate`."""
        return self.rate
