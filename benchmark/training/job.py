"""What `Method.train` is handed: one cell, and a verb for every way to train on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.core.data import read_table
from benchmark.training.cell import TrainingCell
from benchmark.training.pairwise import train_pairwise
from methods import PairwiseMethod
from shifts import Rewards, Shift


@dataclass(frozen=True)
class CellJob:
    """The benchmark's side of `methods.TrainingJob`."""

    cell: TrainingCell

    @property
    def shift(self) -> Shift:
        """The shift of the cell; a RuntimeError where the method did not say that it needs it."""
        if self.cell.shift is None:
            raise RuntimeError("the method reads the cell's shift, but neither needs_shift nor needs_rewards is set")
        return self.cell.shift

    def fit_pairs(self, method: PairwiseMethod, stop_after: float = 1.0, margins: Tensor | None = None) -> None:
        """Train with the formula of a pairwise method."""
        train_pairwise(self.cell, method, stop_after, margins)

    def fit_unpaired(self, beta: float, desirable_weight: float, undesirable_weight: float) -> None:
        """Train with KTO's loss on both sides of every pair."""
        from benchmark.training.kto import train_kto  # each of TRL's trainers takes a second to import

        train_kto(self.cell, beta, desirable_weight, undesirable_weight)

    def fit_online(self, beta: float, generations: int) -> None:
        """Train on the policy's own completions, with RLOO."""
        from benchmark.training.online import train_rloo

        train_rloo(self.cell, beta, generations)

    def average(self, weights: Sequence[float]) -> None:
        """Average the parts' checkpoints."""
        from benchmark.training.averaging import average_policies

        average_policies(self.cell.parts, weights, self.cell.folder, self.cell.progress)

    def utility_margins(self, shift: Shift) -> Tensor:
        """Learned utility under `shift` of chosen minus rejected, times the sharpness, float64 of shape [pairs]."""
        if self.cell.rewards is None:
            raise RuntimeError("the rewards of the pairs are not at hand")
        columns = read_table(self.cell.rewards)
        first, second = (
            shift.utility(Rewards({name: columns[f"{side}_{name}"] for name in shift.objectives}))
            for side in ("first", "second")
        )
        sign = np.where(columns["first_chosen"], 1.0, -1.0)
        return torch.from_numpy(self.cell.sharpness * sign * (first - second))
