"""DPO that does not let chosen completions lose likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from methods import PairBatch, PairwiseMethod, hyperparameter, non_negative
from methods.dpo import DPO
from methods.logistic import LogisticLoss
from methods.rounding import rounding


@dataclass(frozen=True)
class DPOP(LogisticLoss):
    """DPO-Positive: l = -log sigmoid(beta (h - lambda max(0, -a))), a the chosen completion's log-ratio.

    DPO is content when the chosen completion falls less than the rejected one; the penalty asks for a >= 0.
    beta: per nat. penalty: the paper's lambda, in nats of margin per nat by which the chosen completion fell below the
    reference; 0 is DPO.
    A fall within the rounding of log-probabilities (`rounding`) is none, and a deeper one counts from there: else, at
    the first step, rounding would decide which completions are pulled 1 + lambda times as hard as others.
    Source: arXiv:2402.13228, Eq. 3.
    """

    name = "dpop"
    paper = "arXiv:2402.13228"
    convex = True

    penalty: float = hyperparameter(50.0, non_negative(0.5, 100.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid of the penalised margin, shape [pairs], in nats."""
        fallen = relu(-batch.chosen_log_ratios - rounding(batch.ref_chosen_logps))
        return -logsigmoid(self.beta * (batch.log_ratio_margin - self.penalty * fallen))

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """penalty = 0 is DPO."""
        return [(cls(penalty=0.0), DPO())]
