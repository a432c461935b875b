"""What every executor does: run stages in an order that their inputs allow, and say what became of each."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmark.core.graph import Stage

INTERRUPTED = "interrupted before it was finished; the same command continues"
LOOK_AGAIN = 1.0  # seconds after which a stage that another run makes is asked for again
Limit = Callable[[Stage], float]  # seconds that a stage may take


def unlimited(stage: Stage) -> float:
    """As long as it takes."""
    return math.inf


def too_long(limit: float) -> str:
    """Why a stage was ended that took longer than its limit, in seconds."""
    return f"ended after {limit:,.0f} s, the most that it may take (execution.stage_limit)"


@dataclass
class Outcome:
    """What became of the stages: keys that finished, and reasons of those that failed or could not start. interrupted:
    whether a person, or the system, ended the run before it was over."""

    finished: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False


class Watcher(Protocol):
    """Who is told what happens, e.g. a progress display."""

    def started(self, stage: Stage, worker: int) -> None:
        """A worker took the stage."""

    def advanced(self, stage: Stage, worker: int, done: int, total: int) -> None:
        """The stage came to `done` of `total`."""

    def waits(self, stage: Stage, worker: int, owner: str) -> None:
        """The worker gave the stage back, to be taken again: `owner`, a process of another run, is making the same
        artefact; or, where that is empty, the worker died before it came to the stage."""

    def ended(self, stage: Stage, worker: int, error: str | None) -> None:
        """The stage finished, or failed with a reason."""


class Executor(ABC):
    """Runs stages; nothing else knows where."""

    @abstractmethod
    def execute(self, stages: Sequence[Stage], watcher: Watcher, limit: Limit = unlimited) -> Outcome:
        """Run all stages (inputs stand before those that need them). A failed stage fails what is made from it and
        nothing else; so does one that takes longer than its limit, which is ended. A KeyboardInterrupt ends all stages
        and is told in the outcome.

        Raises:
            NoRoom: the store is full; every stage is ended.
        """
