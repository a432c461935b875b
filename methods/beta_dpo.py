"""DPO whose beta follows the batch, without its outliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import PairBatch, PairwiseMethod, hyperparameter, non_negative, uniform
from methods.dpo import DPO
from methods.logistic import LogisticLoss
from methods.rounding import rounding

LEAST_BETA = 1e-3  # per nat, as released


@dataclass(frozen=True)
class BetaDPO(LogisticLoss):
    """DPO with beta_t = beta (1 + alpha (D_t - M_t)) in step t, on the pairs whose margin h is nearest to M_t.

    M is the running mean of h, M_t = momentum M_(t-1) + (1 - momentum) mean h, from M_0 = 0; D_t is the mean of h over
    the pairs that are kept. Both are over the global batch and not differentiated; beta_t is at least 0.001.
    alpha: per nat of margin; keep: the fraction of pairs that is kept, with equal weights. alpha = 0 and keep = 1: DPO.
    As released, M and D are of h itself, in nats, and beta is one number per batch. The release draws the kept pairs
    without replacement, by a Gaussian likelihood of h around M; here they are those of greatest likelihood, so that a
    step does not depend on chance. `keep` times the batch need not be whole: pairs at the border share what is left,
    and so do pairs within rounding of it, as all are on a fresh policy.
    Source: arXiv:2407.08639, Section 4, and the authors' code.
    """

    name = "beta_dpo"
    paper = "arXiv:2407.08639"
    convex = False  # beta follows the margins

    alpha: float = hyperparameter(0.6, non_negative(0.1, 1.0))
    keep: float = hyperparameter(0.8, uniform(0.5, 1.0, minimum=0.01))
    momentum: float = hyperparameter(0.9, uniform(0.5, 0.99, minimum=0.0, maximum=0.999))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log sigmoid(beta_t h), shape [pairs], in nats."""
        return -logsigmoid(batch.state["beta"] * batch.log_ratio_margin)

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """Equal for pairs that are kept, 0 for the others, shape [pairs]; sums to 1."""
        return self._kept(batch.detached(), batch.state["mean"]).to(losses.dtype)

    def initial_state(self, groups: int) -> dict[str, Tensor]:
        """mean: the paper's M, in nats; beta: beta_t, per nat. Both scalars."""
        return {
            "mean": torch.zeros((), dtype=torch.float64),
            "beta": torch.tensor(self.beta, dtype=torch.float64),
        }

    def next_state(self, batch: PairBatch) -> dict[str, Tensor]:
        """The running mean with this batch, then beta from the pairs that are kept by it."""
        margins = batch.log_ratio_margin.double()
        mean = self.momentum * batch.state["mean"] + (1 - self.momentum) * margins.mean()
        kept = (self._kept(batch, mean) * margins).sum()
        return {"mean": mean, "beta": (self.beta * (1 + self.alpha * (kept - mean))).clamp_min(LEAST_BETA)}

    def _kept(self, batch: PairBatch, centre: Tensor) -> Tensor:
        """Weights of the fraction `keep` of the pairs that is nearest to the centre, shape [pairs]."""
        distances = (batch.log_ratio_margin.double() - centre).abs()
        count = self.keep * len(distances)
        border = distances.sort().values[math.ceil(count) - 1]
        slack = (rounding(batch.ref_chosen_logps) + rounding(batch.ref_rejected_logps)).max()
        inside, at_border = (distances < border - slack).double(), ((distances - border).abs() <= slack).double()
        share = (count - inside.sum()) / at_border.sum()
        return (inside + share * at_border) / count

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """A constant beta on all pairs is DPO."""
        return [(cls(alpha=0.0, keep=1.0), DPO())]
