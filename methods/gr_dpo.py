"""DPO for the group of annotators that is worst off."""

from __future__ import annotations

from dataclasses import dataclass

from methods import hyperparameter, non_negative
from methods.groups import GroupRobust
from methods.logistic import LogisticLoss


@dataclass(frozen=True)
class GRDPO(GroupRobust, LogisticLoss):
    """DPO whose weights over groups of annotators follow the group with the greatest loss (group-robust DPO).

    min over policies, max over q on the simplex, of sum_g q_g L_g, by turns: `GroupRobust` gives the weights.
    eta: step size of q, per nat of a group's mean loss and optimiser step; 0 weighs all groups alike for ever.
    In this unit are the release's runs with plain group means, of 0.1. Its configured 0.01 is in another: there every
    group's sum of losses is divided by the group's share of the data, which makes it the mean times the batch, so that
    0.01 is 0.32 here at a batch of 32. (It also moves q once per micro-batch, on the micro-batch's own means.)
    It has to know who labelled what. With true annotator ids it is the positive control of robustness.
    Source: arXiv:2405.20304. The release samples groups evenly or scales losses by group size; here q_g / n_g does it.
    """

    name = "gr_dpo"
    paper = "arXiv:2405.20304"
    convex = False  # one step's objective is, but it moves with q

    eta: float = hyperparameter(0.1, non_negative(0.01, 1.0))

    @property
    def ascent(self) -> float:
        """eta."""
        return self.eta
