"""Simple preference optimisation: no reference."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform, non_negative


@dataclass(frozen=True)
class SimPO(PairwiseMethod):
    """Logistic loss on log-probabilities per token, with a margin; no reference.

    l = -log sigmoid(beta (log pi(y_w) / |y_w| - log pi(y_l) / |y_l|) - gamma). Nothing but the size of the steps holds
    the policy near the reference.
    beta: scale of the reward, in tokens per nat. gamma: the margin by which the chosen reward is to exceed the other.
    Source: arXiv:2405.14734, Eq. 6.
    """

    name = "simpo"
    paper = "arXiv:2405.14734"
    convex = True

    beta: float = hyperparameter(2.0, log_uniform(0.5, 20.0))
    gamma: float = hyperparameter(1.0, non_negative(0.1, 5.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid of the reward margin less gamma, shape [pairs], in nats."""
        chosen = batch.chosen_logps / batch.chosen_lengths
        rejected = batch.rejected_logps / batch.rejected_lengths
        return -logsigmoid(self.beta * (chosen - rejected) - self.gamma)
