"""DPO whose loss lets go of pairs that look mislabelled."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, hyperparameter, log_uniform
from methods.logistic import LogisticLoss


@dataclass(frozen=True)
class HolderDPO(LogisticLoss):
    """A power in place of DPO's logarithm: l = gamma s^(1 + gamma) - (1 + gamma) s^gamma, with s = sigmoid(beta h).

    Its slope, dl/dh = -beta gamma (1 + gamma) s^gamma (1 - s)^2, vanishes not only where the policy has learned the
    label but also where it contradicts it (s -> 0): the loss is redescending. DPO's slope, -beta (1 - s), does not.
    gamma: without unit; the greater, the sooner a pair is given up. The paper's is 2.
    No value of it is DPO: as gamma -> 0 the slope over gamma is -beta (1 - s)^2, the square of DPO's factor. (A density
    power divergence that sums over both answers would have DPO as its limit; this one takes s over the data alone.)
    Losses lie between -1 (learned) and 0. The paper also estimates which labels are wrong; training does not need that.
    Source: arXiv:2505.17859, the density-power form of its Hölder divergence. Verified in its abstract: that the loss
    is redescending. The formula, its slope and gamma = 2 are those of public notes of work that builds on the paper;
    the paper's own equation was not at hand.
    """

    name = "holder_dpo"
    paper = "arXiv:2505.17859"
    convex = False  # it is bounded

    gamma: float = hyperparameter(2.0, log_uniform(0.1, 5.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """gamma s^(1 + gamma) - (1 + gamma) s^gamma, shape [pairs], without unit."""
        log_s = logsigmoid(self.beta * batch.log_ratio_margin)
        return self.gamma * ((1 + self.gamma) * log_s).exp() - (1 + self.gamma) * (self.gamma * log_s).exp()
