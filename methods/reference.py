"""The untouched reference policy."""

from __future__ import annotations

from dataclasses import dataclass

from methods import Method, Role, TrainingJob


@dataclass(frozen=True)
class Reference(Method):
    """The reference policy itself, not trained: what every method starts from and must beat."""

    name = "reference"
    role = Role.BASELINE
    trains = False

    def train(self, job: TrainingJob) -> None:
        """Nothing: the reference is the result."""
