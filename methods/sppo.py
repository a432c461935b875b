"""Self-play preference optimisation, its loss."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class SPPO(PairwiseMethod):
    """Regression of both log-ratios to targets: l = (a - 1 / (2 beta))^2 + (b + 1 / (2 beta))^2.

    a, b: log-ratios of the chosen and of the rejected completion.
    The paper's target is eta (P(y wins) - 1/2), with P from a preference model and new samples in every round. This is
    its hard form, P = 1 and 0, on given pairs.
    beta: 1 / eta, per nat. The paper takes eta = 1000, whose targets of +-500 nats are never reached.
    Source: arXiv:2405.00675, Eq. 4.7; `sppo_hard` in TRL.
    """

    name = "sppo"
    paper = "arXiv:2405.00675"
    convex = True

    beta: float = hyperparameter(0.1, log_uniform(0.001, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """Squared distances of both log-ratios to their targets, shape [pairs], in nats^2."""
        target = 0.5 / self.beta
        return (batch.chosen_log_ratios - target).square() + (batch.rejected_log_ratios + target).square()
