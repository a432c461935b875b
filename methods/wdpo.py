"""DPO, robust to Wasserstein perturbations of the inputs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from methods import Role, hyperparameter, non_negative
from methods.dpo import DPO


@dataclass(frozen=True)
class WDPO(DPO):
    """DPO plus rho times the root mean square of the loss's gradient by the input embeddings.

    objective = mean_i l_i + rho sqrt(mean_i ||grad_z l_i||^2), with the gradient taken at the output of the embedding
    layer and summed over tokens, dimensions, and both completions; the mean is over the global batch.
    rho: radius of the Wasserstein ball, in units of the embeddings; rho = 0 is DPO.
    Source: arXiv:2502.01930, Algorithm 1 (the square-root form; the released code drops the root).
    """

    name = "wdpo"
    paper = "arXiv:2502.01930, Algorithm 1"
    role = Role.METHOD

    rho: float = hyperparameter(1.0, non_negative(0.01, 100.0))

    def input_penalty(self, squared_norms: Tensor) -> Tensor:
        """rho sqrt(mean_i ||grad_z l_i||^2), a scalar in nats; the floor keeps the root differentiable at zero."""
        return self.rho * squared_norms.mean().clamp_min(1e-24).sqrt()
