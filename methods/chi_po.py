"""Chi-squared preference optimisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform

LARGEST = 20.0  # nats; e^20 is five hundred million


@dataclass(frozen=True)
class ChiPO(PairwiseMethod):
    """DPO with another link: l = -log sigmoid(clip(beta (phi(z_w) - phi(z_l)))), phi(z) = z + log z, z = pi / pi_ref.

    log z alone is DPO, and regularises by the Kullback-Leibler divergence; the added z also regularises by the
    chi-squared divergence, so no completion becomes much likelier than under the reference.
    beta: per nat.
    r_max: the paper's R_max, a bound on rewards in nats of preference; the clip is to +-2 R_max. A pair outside it, in
    the right order or the wrong one, takes no part in the step.
    Exponents are cut off at 20 nats, as e^20 is far outside the clip already; only a pair with both log-ratios above
    20 differs from the formula, which would subtract two such numbers.
    Source: arXiv:2407.13399, Algorithm 1.
    """

    name = "chi_po"
    paper = "arXiv:2407.13399"

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))
    r_max: float = hyperparameter(10.0, log_uniform(1.0, 20.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid of the clipped margin, shape [pairs], in nats."""
        margin = self.beta * (_link(batch.chosen_log_ratios) - _link(batch.rejected_log_ratios))
        return -logsigmoid(margin.clamp(-2 * self.r_max, 2 * self.r_max))


def _link(log_ratios: Tensor) -> Tensor:
    """z + log z from log z, shape [pairs]."""
    return torch.exp(log_ratios.clamp(max=LARGEST)) + log_ratios
