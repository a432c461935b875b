"""IPO for the group of annotators that is worst off."""

from __future__ import annotations

from dataclasses import dataclass

from methods import hyperparameter, non_negative
from methods.groups import GroupRobust
from methods.ipo import IPO


@dataclass(frozen=True)
class GRIPO(GroupRobust, IPO):
    """IPO whose weights over groups of annotators follow the group with the greatest loss (group-robust IPO).

    As `gr_dpo`, on IPO's loss (per token). That loss starts at 1 / (2 beta)^2 for every group, which drops out of q.
    eta: step size of q, per unit of loss; 0 weighs all groups alike for ever.
    It has to know who labelled what. With true annotator ids it is a positive control of robustness.
    Source: arXiv:2405.20304.
    """

    name = "gr_ipo"
    paper = "arXiv:2405.20304"
    convex = False  # one step's objective is, but it moves with q

    eta: float = hyperparameter(0.1, non_negative(0.01, 1.0))
