"""Annotators who are surer, or less sure, of the same preferences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shifts import Array, Shift, hyperparameter, log_uniform
from shifts.wrapped import Wrapped


@dataclass(frozen=True)
class Sharpness(Wrapped):
    """Labels of another shift with log odds `factor` times as large: P' proportional to P^factor.

    of: the other shift, as a call: `sharpness(of=alpha_mixture(a=joy,b=sadness,alpha=0.1),factor=0.5)`.
    factor: multiplies the sharpness of Bradley-Terry labels; of Luce's, the power to which utilities are raised.
    Towards 0 labels are fair coins; far above 1 the likelier label is always given. Labels that are certain stay so.
    Policies are judged by the utility of the other shift. Methods that read utilities in nats take the run's own
    sharpness.
    """

    name = "sharpness"

    factor: float = hyperparameter(0.5, log_uniform(0.1, 10.0))

    def distort(self, log_chances: Array, gap: Array) -> Array:
        """The chances with scaled log odds, shape [2, pairs], nats."""
        scaled = self.factor * super().distort(log_chances, gap)
        return np.asarray(scaled - np.logaddexp(scaled[0], scaled[1]))

    def departures(self) -> Sequence[Shift]:
        """Towards fair coins: factor = 1, 1/2, 1/5, 1/10; beyond 1 towards certainty: 1, 2, 5, 10."""
        steps = (1, 2, 5, 10) if self.factor > 1 else (1, 0.5, 0.2, 0.1)
        return [replace(self, factor=factor) for factor in steps]

    def note(self) -> str:
        """The factor."""
        return f"sharpness x {self.factor:.3g}"
