"""DPO, robust to reweightings of the batch inside a chi-square ball."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from methods import PairBatch, PairwiseMethod, hyperparameter, non_negative
from methods.dpo import DPO
from methods.logistic import LogisticLoss
from methods.worst_case import ball_weights


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
        return ball_weights(losses, self._worst)

    def _worst(self, gaps: Tensor) -> Tensor:
        """Exact: the k hardest pairs count, as 1 + slope (l - their mean), and k follows from a sort.

        n sum p^2 = 1 + 2 rho on the ball's surface. At eta = the (k + 1)-th loss, where the k hardest count, n sum p^2
        is n (v + d^2) / (k d^2) with v the variance of the k losses and d their mean less eta. It falls in k.
        """
        n, reach = len(gaps), 1 + 2 * self.rho
        ordered = gaps.sort(descending=True).values
        count = torch.arange(1, n + 1, dtype=gaps.dtype, device=gaps.device)
        means = ordered.cumsum(0) / count
        variances = (ordered.square().cumsum(0) / count - means.square()).clamp_min(0)
        squares = (means[:-1] - ordered[1:]).square()
        outside = n * (variances[:-1] + squares) > reach * count[:-1] * squares
        hardest = outside.logical_or(squares == 0).sum()  # the place, from 0, of the easiest pair that counts
        mean, variance = means[hardest], variances[hardest]
        rise = (reach * count[hardest] / n - 1).clamp_min(0)
        slope = torch.where(variance > 0, rise / variance, 0).sqrt()  # 0: the ball holds the hardest pairs alone
        return (1 + slope * (gaps - mean)).clamp_min(0) * (gaps >= ordered[hardest])

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """An empty ball is DPO."""
        return [(cls(rho=0.0), DPO())]
