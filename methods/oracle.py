"""DPO that was told the evaluation shift: the ceiling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from methods import Role, choice, hyperparameter
from methods.dpo import DPO

MIDDLE, FARTHEST = "middle", "farthest"


@dataclass(frozen=True)
class Oracle(DPO):
    """DPO trained on labels of another mixture: a positive control, since no user could know which.

    at: `middle` is the even mixture of the training shift's family; `farthest` the point of its grid that lies farthest
    from the training shift.
    """

    name = "oracle"
    role = Role.CONTROL

    at: str = hyperparameter(MIDDLE, choice(MIDDLE, FARTHEST))

    def skip(self, shift: Any) -> str | None:
        """A family without such a point, or a training shift that is that point already."""
        target = self.training_shift(shift)
        if target is None:
            return f"{shift.name} has no {self.at} mixture to train on"
        return f"the training shift is the {self.at} mixture already" if target == shift else None

    def training_shift(self, shift: Any) -> Any:
        """The mixture that `at` names, or None where the family has none."""
        if self.at == MIDDLE:
            return shift.middle()
        placed = [point for point in shift.evaluation_grid() if point.position() is not None]
        return max(placed, key=lambda point: abs(point.position() - shift.position()), default=None)
