"""DPO that allows for flipped labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, uniform
from methods.dpo import DPO
from methods.logistic import LogisticLoss


@dataclass(frozen=True)
class CDPO(LogisticLoss):
    """Conservative DPO, with smoothed labels: l = -(1 - e) log sigmoid(beta h) - e log sigmoid(-beta h).

    epsilon: the paper's e, the probability that a label is flipped. It bounds what is learned: the loss is least at
    beta h = log((1 - e) / e), and epsilon = 0 is DPO.
    Source: Mitchell, A note on DPO with noisy preferences and relationship to IPO (2023).
    """

    name = "cdpo"
    paper = "Mitchell 2023, https://ericmitchell.ai/cdpo.pdf"
    convex = True

    epsilon: float = hyperparameter(0.1, uniform(0.01, 0.4, minimum=0.0, maximum=0.49))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """Cross-entropy to the smoothed label, shape [pairs], in nats."""
        logits = self.beta * batch.log_ratio_margin
        return -(1 - self.epsilon) * logsigmoid(logits) - self.epsilon * logsigmoid(-logits)

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """epsilon = 0 is DPO."""
        return [(cls(epsilon=0.0), DPO())]
