"""DPO that corrects for flipped labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, uniform
from methods.dpo import DPO
from methods.logistic import LogisticLoss


@dataclass(frozen=True)
class RDPO(LogisticLoss):
    """Provably robust DPO: its mean over labels flipped with probability e is DPO's loss on the true labels.

    l = [-(1 - e) log sigmoid(beta h) + e log sigmoid(-beta h)] / (1 - 2 e), which is DPO's loss minus
    beta h e / (1 - 2 e): not bounded below.
    epsilon: the paper's e, the assumed rate of flipped labels; epsilon = 0 is DPO.
    Source: arXiv:2403.00409; `robust` in TRL.
    """

    name = "rdpo"
    paper = "arXiv:2403.00409"
    convex = True

    epsilon: float = hyperparameter(0.1, uniform(0.01, 0.4, minimum=0.0, maximum=0.49))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """DPO's loss, unbiased under flips, shape [pairs], in nats; negative for pairs that are learned well."""
        logits = self.beta * batch.log_ratio_margin
        clean, flipped = -logsigmoid(logits), -logsigmoid(-logits)
        return ((1 - self.epsilon) * clean - self.epsilon * flipped) / (1 - 2 * self.epsilon)

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """epsilon = 0 is DPO."""
        return [(cls(epsilon=0.0), DPO())]
