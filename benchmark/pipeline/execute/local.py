"""The local executor: a few worker processes, one thread each, on one machine."""

from __future__ import annotations

import heapq
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from benchmark.core.graph import Stage
from benchmark.core.resources import gpu_count
from benchmark.pipeline.execute.base import Executor, Outcome, Watcher
from benchmark.pipeline.execute.worker import Message, WorkerSetup, work
from benchmark.pipeline.numerics import Environment

MOST_WORKERS = 8


def default_workers() -> int:
    """One worker per GPU where there are any, else one per core that this process may use, at most eight."""
    gpus = gpu_count()
    return gpus or min(len(os.sched_getaffinity(0)), MOST_WORKERS)


@dataclass
class _Worker:
    number: int
    process: BaseProcess
    connection: Connection
    stage: Stage | None = None


class LocalExecutor(Executor):
    """Runs stages in worker processes. A worker that dies fails its stage alone, and is replaced."""

    def __init__(self, setup: WorkerSetup, workers: int) -> None:
        self._setup = setup
        self._count = workers
        self._context = multiprocessing.get_context("spawn")

    def execute(self, stages: Sequence[Stage], watcher: Watcher) -> Outcome:
        """Run all stages, the ones with the longest chain behind them first."""
        queue = _Queue(stages)
        workers = [self._spawn(number) for number in range(min(self._count, len(stages)))]
        try:
            while not queue.empty():
                for worker in workers:
                    if worker.stage is None and (stage := queue.take()) is not None:
                        worker.stage = stage
                        worker.connection.send(stage)
                        watcher.started(stage, worker.number)
                self._listen(workers, queue, watcher)
        except BaseException:
            for worker in workers:
                worker.process.kill()
            raise
        for worker in workers:
            worker.connection.send(None)
        for worker in workers:
            worker.process.join()
        return queue.outcome

    def _spawn(self, number: int) -> _Worker:
        here, there = self._context.Pipe()
        log = self._setup.log.with_name(f"{self._setup.log.stem}-{number}{self._setup.log.suffix}")
        setup = replace(self._setup, log=log, environment={**self._setup.environment, **_device(number)})
        process = self._context.Process(target=work, args=(there, setup), daemon=False)
        with _set(setup.environment):  # libraries read it once, some when they are loaded: before the first import
            process.start()
        there.close()
        return _Worker(number, process, here)

    def _listen(self, workers: list[_Worker], queue: _Queue, watcher: Watcher) -> None:
        busy = [worker for worker in workers if worker.stage is not None]
        ready = set(wait([worker.connection for worker in busy]))
        for worker in busy:
            if worker.connection not in ready or worker.stage is None:
                continue
            try:
                message: Message = worker.connection.recv()
            except (EOFError, ConnectionError):
                worker.process.join()
                message = Message("failed", reason=_death(worker.process.exitcode))
                workers[worker.number] = self._spawn(worker.number)
            self._handle(worker, message, queue, watcher)

    @staticmethod
    def _handle(worker: _Worker, message: Message, queue: _Queue, watcher: Watcher) -> None:
        stage = worker.stage
        assert stage is not None
        if message.kind == "progress":
            watcher.advanced(stage, worker.number, message.done, message.total)
            return
        worker.stage = None
        error = message.reason if message.kind == "failed" else None
        queue.finish(stage, error)
        watcher.ended(stage, worker.number, error)


class _Queue:
    """Stages that wait, are ready, run, or are over."""

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
        self._open = len(self._stages)
        for key, parents in self._waiting_for.items():
            if not parents:
                self._push(key)

    def empty(self) -> bool:
        """Whether every stage is over."""
        return self._open == 0

    def take(self) -> Stage | None:
        """The next stage that can run now, or None."""
        return self._stages[heapq.heappop(self._ready)[2]] if self._ready else None

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

    def _push(self, key: str) -> None:
        heapq.heappush(self._ready, (-self._chain[key], self._order[key], key))


@contextmanager
def _set(variables: Environment) -> Iterator[None]:
    """These variables, for what is started meanwhile; None: not there."""
    before = dict(os.environ)
    for name, value in variables.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


def _device(number: int) -> dict[str, str]:
    count = gpu_count()
    if count < 2:
        return {}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(str(gpu) for gpu in range(count))).split(",")
    return {"CUDA_VISIBLE_DEVICES": visible[number % count]}


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        hint = " (out of memory?)" if exit_code == -9 else ""
        return f"its worker process was killed by signal {-exit_code}{hint}"
    return f"its worker process ended with status {exit_code}"
