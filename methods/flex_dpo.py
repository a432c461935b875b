"""DPO with a strength of its own on either side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform
from methods.dpo import DPO


@dataclass(frozen=True)
class FlexDPO(PairwiseMethod):
    """DPO that suppresses rejected completions less: l = -log sigmoid(beta+ a - beta- b).

    a, b: log-ratios of the chosen and of the rejected completion.
    beta_chosen, beta_rejected: the paper's beta+ and beta-, per nat; it finds about 0.1 and 0.08 best. Equal: DPO.
    Source: arXiv:2406.07327.
    """

    name = "flex_dpo"
    paper = "arXiv:2406.07327"
    convex = True

    beta_chosen: float = hyperparameter(0.1, log_uniform(0.01, 3.0))
    beta_rejected: float = hyperparameter(0.08, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid of the weighted margin, shape [pairs], in nats."""
        return -logsigmoid(self.beta_chosen * batch.chosen_log_ratios - self.beta_rejected * batch.rejected_log_ratios)

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """Equal strengths are DPO."""
        return [(cls(beta_chosen=0.3, beta_rejected=0.3), DPO(beta=0.3))]
