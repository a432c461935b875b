"""DPO, robust to reweightings of the batch inside a total-variation ball."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from methods import PairBatch, PairwiseMethod, hyperparameter, uniform
from methods.dpo import DPO
from methods.logistic import LogisticLoss
from methods.worst_case import ball_weights


@dataclass(frozen=True)
class TVDPO(LogisticLoss):
    """DPO under the worst reweighting p of the batch with TV(p, uniform) = 1/2 sum_i |p_i - 1/n| <= rho.

    The worst case takes mass rho from the easiest pairs and puts it on the hardest:
    objective = (1 - rho) CVaR + rho max l, where CVaR is the mean loss of the hardest fraction 1 - rho of the batch.
    Equal losses share what is taken and given; the pair at the border keeps a part.
    rho: radius of the ball, the fraction of mass that moves, in [0, 1]. rho = 0 is DPO, 1 the hardest pair alone.
    Source: the ball is that of arXiv:2503.00539, there for shifted prompts; the solution is the ball's standard dual.
    """

    name = "tv_dpo"
    paper = "arXiv:2503.00539"
    convex = True

    rho: float = hyperparameter(0.2, uniform(0.05, 0.5, minimum=0.0, maximum=1.0))

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """The worst case of the ball, shape [pairs], sums to 1, detached."""
        return ball_weights(losses, self._worst)

    def _worst(self, gaps: Tensor) -> Tensor:
        """What each pair keeps of its 1/n, and what the hardest are given."""
        n = len(gaps)
        ordered = gaps.sort().values
        up_to = torch.searchsorted(ordered, gaps, right=True)  # pairs that are no harder
        harder = (n - up_to).to(gaps.dtype)
        equal = (up_to - torch.searchsorted(ordered, gaps)).to(gaps.dtype)
        kept = ((1 - self.rho) * n - harder).clamp_min(0).minimum(equal) / equal / n
        hardest = (gaps == 0).to(gaps.dtype)
        return kept + self.rho * hardest / hardest.sum()

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """An empty ball is DPO."""
        return [(cls(rho=0.0), DPO())]
