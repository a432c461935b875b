"""DPO, robust to Wasserstein perturbations of the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from methods import PairwiseMethod, Solver, choice, hyperparameter, non_negative
from methods.dpo import DPO
from methods.logistic import LogisticLoss
from methods.worst_case import root_mean_square

ROOT, SQUARED = "sqrt", "squared"


@dataclass(frozen=True)
class WDPO(LogisticLoss):
    """DPO plus rho times the root mean square of the loss's gradient by the input embeddings.

    objective = mean_i l_i + rho sqrt(mean_i ||grad_z l_i||^2), with the gradient taken at the output of the embedding
    layer and summed over tokens, dimensions, and both completions; the mean is over the global batch.
    rho: radius of the Wasserstein ball, in units of the embeddings; rho = 0 is DPO.
    form: `squared` drops the root, as the authors' code does: rho mean_i ||grad_z l_i||^2, rho in units of the
    embeddings squared, per nat.
    solver: how the penalty is differentiated: `double_backward`, `difference`, `perturbation` (the loss at the worst
    inputs of the ball, instead of the expansion), or `auto`, which picks by the model's attention. The training curve
    of `perturbation` holds that loss as its objective, and the expansion beside it.
    Source: arXiv:2502.01930, Algorithm 1.
    """

    name = "wdpo"
    paper = "arXiv:2502.01930, Algorithm 1"
    convex = False  # for a log-linear policy the penalty has sigmoid(-beta h) ||theta||, which rises and falls again

    rho: float = hyperparameter(1.0, non_negative(0.005, 100.0))
    form: str = hyperparameter(ROOT, choice(ROOT, SQUARED))
    solver: str = hyperparameter(Solver.AUTO.value, choice(*(solver.value for solver in Solver)))

    def input_penalty(self, squared_norms: Tensor) -> Tensor:
        """rho sqrt(mean_i ||grad_z l_i||^2), or without the root, a scalar in nats."""
        return self.rho * (squared_norms.mean() if self.form == SQUARED else root_mean_square(squared_norms))

    @property
    def penalty_solver(self) -> Solver:
        """As `solver` says."""
        return Solver(self.solver)

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """A ball of radius zero is DPO."""
        return [(cls(rho=0.0), DPO()), (cls(rho=0.0, form=SQUARED), DPO())]
