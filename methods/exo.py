"""Efficient exact optimisation: the reverse Kullback-Leibler divergence within a pair."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform, uniform


@dataclass(frozen=True)
class EXO(PairwiseMethod):
    """KL of the policy's preference from the smoothed label: l = q log(q / (1 - e)) + (1 - q) log((1 - q) / e).

    q = sigmoid(beta h) is the policy's probability of the chosen completion within the pair. DPO takes the divergence
    the other way round.
    beta: per nat. epsilon: the paper's e, by which the label is smoothed; it must be > 0, since the divergence from a
    certain label is infinite. The loss is least, and 0, at beta h = log((1 - e) / e), and flat on both far sides.
    Source: arXiv:2402.00856, Eq. 16; `exo_pair` in TRL.
    """

    name = "exo"
    paper = "arXiv:2402.00856"

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))
    epsilon: float = hyperparameter(1e-3, uniform(1e-4, 0.1, minimum=1e-9, maximum=0.49))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """KL(q || label) over the two completions, shape [pairs], in nats."""
        logits = self.beta * batch.log_ratio_margin
        chosen = torch.sigmoid(logits) * (logsigmoid(logits) - math.log1p(-self.epsilon))
        rejected = torch.sigmoid(-logits) * (logsigmoid(-logits) - math.log(self.epsilon))
        return chosen + rejected
