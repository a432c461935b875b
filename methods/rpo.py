"""DPO with a fine-tuning term on the chosen completions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from methods import Coupling, PairBatch, PairwiseMethod, choice, hyperparameter, non_negative
from methods.dpo import DPO
from methods.logistic import LogisticLoss

PAIR, BATCH = "pair", "batch"


@dataclass(frozen=True)
class RPO(LogisticLoss):
    """DPO plus the chosen completion's negative log-likelihood per token.

    l = -log sigmoid(beta h) - alpha log pi(y_w) / |y_w|. beta: per nat. alpha: weight of the added term; 0 is DPO.
    average: pair: each completion's own mean over its tokens, as the paper writes it and `sft` has it, so every pair
        counts alike; batch: one mean over all chosen tokens of the global batch, which is TRL's `sigmoid` + `sft`, so
        long completions count more. The two agree where all chosen completions are equally long.
    Source: arXiv:2404.19733, Eq. 1 (which divides by the whole sequence of reasoning and answer: here the completion).
    """

    name = "rpo"
    paper = "arXiv:2404.19733"
    convex = True
    couples_losses = True  # average = batch divides by the batch's tokens

    alpha: float = hyperparameter(1.0, non_negative(0.01, 10.0))
    average: str = hyperparameter(PAIR, choice(PAIR, BATCH))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """DPO's loss plus alpha times nats per token, shape [pairs], in nats."""
        lengths = batch.chosen_lengths if self.average == PAIR else batch.chosen_lengths.mean()
        return super().pair_losses(batch) - self.alpha * batch.chosen_logps / lengths

    def coupling(self) -> Coupling:
        """With a mean per pair no pair knows of the others."""
        return Coupling.NONE if self.average == PAIR else super().coupling()

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """alpha = 0 is DPO."""
        return [(cls(alpha=0.0), DPO()), (cls(alpha=0.0, average=BATCH), DPO())]
