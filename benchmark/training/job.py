"""What `Method.train` is handed: one cell's policy, pairs and folder, and the ways to train on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from benchmark.data import Pairs
from benchmark.generation.base import Progress
from benchmark.training.batch import ReferenceLogps
from benchmark.training.fit import fit_pairs
from benchmark.training.settings import TrainingSettings
from methods import PairwiseMethod


@dataclass(frozen=True)
class CellJob:
    """The benchmark's side of `methods.TrainingJob`."""

    policy: Path
    pairs: Pairs
    reference: ReferenceLogps
    settings: TrainingSettings
    seed: int
    folder: Path
    progress: Progress

    def fit_pairs(self, method: PairwiseMethod, stop_after: float = 1.0, margins: Tensor | None = None) -> None:
        """Train with the formula of a pairwise method."""
        fit_pairs(self, method, stop_after, margins)
