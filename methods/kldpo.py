"""DPO, robust to reweightings of the batch inside a KL ball: by temperature, by radius, and as released."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform
from methods.dpo import DPO
from methods.logistic import LogisticLoss
from methods.worst_case import ball_weights, kl_tilt

LARGEST = 10.0  # the release's clamp of the unnormalised weights


@dataclass(frozen=True)
class KLDPO(LogisticLoss):
    """DPO under the worst reweighting of the batch inside a KL ball: P_i = exp(l_i / tau) / sum_j exp(l_j / tau).

    tau: temperature of the worst case, in nats of loss; tau -> infinity is DPO, tau -> 0 the hardest pair alone.
    Source: arXiv:2502.01930, Algorithm 2. The mean loss in the paper's exponent cancels.
    """

    name = "kldpo"
    paper = "arXiv:2502.01930, Algorithm 2"
    convex = True

    tau: float = hyperparameter(1.0, log_uniform(0.005, 10.0))

    def log_weights(self, losses: Tensor) -> Tensor:
        """l / tau, shape [pairs]."""
        return losses / self.tau

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """An infinite temperature is DPO."""
        return [(cls(tau=1e9), DPO())]


@dataclass(frozen=True)
class KLDPOBall(LogisticLoss):
    """KLDPO by radius: the worst P with KL(P || uniform) <= rho, so that tau follows the losses of every step.

    P is exp(l / tau), normalised, at tau = argmin_tau tau rho + tau log mean_i exp(l_i / tau), the ball's dual.
    rho: radius of the ball, in nats; rho -> 0 is DPO, from log(pairs) on it is the hardest pair alone.
    Source: arXiv:2502.01930, the ball that Algorithm 2 approximates at a fixed temperature.
    """

    name = "kldpo_ball"
    paper = "arXiv:2502.01930"
    convex = True

    rho: float = hyperparameter(0.1, log_uniform(0.01, 1.0))

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """The worst case of the ball, shape [pairs], sums to 1, detached."""
        return ball_weights(losses, lambda gaps: kl_tilt(gaps, self.rho))

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """An empty ball is DPO."""
        return [(cls(rho=1e-13), DPO())]


@dataclass(frozen=True)
class KLDPOReleased(LogisticLoss):
    """KLDPO as its authors released it: pairs weigh min(exp((l - mean l) / tau), 10) / pairs.

    The weights do not sum to 1, so they are no worst case over a ball; and the clamp makes the objective not convex.
    tau: temperature, in nats of loss; tau -> infinity is DPO.
    Source: the code of arXiv:2502.01930. There the mean loss is that of the micro-batches which all ranks hold at one
    moment (gathered), and every micro-batch that is accumulated has its own; here it is that of the global batch. The
    two are one where no gradient is accumulated.
    """

    name = "kldpo_released"
    paper = "arXiv:2502.01930, the authors' code"

    tau: float = hyperparameter(1.0, log_uniform(0.005, 10.0))

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """Clamped, not normalised, shape [pairs], detached."""
        losses = losses.detach()
        exponents = (losses - losses.mean()) / self.tau
        return exponents.clamp_max(math.log(LARGEST)).exp() / len(losses)

    def normalises_weights(self) -> bool:
        """No."""
        return False

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """An infinite temperature is DPO."""
        return [(cls(tau=1e9), DPO())]
