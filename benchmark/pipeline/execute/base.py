"""What every executor does: run stages in an order that their inputs allow, and say what became of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmark.core.graph import Stage


@dataclass
class Outcome:
    """What became of the stages: keys that finished, and reasons of those that failed or could not start."""

    finished: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)


class Watcher(Protocol):
    """Who is told what happens, e.g. a progress display."""

    def started(self, stage: Stage, worker: int) -> None:
        """A worker took the stage."""

    def advanced(self, stage: Stage, worker: int, done: int, total: int) -> None:
        """The stage came to `done` of `total`."""

    def ended(self, stage: Stage, worker: int, error: str | None) -> None:
        """The stage finished, or failed with a reason."""


class Executor(ABC):
    """Runs stages; nothing else knows where."""

    @abstractmethod
    def execute(self, stages: Sequence[Stage], watcher: Watcher) -> Outcome:
        """Run all stages (inputs stand before those that need them). A failed stage fails what is made from it and
        nothing else."""
