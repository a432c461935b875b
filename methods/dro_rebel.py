"""REBEL, robust to reweightings of the batch (KL, chi-square) and to perturbations of the inputs (Wasserstein).

Where the release of arXiv:2509.19104 departs from its own worst cases, the docstrings say so; what is here is the ball.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from methods import PairBatch, PairwiseMethod, Solver, choice, hyperparameter, log_uniform, non_negative
from methods.rebel import REBEL
from methods.worst_case import ball_weights, chi2_tilt, root_mean_square


@dataclass(frozen=True)
class KLREBEL(REBEL):
    """REBEL under the worst reweighting of the batch inside a KL ball: P_i = exp(l_i / tau) / sum_j exp(l_j / tau).

    tau: temperature of the worst case, in nats^2, the unit of REBEL's loss; tau -> infinity is REBEL. The release's 0.1
    is for rewards in [0, 1]; at a sharpness s it is 0.1 s^2 here, 40 at the usual 20, which is the default.
    As in `kldpo` P is over the global batch and not differentiated, which is the gradient of the ball's dual at this
    temperature. The release normalises P within each worker and differentiates through it.
    Source: arXiv:2509.19104, and the authors' code. The paper's formula was not at hand.
    """

    name = "kl_rebel"
    paper = "arXiv:2509.19104"

    tau: float = hyperparameter(40.0, log_uniform(0.1, 400.0))

    def log_weights(self, losses: Tensor) -> Tensor:
        """l / tau, shape [pairs]."""
        return losses / self.tau

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """An infinite temperature is REBEL."""
        return [(cls(tau=1e12), REBEL())]


@dataclass(frozen=True)
class Chi2REBEL(REBEL):
    """REBEL under the worst reweighting p of the batch with D(p || uniform) = 1/2 mean_i (n p_i - 1)^2 <= rho.

    The ball and its exact solution are those of `chi2_dpo`.
    rho: radius, without unit. rho = 0 is REBEL; from (n - 1) / 2 on, the pair with the greatest loss alone.
    The release minimises eta + sqrt(2 rho mean max(0, l - eta)^2) over the losses themselves, one below their least and
    one above their greatest. The dual of this ball has 1 + 2 rho in place of 2 rho; with 2 rho < 1, as at the release's
    0.01, the expression has no minimum, and eta is what the list of candidates ends with. So its weights are
    proportional to l - min l + 1, do not sum to 1, and depend on the unit of the reward.
    Source: arXiv:2509.19104, and the authors' code; arXiv:2010.05893 for the ball and its dual. The paper's formula was
    not at hand.
    """

    name = "chi2_rebel"
    paper = "arXiv:2509.19104"

    rho: float = hyperparameter(0.5, non_negative(0.01, 5.0))

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """The worst case of the ball, shape [pairs], sums to 1, detached."""
        return ball_weights(losses, lambda gaps: chi2_tilt(gaps, self.rho))

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """An empty ball is REBEL."""
        return [(cls(rho=0.0), REBEL())]


@dataclass(frozen=True)
class WREBEL(REBEL):
    """REBEL plus rho times the root mean square of the loss's gradient by the input embeddings.

    rho: radius of the Wasserstein ball, in units of the embeddings, whatever the unit of the reward; rho = 0 is REBEL.
    solver: how the penalty is differentiated, as in `wdpo`.
    Source: arXiv:2509.19104, and the authors' code, which has the same root and mean.
    """

    name = "w_rebel"
    paper = "arXiv:2509.19104"
    convex = False  # as in `wdpo`: the gradient by the inputs changes with the policy

    rho: float = hyperparameter(0.5, non_negative(0.01, 10.0))
    solver: str = hyperparameter(Solver.AUTO.value, choice(*(solver.value for solver in Solver)))

    def input_penalty(self, squared_norms: Tensor) -> Tensor:
        """rho sqrt(mean_i ||grad_z l_i||^2), a scalar in nats^2."""
        return self.rho * root_mean_square(squared_norms)

    @property
    def penalty_solver(self) -> Solver:
        """As `solver` says."""
        return Solver(self.solver)

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """A ball of radius zero is REBEL."""
        return [(cls(rho=0.0), REBEL())]
