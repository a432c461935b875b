"""Stages that wait for their inputs, are ready, run, or are over: the book-keeping that every executor needs."""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence

from benchmark.core.graph import Stage
from benchmark.pipeline.execute.base import INTERRUPTED, Outcome


class Queue:
    """Hands out stages, the ones with the longest chain behind them first."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.outcome = Outcome()
        self._stages = {stage.key: stage for stage in stages}
        self._waiting_for = {
            stage.key: {parent.key for parent in stage.inputs.values() if parent.key in self._stages}
            for stage in stages
        }
        self._children: dict[str, list[str]] = {key: [] for key in self._stages}
        for key, parents in self._waiting_for.items():
            for parent in parents:
                self._children[parent].append(key)
        self._chain: dict[str, int] = {}
        for key in reversed(self._stages):
            self._chain[key] = 1 + max((self._chain[child] for child in self._children[key]), default=0)
        self._order = {key: order for order, key in enumerate(self._stages)}
        self._ready: list[tuple[int, int, str]] = []
        self._later: list[tuple[float, str]] = []  # stages that were put back, by the time to take them again
        self._open = len(self._stages)
        for key, parents in self._waiting_for.items():
            if not parents:
                self._push(key)

    def empty(self) -> bool:
        """Whether every stage is over."""
        return self._open == 0

    def take(self) -> Stage | None:
        """The next stage that can run now, or None."""
        while self._later and self._later[0][0] <= time.monotonic():
            self._push(heapq.heappop(self._later)[1])
        return self._stages[heapq.heappop(self._ready)[2]] if self._ready else None

    def put_back(self, stage: Stage, seconds: float = 0.0) -> None:
        """A stage that was taken is to be taken again, so many seconds later."""
        heapq.heappush(self._later, (time.monotonic() + seconds, stage.key))

    def pause(self) -> float | None:
        """Seconds until a stage that was put back can be taken; None where there is none."""
        return max(0.0, self._later[0][0] - time.monotonic()) if self._later else None

    def finish(self, stage: Stage, error: str | None) -> None:
        """Note the end of a stage; what waited for it becomes ready, or fails with it."""
        self._open -= 1
        if error is None:
            self.outcome.finished.add(stage.key)
            for child in self._children[stage.key]:
                self._waiting_for[child].discard(stage.key)
                if not self._waiting_for[child] and child not in self.outcome.failed:
                    self._push(child)
            return
        self.outcome.failed[stage.key] = error
        for child in self._children[stage.key]:
            if child not in self.outcome.failed:
                inherited = error if error.startswith("in stage ") else f"in stage {stage.kind}: {error}"
                self.finish(self._stages[child], inherited)

    def interrupt(self) -> Outcome:
        """What became of the stages where no more will run."""
        self.outcome.interrupted = True
        for key in self._stages:
            if key not in self.outcome.finished:
                self.outcome.failed.setdefault(key, INTERRUPTED)
        return self.outcome

    def _push(self, key: str) -> None:
        heapq.heappush(self._ready, (-self._chain[key], self._order[key], key))
