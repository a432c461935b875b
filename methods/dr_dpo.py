"""DPO, robust to noisy labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from methods import PairwiseMethod, hyperparameter, log_uniform
from methods.dpo import DPO
from methods.logistic import LogisticLoss


@dataclass(frozen=True)
class DrDPO(LogisticLoss):
    """DPO that trusts the pairs it finds easy: objective = -b log mean_i exp(-l_i / b), with b = beta_prime.

    Its exact gradient weighs pairs as exp(-l / b), normalised. So it is the best case over a KL ball, not the worst:
    hard pairs are taken for mislabelled and weigh less, where KLDPO weighs them more.
    beta_prime: the paper's beta', in nats of loss; beta' -> infinity is DPO, beta' -> 0 the easiest pair alone.
    The release takes the mean over each micro-batch; here it is over the global batch.
    Source: arXiv:2407.07880, and the authors' code.
    """

    name = "dr_dpo"
    paper = "arXiv:2407.07880"
    convex = False  # a soft minimum of convex losses

    beta_prime: float = hyperparameter(1.0, log_uniform(0.1, 10.0))

    def log_weights(self, losses: Tensor) -> Tensor:
        """-l / b, shape [pairs]."""
        return -losses / self.beta_prime

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """An infinite beta' is DPO."""
        return [(cls(beta_prime=1e9), DPO())]
