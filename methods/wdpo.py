"""DPO, robust to Wasserstein perturbations of the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from methods import PairwiseMethod, Role, Solver, choice, hyperparameter, non_negative
from methods.dpo import DPO

SQRT, SQUARED = "sqrt", "squared"


@dataclass(frozen=True)
class WDPO(DPO):
    """DPO plus a penalty on the loss's gradient by the input embeddings.

    form: sqrt: mean_i l_i + rho sqrt(mean_i ||grad_z l_i||^2), as Algorithm 1 says; squared: mean_i (l_i +
        rho ||grad_z l_i||^2), as the authors released it; the units of rho differ between the two.
    rho: radius of the Wasserstein ball, in units of the embeddings (sqrt form); rho = 0 is DPO.
    solver: how the penalty is differentiated: double_backward (exact, eager attention), difference (any attention),
        perturbation (the loss at the worst inputs themselves), auto (exact where the model allows it).
    The gradient is taken at the output of the embedding layer and summed over tokens, dimensions, and both completions;
    the mean is over the global batch.
    Source: arXiv:2502.01930, Algorithm 1.
    """

    name = "wdpo"
    paper = "arXiv:2502.01930, Algorithm 1"
    role = Role.METHOD

    rho: float = hyperparameter(1.0, non_negative(0.01, 100.0))
    form: str = hyperparameter(SQRT, choice(SQRT, SQUARED))
    solver: str = hyperparameter(Solver.AUTO.value, choice(*(solver.value for solver in Solver)))

    def input_penalty(self, squared_norms: Tensor) -> Tensor:
        """A scalar in nats; the floor keeps the root differentiable at zero."""
        mean = squared_norms.mean()
        return self.rho * (mean.clamp_min(1e-24).sqrt() if self.form == SQRT else mean)

    @property
    def penalty_solver(self) -> Solver:
        """The solver that was asked for."""
        return Solver(self.solver)

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """rho = 0 is DPO."""
        return [(cls(rho=0.0), DPO())]
