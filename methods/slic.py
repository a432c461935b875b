"""Sequence likelihood calibration: a hinge on the log-ratio margin."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class SLiC(PairwiseMethod):
    """Hinge loss: l = max(0, 1 - beta h). A pair with a margin of 1 / beta nats is learned and pulls no more.

    beta: reciprocal of that margin, per nat (the gamma of the second paper).
    SLiC itself (arXiv:2305.10425) takes the margin of log pi alone and adds a fine-tuning term; this is its form
    relative to the reference, which needs no such term.
    Source: arXiv:2309.06657, hinge-norm loss; `hinge` in TRL.
    """

    name = "slic"
    paper = "arXiv:2305.10425, arXiv:2309.06657"
    convex = True

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """max(0, 1 - beta h), shape [pairs], no unit."""
        return relu(1 - self.beta * batch.log_ratio_margin)
