"""What `Method.train` is handed: one cell's policy, pairs and folder, and the ways to train on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.core.data import Floats, Pairs, Prompts, read_table
from benchmark.core.graph import Progress
from benchmark.training.batch import ReferenceLogps
from benchmark.training.fit import fit_pairs
from benchmark.training.settings import TrainingSettings
from methods import PairwiseMethod
from shifts import Rewards, Shift


@dataclass(frozen=True)
class World:
    """What an online method acts in.

    prompts: those that it completes; max_new_tokens: of a completion; reward: from prompts and completions as text to
    rewards in nats, shape [completions].
    """

    prompts: Prompts
    max_new_tokens: int
    reward: Callable[[Sequence[str], Sequence[str]], Floats]


@dataclass(frozen=True)
class CellJob:
    """The benchmark's side of `methods.TrainingJob`.

    scratch: where a run that was stopped finds what it had, if anywhere. parts: folders of the trained policies of
    `Method.parts`, in order. cell_shift, rewards (the table of both sides' learned rewards, in the order of the pairs)
    and world are there where the method says that it needs them; sharpness is that of the labels, in nats per unit of
    utility.
    """

    policy: Path
    pairs: Pairs
    reference: ReferenceLogps
    settings: TrainingSettings
    seed: int
    folder: Path
    progress: Progress
    scratch: Path | None = None
    parts: tuple[Path, ...] = ()
    cell_shift: Shift | None = None
    sharpness: float = 1.0
    rewards: Path | None = None
    world: World | None = None

    @property
    def shift(self) -> Shift:
        """The shift of the cell; a RuntimeError where the method did not say that it needs it."""
        if self.cell_shift is None:
            raise RuntimeError("the method reads the cell's shift, but neither needs_shift nor needs_rewards is set")
        return self.cell_shift

    def fit_pairs(self, method: PairwiseMethod, stop_after: float = 1.0, margins: Tensor | None = None) -> None:
        """Train with the formula of a pairwise method."""
        fit_pairs(self, method, stop_after, margins)

    def fit_unpaired(self, beta: float, desirable_weight: float, undesirable_weight: float) -> None:
        """Train with KTO's loss on both sides of every pair."""
        from benchmark.training.kto import fit_unpaired  # each of TRL's trainers takes a second to import

        fit_unpaired(self, beta, desirable_weight, undesirable_weight)

    def fit_online(self, beta: float, generations: int) -> None:
        """Train on the policy's own completions, with RLOO."""
        from benchmark.training.online import fit_online

        fit_online(self, beta, generations)

    def average(self, weights: Sequence[float]) -> None:
        """Average the parts' checkpoints."""
        from benchmark.training.averaging import average_policies

        average_policies(self.parts, weights, self.folder, self.progress)

    def utility_margins(self, shift: Shift) -> Tensor:
        """Learned utility under `shift` of chosen minus rejected, times the sharpness, float64 of shape [pairs]."""
        if self.rewards is None:
            raise RuntimeError("the rewards of the pairs are not at hand")
        columns = read_table(self.rewards)
        first, second = (
            shift.utility(Rewards({name: columns[f"{side}_{name}"] for name in shift.objectives}))
            for side in ("first", "second")
        )
        sign = np.where(columns["first_chosen"], 1.0, -1.0)
        return torch.from_numpy(self.sharpness * sign * (first - second))
