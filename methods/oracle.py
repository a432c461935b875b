"""DPO that was told the evaluation shift: the ceiling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmark.errors import UserError
from methods import choice, hyperparameter
from methods.dpo import DPO, Role

MIDDLE, WORST = "middle", "farthest"


@dataclass(frozen=True)
class Oracle(DPO):
    """DPO trained on labels of another mixture: a positive control, since no user could know which.

    at: `middle` is the even mixture of the training shift's family; `farthest` the evaluation shift furthest from it.
    """

    name = "oracle"
    role = Role.CONTROL

    at: str = hyperparameter(MIDDLE, choice(MIDDLE, WORST))

    def training_shift(self, shift: Any) -> Any:
        """The even mixture, or the point of the family's grid that lies furthest from `shift`.

        Raises:
            UserError: the family has no such point.
        """
        if self.at == MIDDLE:
            target = shift.middle()
        else:
            placed = [point for point in shift.evaluation_grid() if point.position() is not None]
            target = max(placed, key=lambda point: abs(point.position() - shift.position()), default=None)
        if target is None:
            raise UserError(f"oracle(at={self.at}): {shift} has no such mixture.")
        return target
