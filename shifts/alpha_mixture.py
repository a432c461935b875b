"""Two objectives mixed by alpha."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shifts import Array, Rewards, Shift, UserError, choice, grid, hyperparameter, uniform
from shifts.annotator_groups import AnnotatorGroups

CONVEX, GEOMETRIC = "convex", "geometric"


@dataclass(frozen=True)
class AlphaMixture(Shift):
    """Annotators reward a mixture of two objectives: alpha on `a`, 1 - alpha on `b`, by the `kind` of mixing.

    convex: u = alpha r_a + (1 - alpha) r_b, linear in alpha, so a sweep holds two numbers.
    geometric: u = r_a^alpha r_b^(1 - alpha), for rewards >= 0 (0^0 = 1).
    Source: arXiv:2502.01930, Section 7.1.
    """

    name = "alpha_mixture"
    paper = "arXiv:2502.01930, Section 7.1"

    a: str
    b: str
    alpha: float = hyperparameter(0.1, uniform(0.0, 1.0))
    kind: str = hyperparameter(CONVEX, choice(CONVEX, GEOMETRIC))

    def utility(self, rewards: Rewards) -> Array:
        """The mixed reward, shape [completions], in the rewards' own units.

        Raises:
            UserError: geometric mixing of a negative reward.
        """
        r_a, r_b = rewards[self.a], rewards[self.b]
        if self.kind == CONVEX:
            return self.alpha * r_a + (1 - self.alpha) * r_b
        if min(r_a.min(initial=0.0), r_b.min(initial=0.0)) < 0:
            raise UserError(f"{self}: geometric mixing needs rewards >= 0; use kind=convex or a sigmoid reward scale.")
        return np.power(r_a, self.alpha) * np.power(r_b, 1 - self.alpha)

    def middle(self) -> Shift:
        """The even mixture, alpha = 0.5."""
        return replace(self, alpha=0.5)

    def corners(self) -> list[Shift]:
        """Each objective alone: `a` (alpha = 1), then `b` (alpha = 0)."""
        return [replace(self, alpha=1.0), replace(self, alpha=0.0)]

    def corner_weights(self) -> list[float]:
        """alpha and 1 - alpha."""
        return [self.alpha, 1 - self.alpha]

    def uniform_population(self) -> Shift:
        """Half of the annotators reward `a` alone, half `b`."""
        return AnnotatorGroups(f"{self.a}/{self.b}")

    def evaluation_grid(self) -> list[Shift]:
        """alpha = 0, 0.1, ..., 1 with the same pair and the same kind."""
        return [replace(self, alpha=alpha) for alpha in grid("0:1:0.1")]

    def validation_grid(self) -> list[Shift]:
        """The odd multiples of 0.05, up to half way to either end."""
        low, high = self.alpha / 2 - 1e-9, (1 + self.alpha) / 2 + 1e-9
        return [replace(self, alpha=a) for a in grid("0.05:0.95:0.1") if low <= a <= high and a != self.alpha]

    def position(self) -> float:
        """alpha."""
        return self.alpha
