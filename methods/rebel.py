"""Regression of the log-ratio margin on the difference of rewards."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from methods import PairBatch, PairwiseMethod, TrainingJob, hyperparameter, log_uniform


@dataclass(frozen=True)
class REBEL(PairwiseMethod):
    """Regression to relative rewards: l = (beta h - m)^2, with m the reward of the chosen completion less the other's.

    m is the difference of the learned utility of the training shift times the labels' sharpness: in nats, the log odds
    by which its annotators prefer the chosen completion. So beta means what it means in DPO: both are at their best
    where beta h = m for every pair, DPO in the mean over labels. m says how much one completion is better, a label does
    not. It may be negative, since annotators err, and the label is not read: swapping both sides changes nothing.
    beta: 1 / eta of the paper, per nat. The release of arXiv:2509.19104 takes eta = 0.01 on rewards in [0, 1], which
    is beta = 2000 at a sharpness of 20: its best policy is 0.01 times the reward away from the reference. It draws new
    completions from the policy in every step; here the pairs are given, one round of the algorithm.
    Source: arXiv:2404.16767 (its one round, the loss of its code); the same loss in the release of arXiv:2509.19104.
    The unit of m is ours.
    """

    name = "rebel"
    paper = "arXiv:2404.16767"
    convex = True
    needs_shift = True

    beta: float = hyperparameter(0.1, log_uniform(0.01, 2000.0))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """(beta h - m)^2, shape [pairs], in nats^2, with m the batch's margins, which `train` gives in nats.

        Raises:
            ValueError: the batch has no margins.
        """
        if batch.margins is None:
            raise ValueError(f"{self.name} needs margins: by how many nats every chosen completion is better")
        return (self.beta * batch.log_ratio_margin - batch.margins).square()

    def train(self, job: TrainingJob) -> None:
        """Minimise the objective on the cell's pairs, with the rewards of its shift."""
        job.fit_pairs(self, margins=job.utility_margins(job.shift))
