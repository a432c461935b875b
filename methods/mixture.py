"""DPO on labels that were collected from every kind of annotator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from methods.dpo import DPO


@dataclass(frozen=True)
class Mixture(DPO):
    """DPO on pairs of the uniform population: equal shares of annotators at every corner of the shift's family.

    What one can do without knowing the evaluation shift, where annotators of every kind can be asked. It differs from
    oracle(at=middle): there every annotator holds the mean of the utilities; here each holds one of them, so two
    annotators may contradict each other on the same pair.
    """

    name = "mixture"

    def skip(self, shift: Any) -> str | None:
        """A family without a uniform population, or a training shift that is that population already."""
        target = self.training_shift(shift)
        if target is None:
            return f"{shift.name} has no uniform population to train on"
        return "the training shift is the uniform population already" if target == shift else None

    def training_shift(self, shift: Any) -> Any:
        """The uniform population, or None where the family has none."""
        return shift.uniform_population()
