"""Labels that are flipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shifts import Array, Shift, grid, hyperparameter, log_uniform, uniform
from shifts.wrapped import Wrapped


@dataclass(frozen=True)
class LabelNoise(Wrapped):
    """Labels of another shift, each flipped with some chance: P' = (1 - e) P + e (1 - P).

    of: the other shift, as a call: `label_noise(of=alpha_mixture(a=joy,b=sadness,alpha=0.1),rate=0.2)`.
    rate: the chance e; at 0.5 labels say nothing.
    scale: none: the same chance for all pairs. A number, in units of utility: e = rate exp(-|u1 - u2| / scale) for the
    annotator's own utilities, so that close calls are noisy and clear ones are not.
    Policies are judged by the utility of the other shift, which is without noise.
    Source: arXiv:2403.00409 (rDPO: a flip with one rate). That it falls with the margin is our choice of a form.
    """

    name = "label_noise"

    rate: float = hyperparameter(0.2, uniform(0.0, 0.5))
    scale: float | None = hyperparameter(None, log_uniform(0.02, 1.0))

    def distort(self, log_chances: Array, gap: Array) -> Array:
        """The chances after flipping, shape [2, pairs], nats."""
        truth = super().distort(log_chances, gap)
        flipped = self.rate * (np.ones_like(gap) if self.scale is None else np.exp(-np.abs(gap) / self.scale))
        with np.errstate(divide="ignore"):  # nothing is flipped at a rate of 0
            return np.logaddexp(np.log1p(-flipped) + truth, np.log(flipped) + truth[::-1])

    def departures(self) -> Sequence[Shift]:
        """rate = 0, 0.1, ..., 0.5."""
        return [replace(self, rate=rate) for rate in grid("0:0.5:0.1")]

    def note(self) -> str:
        """The rate, and where it is highest."""
        return f"{self.rate:.3g} of labels flipped" if self.scale is None else f"{self.rate:.3g} of close calls flipped"
