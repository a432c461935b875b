"""DPO that stops early: the plainest regulariser."""

from __future__ import annotations

from dataclasses import dataclass

from methods import TrainingJob, hyperparameter, uniform
from methods.dpo import DPO


@dataclass(frozen=True)
class DPOEarlyStop(DPO):
    """DPO stopped after a fraction of its schedule.

    fraction: the part of the steps that is run; the learning rate follows the whole schedule, so the result is what DPO
    with the same beta and seed passes through. fraction = 1 is DPO.
    Source: arXiv:2502.01930, the regularised baseline of its leaderboard experiment (epoch 2 of 8).
    """

    name = "dpo_early_stop"
    paper = "arXiv:2502.01930"

    fraction: float = hyperparameter(0.25, uniform(0.05, 1.0, minimum=1e-3))

    def train(self, job: TrainingJob) -> None:
        """Minimise DPO's objective for the first part of the schedule."""
        job.fit_pairs(self, stop_after=self.fraction)
