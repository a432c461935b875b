"""DPO with a price on length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, non_negative
from methods.dpo import DPO
from methods.logistic import LogisticLoss


@dataclass(frozen=True)
class LengthRegularisedDPO(LogisticLoss):
    """DPO for a reward less alpha per token: l = -log sigmoid(beta h + alpha (|y_w| - |y_l|)).

    The policy that is best for r - alpha |y| has r = beta log(pi / pi_ref) + alpha |y| up to a constant of the prompt,
    hence the sign: where the chosen completion is the longer one, length explains part of the preference and less is
    left to learn.
    beta: per nat. alpha: price of a token, in nats of preference; 0 is DPO.
    Source: arXiv:2403.19159. Not to be taken for `rdpo`, which is about flipped labels.
    """

    name = "r_dpo"
    paper = "arXiv:2403.19159"
    convex = True

    alpha: float = hyperparameter(0.01, non_negative(0.001, 0.5))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid of the margin with the price of length added back, shape [pairs], in nats."""
        longer = batch.chosen_lengths - batch.rejected_lengths
        return -logsigmoid(self.beta * batch.log_ratio_margin + self.alpha * longer)

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """alpha = 0 is DPO."""
        return [(cls(alpha=0.0), DPO())]
