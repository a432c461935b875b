"""DPO, robust to noise in how strongly one completion is preferred."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, TrainingJob, hyperparameter, non_negative
from methods.logistic import LogisticLoss
from methods.rounding import rounding


@dataclass(frozen=True)
class DPOPRO(LogisticLoss):
    """DPO under the worst preference probability p of each pair in a chi-square ball around the given one, q.

    l = max over p of -p log sigmoid(beta h) - (1 - p) log sigmoid(-beta h), where (p - q)^2 / (q (1 - q)) <= rho.
    The two losses differ by beta h, so the worst p is q - sqrt(rho q (1 - q)) where h > 0 and q + sqrt(...) where
    h < 0, kept in [0, 1]; while it lies inside, l is the cross-entropy to q plus sqrt(rho q (1 - q)) |beta h|: a price
    on confidence that is greatest where the preference is weak. Prompts and completions are not in doubt.
    q is sigmoid(m), with m the learned utility margin of the training shift in nats (see `rebel`): the probability that
    an annotator prefers the chosen completion. So m tells, not the label, which side is better, and how clearly.
    rho: radius of the ball, without unit. 0 is the cross-entropy to q, which is `cdpo` where q = 1 - epsilon for all
    pairs. Where q = 1 (hard labels) no radius matters and it is DPO.
    At h = 0 any p of the ball is a worst one; within rounding of it p is q, so that rounding decides nothing.
    Source: arXiv:2510.23590. Verified: the ball (chi-square, on the preference probability of each pair), the closed
    form, and that it is DPO with a price on confidence under weak preferences. Our reading: that the divergence has no
    factor 1/2, and q from the learned utility, where the paper's comes from repeated or modelled judgements.
    """

    name = "dpo_pro"
    paper = "arXiv:2510.23590"
    convex = True
    needs_shift = True

    rho: float = hyperparameter(0.1, non_negative(0.001, 1.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """Cross-entropy to the worst p, shape [pairs], in nats; m is the batch's margins, which `train` gives in nats.

        Raises:
            ValueError: the batch has no margins.
        """
        if batch.margins is None:
            raise ValueError("dpo_pro needs margins: by how many nats every chosen completion is better")
        p = self._worst(batch.detached(), batch.margins.to(batch.chosen_logps.dtype))
        logits = self.beta * batch.log_ratio_margin
        return -p * logsigmoid(logits) - (1 - p) * logsigmoid(-logits)

    def _worst(self, batch: PairBatch, margins: Tensor) -> Tensor:
        """The worst p of every pair, shape [pairs]."""
        q, other = torch.sigmoid(margins), torch.sigmoid(-margins)
        slack = rounding(batch.ref_chosen_logps) + rounding(batch.ref_rejected_logps)
        h = batch.log_ratio_margin
        side = torch.where(h.abs() > slack, h.sign(), 0.0)
        return (q - side * (self.rho * q * other).sqrt()).clamp(0, 1)

    def train(self, job: TrainingJob) -> None:
        """Minimise the objective on the cell's pairs, with the preference probabilities of its shift."""
        job.fit_pairs(self, margins=job.utility_margins(job.shift))
