"""DPO, robust to reweightings of the batch inside a KL ball."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from methods import Role, hyperparameter, log_uniform
from methods.dpo import DPO


@dataclass(frozen=True)
class KLDPO(DPO):
    """DPO under the worst reweighting of the batch inside a KL ball: pairs weigh as exp(l / tau), normalised.

    tau: temperature of the worst case, in nats of loss; tau -> infinity is DPO, tau -> 0 the hardest pair alone.
    Source: arXiv:2502.01930, Algorithm 2 (normalised over the global batch; not the released, clamped form).
    """

    name = "kldpo"
    paper = "arXiv:2502.01930, Algorithm 2"
    role = Role.METHOD

    tau: float = hyperparameter(1.0, log_uniform(0.05, 10.0))

    def log_weights(self, losses: Tensor) -> Tensor:
        """l / tau, shape [pairs]: P_i = exp(l_i / tau) / sum_j exp(l_j / tau); the mean in the paper's exponent
        cancels."""
        return losses / self.tau
