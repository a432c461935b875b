"""Scoring: text in, one raw number per objective out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from benchmark.core.data import Floats


class RewardModel(ABC):
    """A trained multi-objective scorer of texts."""

    objectives: tuple[str, ...]

    @abstractmethod
    def score(self, texts: Sequence[str]) -> Floats:
        """Raw rewards (logits, never squashed), shape [texts, objectives], in the order of `objectives`."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write everything that `benchmark.scoring.load_reward_model` needs into an existing folder."""
