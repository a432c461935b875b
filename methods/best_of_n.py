"""The best of several completions of the reference: alignment without training."""

from __future__ import annotations

from dataclasses import dataclass

from methods import Method, Role, TrainingJob, choice, hyperparameter


@dataclass(frozen=True)
class BestOfN(Method):
    """Draws n completions from the reference and keeps the one with the greatest learned utility at the training shift.

    Nothing is trained; n = 1 is the reference. The path is n' = 1, 2, 4, ..., n, each the best of the first n' of the
    same completions. KL is the bound log n' - (n' - 1) / n' (arXiv:2401.01879, Theorem 3.1), in nats per completion,
    the same for every completion; it is the KL itself only where no two completions have the same utility and each has
    small probability. Log-probabilities of a best-of-n policy are not known: their changes are left out.
    """

    name = "best_of_n"
    paper = "arXiv:2401.01879"
    role = Role.BASELINE
    trains = False

    n: int = hyperparameter(16, choice(1, 2, 4, 8, 16, 32, 64, 128, 256))

    @property
    def candidates(self) -> int:
        """n."""
        return self.n

    def train(self, job: TrainingJob) -> None:
        """Nothing: the choice is made when completions are evaluated."""
