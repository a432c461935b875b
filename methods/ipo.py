"""Identity preference optimisation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from methods import PairBatch, PairwiseMethod, hyperparameter, log_uniform


@dataclass(frozen=True)
class IPO(PairwiseMethod):
    """Regression of the margin to a finite target: l = (h - 1 / (2 beta))^2, with h per token.

    beta: the paper's tau, the strength of the regularisation towards the reference, in tokens per nat.
    Each log-ratio is divided by its completion's tokens, as in TRL: the target is one number for all pairs, so with
    sums long completions would reach it by a small change per token and short ones only by a great one. The paper is
    silent about length; by TRL's account its authors confirm that their results are of the normalised form.
    Source: arXiv:2310.12036, Eq. 17; `ipo` in TRL.
    """

    name = "ipo"
    paper = "arXiv:2310.12036"
    convex = True

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """Squared distance of the margin to its target, shape [pairs], in (nats per token)^2."""
        chosen = batch.chosen_log_ratios / batch.chosen_lengths
        rejected = batch.rejected_log_ratios / batch.rejected_lengths
        return (chosen - rejected - 1 / (2 * self.beta)).square()
