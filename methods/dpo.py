"""Direct preference optimisation."""

from __future__ import annotations

from dataclasses import dataclass

from methods import Role
from methods.logistic import LogisticLoss


@dataclass(frozen=True)
class DPO(LogisticLoss):
    """Logistic loss on the log-ratio margin: l = -log sigmoid(beta h), every pair alike.

    beta: strength of the KL regularisation towards the reference, per nat (small: far from it).
    Source: arXiv:2305.18290, Eq. 7.
    """

    name = "dpo"
    paper = "arXiv:2305.18290"
    role = Role.BASELINE
    convex = True
