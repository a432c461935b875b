"""REINFORCE with a leave-one-out baseline: online reinforcement learning on the learned reward."""

from __future__ import annotations

from dataclasses import dataclass

from methods import Method, Role, TrainingJob, choice, hyperparameter, log_uniform


@dataclass(frozen=True)
class RLOO(Method):
    """Policy gradient on the policy's own completions, each compared with the others of its prompt.

    The reward of a completion is s u - beta log pi / pi_ref, with u the learned utility under the training shift and s
    the labels' sharpness: the reward by which Bradley-Terry annotators choose, so that beta means what it means in DPO.
    The advantage of a completion is its reward minus the mean of the other `generations` - 1 of the same prompt.
    It sees no labels but the reward model itself, and as many completions per step as DPO: two per pair of the batch.
    beta: weight of the KL, per nat. generations: completions per prompt.
    Source: arXiv:2402.14740 (RLOO with k = generations); the trainer is TRL's own.
    """

    name = "rloo"
    paper = "arXiv:2402.14740"
    role = Role.BASELINE
    needs_rewards = True

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))
    generations: int = hyperparameter(4, choice(2, 4, 8, 16, 32))

    def train(self, job: TrainingJob) -> None:
        """Maximise the reward of the policy's own completions."""
        job.fit_online(self.beta, self.generations)
