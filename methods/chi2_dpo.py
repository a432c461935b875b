"""DPO, robust to reweightings of the batch inside a chi-square ball."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from methods import PairBatch, PairwiseMethod, hyperparameter, non_negative
from methods.dpo import DPO
from methods.logistic import LogisticLoss
from methods.worst_case import ball_weights, chi2_tilt


@dataclass(frozen=True)
class Chi2DPO(LogisticLoss):
    """DPO under the worst reweighting p of the batch with D(p || uniform) = 1/2 mean_i (n p_i - 1)^2 <= rho.

    n is the number of pairs. The worst case is p_i proportional to max(0, l_i - eta), with eta such that the ball is
    met; while no pair is left out, the objective is mean l + sqrt(2 rho var l).
    rho: radius of the ball, without unit: at least n / (1 + 2 rho) pairs count. rho = 0 is DPO; from (n - 1) / 2 on,
    the hardest pair alone.
    Source: arXiv:2010.05893 (the ball with its factor 1/2, and its dual); arXiv:1610.02581 (the variance).
    """

    name = "chi2_dpo"
    paper = "arXiv:2010.05893"
    convex = True

    rho: float = hyperparameter(0.5, non_negative(0.05, 5.0))

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """The worst case of the ball, shape [pairs], sums to 1, detached."""
        return ball_weights(losses, lambda gaps: chi2_tilt(gaps, self.rho))

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """An empty ball is DPO."""
        return [(cls(rho=0.0), DPO())]
