"""IPO for the group of annotators that is worst off."""

from __future__ import annotations

from dataclasses import dataclass

from methods import hyperparameter, non_negative
from methods.groups import GroupRobust
from methods.ipo import IPO


@dataclass(frozen=True)
class GRIPO(GroupRobust, IPO):
    """IPO whose weights over groups of annotators follow the group with the greatest loss (group-robust IPO).

    As `gr_dpo`, on IPO's loss (per token), times beta where it moves q: beta L_g = 1 / (4 beta) - h + beta h^2, on
    average over the group's pairs. The first term is every group's and drops out, so near the reference q follows how
    far the groups' mean margins lie apart, whatever beta; L_g itself would move it 1 / beta times as fast.
    margin_step: step size of q, per nat per token of a group's mean margin and optimiser step; 0 weighs all groups
    alike for ever. On completions of n tokens it moves q as `gr_dpo` does at eta = 2 margin_step / (beta n). The
    paper's step, per unit of loss, is margin_step beta.
    It has to know who labelled what. With true annotator ids it is a positive control of robustness.
    Source: arXiv:2405.20304.
    """

    name = "gr_ipo"
    paper = "arXiv:2405.20304"
    convex = False  # one step's objective is, but it moves with q

    margin_step: float = hyperparameter(1.0, non_negative(0.1, 10.0))

    @property
    def ascent(self) -> float:
        """margin_step times beta."""
        return self.margin_step * self.beta
