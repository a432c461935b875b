"""DPO for preferences that drift: recent pairs count more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from methods import PairBatch, PairwiseMethod, hyperparameter, uniform
from methods.dpo import DPO
from methods.logistic import LogisticLoss

STEPS = 100  # time steps of the training period, as in the paper's experiments


@dataclass(frozen=True)
class NSDPO(LogisticLoss):
    """DPO in which a pair of time t weighs gamma^(T (1 - t)): non-stationary DPO, for annotators of time 1.

    t is the share of the training period at which a pair was labelled, in [0, 1]; T = 100. The weights are scaled to
    sum to 1 over the global batch, as the release's default `normalise` does within each of its batches; the paper's
    exponent T - t - 1, with t a number of steps, differs by a factor that this takes out.
    gamma: discount per hundredth of the period; 1 is DPO. At 0.95, its value in the release's run with drift over 100
    steps, a pair of half the period ago counts 0.08 of a new one.
    Source: arXiv:2407.18676; the exponent and the normalisation were read in the authors' code (as others have copied
    it). That time is a share of the period is ours.
    """

    name = "ns_dpo"
    paper = "arXiv:2407.18676"
    convex = True

    gamma: float = hyperparameter(0.95, uniform(0.3, 1.0, minimum=1e-3, maximum=1.0))

    def skip(self, shift: Any) -> str | None:
        """A shift whose pairs have no times."""
        return None if shift.timed else f"the pairs of shift {shift.name} have no times"

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """gamma^(T (1 - t)), scaled to sum to 1, shape [pairs].

        Raises:
            ValueError: the batch has no times.
        """
        if batch.times is None:
            raise ValueError("ns_dpo needs times: when each pair was labelled, as a share of the training period")
        ages = STEPS * (1 - batch.times.to(losses.dtype))
        return torch.softmax(ages * math.log(self.gamma), dim=0)

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """Without a discount it is DPO."""
        return [(cls(gamma=1.0), DPO())]
