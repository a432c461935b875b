"""The average of the weights of policies that were each trained for one kind of annotator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from methods import Method, Role, TrainingJob, choice, hyperparameter, log_uniform
from methods.dpo import DPO

UNIFORM, TRAINING = "uniform", "training"


@dataclass(frozen=True)
class RewardedSoups(Method):
    """Average of policies that were trained by DPO on the labels of one corner of the shift's family each.

    theta = sum_k w_k theta_k. All start from the same reference, see the same completions in the same order and differ
    in their labels alone, so checkpoints of the same step are averaged. Labels of every corner are needed, as for
    `mixture`.
    beta: of DPO, per nat. weights: `uniform` counts every corner alike, `training` as the training shift does.
    Source: arXiv:2306.04488 (with DPO in place of reinforcement learning on each reward).
    """

    name = "rewarded_soups"
    paper = "arXiv:2306.04488"
    role = Role.BASELINE
    needs_shift = True

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))
    weights: str = hyperparameter(UNIFORM, choice(UNIFORM, TRAINING))

    def skip(self, shift: Any) -> str | None:
        """A family without corners to average."""
        return None if len(shift.corners()) > 1 else f"{shift.name} has no two corners to train a policy on each"

    def parts(self, shift: Any) -> Sequence[tuple[Method, Any]]:
        """DPO on every corner."""
        return [(DPO(beta=self.beta), corner) for corner in shift.corners()]

    def train(self, job: TrainingJob) -> None:
        """Average the corners' policies."""
        count = len(job.shift.corners())
        job.average([1 / count] * count if self.weights == UNIFORM else job.shift.corner_weights())
