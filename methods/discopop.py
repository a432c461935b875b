"""Discovered preference optimisation: a loss that a language model wrote."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform, uniform


@dataclass(frozen=True)
class DiscoPOP(PairwiseMethod):
    """Log-ratio modulated loss, with x = beta h: l = -(1 - s) log sigmoid(x) + s exp(-x), where s = sigmoid(x / tau).

    Logistic for pairs in the wrong order, exponential for those in the right one. At x = 0 the slope is
    (1 - log 2) / (4 tau) - 3/4, which is positive for tau < 0.102: a fresh policy is first pushed the wrong way, into a
    local minimum (at x = -2.4 tau for tau = 0.05). That is the formula as published; the search range stays there.
    beta: per nat. tau: width of the transition, at most 1, above which the exponential grows without bound on the
    logistic side.
    Source: arXiv:2406.08414, Eq. 5; `discopop` in TRL.
    """

    name = "discopop"
    paper = "arXiv:2406.08414"
    pushes_chosen = -1
    pushes_rejected = 1

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))
    tau: float = hyperparameter(0.05, uniform(0.02, 0.1, minimum=1e-3, maximum=1.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """Blend of the logistic and the exponential loss, shape [pairs], in nats."""
        logits = self.beta * batch.log_ratio_margin
        # s exp(-x) as exp(log s - x): where exp(-x) overflows, s is 0 and the product is NaN
        exponential = torch.exp(logsigmoid(logits / self.tau) - logits)
        return exponential - torch.sigmoid(-logits / self.tau) * logsigmoid(logits)
