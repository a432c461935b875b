"""Multi-objective DPO: labels of one objective, learned rewards for the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, Role, TrainingJob, choice, hyperparameter, log_uniform

UNIFORM, TRAINING = "uniform", "training"


@dataclass(frozen=True)
class MODPO(PairwiseMethod):
    """DPO on the labels of one corner k of the shift's family, with the other corners' learned rewards as a margin.

    l = -log sigmoid((beta h - sum_{j != k} w_j dr_j) / w_k), where dr_j is the learned utility of chosen minus rejected
    at corner j, in nats (times the labels' sharpness, as annotators use it). In expectation this trains for the reward
    sum_j w_j r_j under KL regularisation of strength beta. k is the corner that counts most at the training shift.
    beta: per nat. target: w is `uniform` over the corners, or as at the `training` shift. w_k = 1 is DPO on corner k.
    Source: arXiv:2310.03708, Eq. 11, with the reward model that the annotators act on.
    """

    name = "modpo"
    paper = "arXiv:2310.03708, Eq. 11"
    role = Role.BASELINE
    needs_shift = True
    convex = True

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))
    target: str = hyperparameter(UNIFORM, choice(UNIFORM, TRAINING))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid(beta h - m), shape [pairs], in nats, with m the batch's margins; `train` divides both by w_k.

        Raises:
            ValueError: the batch has no margins.
        """
        if batch.margins is None:
            raise ValueError("modpo needs margins: what the other objectives say of every pair, in nats")
        return -logsigmoid(self.beta * batch.log_ratio_margin - batch.margins)

    def skip(self, shift: Any) -> str | None:
        """A family without corners to choose from."""
        return None if len(shift.corners()) > 1 else f"{shift.name} has no two corners, so no objectives to weigh"

    def training_shift(self, shift: Any) -> Any:
        """The corner that counts most; the first of several."""
        return shift.corners()[_greatest(shift.corner_weights())]

    def train(self, job: TrainingJob) -> None:
        """Minimise the loss on that corner's labels."""
        corners = job.shift.corners()
        own = _greatest(job.shift.corner_weights())
        weights = [1 / len(corners)] * len(corners) if self.target == UNIFORM else job.shift.corner_weights()
        others = [place for place in range(len(corners)) if place != own]
        margins = torch.stack([weights[place] * job.utility_margins(corners[place]) for place in others]).sum(0)
        job.fit_pairs(replace(self, beta=self.beta / weights[own]), margins=margins / weights[own])


def _greatest(weights: Sequence[float]) -> int:
    return max(range(len(weights)), key=weights.__getitem__)
