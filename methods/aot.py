"""Alignment via optimal transport: distributions of rewards are ordered, not pairs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, choice, hyperparameter, log_uniform

PAIRED, UNPAIRED = "paired", "unpaired"


@dataclass(frozen=True)
class AOT(PairwiseMethod):
    """First-order stochastic dominance over the batch: l = -log sigmoid(beta (u_(k) - v_(k))), both sorted, k the rank.

    beta: per nat.
    pairing: paired: u is log pi(chosen) - log pi(rejected), v the same under the reference; unpaired: u is the chosen,
        v the rejected log-ratio, and which belongs to which prompt does not matter.
    A loss stands at the pair that u comes from. Ties are broken by the order of the batch. With one pair it is DPO.
    Source: arXiv:2406.05882; `aot` and `aot_unpaired` in TRL.
    """

    name = "aot"
    paper = "arXiv:2406.05882"
    couples_losses = True

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))
    pairing: str = hyperparameter(PAIRED, choice(PAIRED, UNPAIRED))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid of the distance between quantiles, shape [pairs], in nats."""
        if self.pairing == PAIRED:
            upper = batch.chosen_logps - batch.rejected_logps
            lower = batch.ref_chosen_logps - batch.ref_rejected_logps
        else:
            upper, lower = batch.chosen_log_ratios, batch.rejected_log_ratios
        return -logsigmoid(self.beta * (upper - lower.sort(stable=True).values[_ranks(upper)]))


def _ranks(values: Tensor) -> Tensor:
    """The place of each value among all, from 0, shape [pairs]."""
    return values.detach().argsort(stable=True).argsort()
