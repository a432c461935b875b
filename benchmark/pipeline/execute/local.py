"""The local executor: a few worker processes, one thread each, on one machine."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from benchmark.core.graph import Stage
from benchmark.core.processes import end_group
from benchmark.core.resources import gpu_count
from benchmark.core.room import NoRoom
from benchmark.pipeline.execute.base import LOOK_AGAIN, Executor, Limit, Outcome, Watcher, too_long, unlimited
from benchmark.pipeline.execute.log import keep_log
from benchmark.pipeline.execute.queue import Queue
from benchmark.pipeline.execute.worker import Message, WorkerSetup, work
from benchmark.pipeline.numerics import Environment

MOST_WORKERS = 8
MOST_STARTS = 3  # of a stage whose workers die before they come to it
LONGEST_WAIT = 3600.0  # seconds; the system takes no infinity
GOODBYE = 10.0  # seconds that a worker has for its own end


def default_workers() -> int:
    """One worker per GPU where there are any, else one per core that this process may use, at most eight."""
    gpus = gpu_count()
    return gpus or min(len(os.sched_getaffinity(0)), MOST_WORKERS)


@dataclass
class _Worker:
    """A process and what it does. begun: it has come to its stage, which takes a while for its first; deadline: when
    the stage's time is over, on the monotonic clock."""

    number: int
    process: BaseProcess
    connection: Connection
    end_of_log: Callable[[], None]
    stage: Stage | None = None
    begun: bool = False
    deadline: float = 0.0

    def kill(self) -> None:
        """Kill the process, with what it started."""
        assert self.process.pid is not None
        end_group(self.process.pid)
        self.process.kill()  # where it had no time to make its group


class LocalExecutor(Executor):
    """Runs stages in worker processes. A worker that dies fails its stage alone, and is replaced."""

    def __init__(self, setup: WorkerSetup, workers: int) -> None:
        self._setup = setup
        self._count = workers
        self._context = multiprocessing.get_context("spawn")

    def execute(self, stages: Sequence[Stage], watcher: Watcher, limit: Limit = unlimited) -> Outcome:
        """Run all stages, the ones with the longest chain behind them first."""
        run = _Run(stages, watcher, limit, self._spawn)
        try:
            run.start(min(self._count, len(stages)))
            while not run.queue.empty():
                run.hand_out()
                run.listen()
        except KeyboardInterrupt:
            run.end_all()
            return run.queue.interrupt()
        except BaseException:
            run.end_all()
            raise
        run.say_goodbye()
        return run.queue.outcome

    def _spawn(self, number: int) -> _Worker:
        here, there = self._context.Pipe()
        reading, printing = self._context.Pipe(duplex=False)
        setup = replace(self._setup, environment={**self._setup.environment, **_device(number)})
        process = self._context.Process(target=work, args=(there, printing, setup), daemon=False)
        with _set(setup.environment):  # libraries read it once, some when they are loaded: before the first import
            process.start()
        there.close()
        printing.close()
        log = self._setup.log.with_name(f"{self._setup.log.stem}-{number}{self._setup.log.suffix}")
        log.parent.mkdir(parents=True, exist_ok=True)
        return _Worker(number, process, here, keep_log(reading, log))


class _Run:
    """Stages that are run, and the workers that run them."""

    def __init__(
        self, stages: Sequence[Stage], watcher: Watcher, limit: Limit, spawn: Callable[[int], _Worker]
    ) -> None:
        self.queue = Queue(stages)
        self._watcher, self._limit, self._spawn = watcher, limit, spawn
        self._workers: list[_Worker] = []
        self._starts = Counter[str]()  # of stages whose workers died before they came to them, by key

    def start(self, count: int) -> None:
        """Start so many workers."""
        for number in range(count):
            self._workers.append(self._spawn(number))

    def hand_out(self) -> None:
        """Give a stage to every worker that has none. One that has died meanwhile is replaced."""
        for number, worker in enumerate(self._workers):
            if worker.stage is not None or (stage := self.queue.take()) is None:
                continue
            if not worker.process.is_alive():
                worker = self._workers[number] = self._spawn(number)
            worker.stage, worker.begun = stage, False
            worker.deadline = time.monotonic() + self._limit(stage)
            with suppress(ConnectionError):  # it died just now: its end of the pipe says so
                worker.connection.send(stage)
            self._watcher.started(stage, number)

    def listen(self) -> None:
        """Wait until a worker says something, ends, or has taken too long, or a stage can be taken again."""
        busy = [worker for worker in self._workers if worker.stage is not None]
        waits = [worker.deadline - time.monotonic() for worker in busy]
        pause = self.queue.pause()
        if len(busy) < len(self._workers) and pause is not None:
            waits.append(pause)
        ready = set(wait([worker.connection for worker in busy], max(0.0, min(*waits, LONGEST_WAIT))))
        for worker in busy:
            if worker.connection in ready:
                self._hear(worker)
            elif time.monotonic() >= worker.deadline:
                self._end_stage(worker)

    def _hear(self, worker: _Worker) -> None:
        stage = worker.stage
        assert stage is not None
        try:
            message: Message = worker.connection.recv()
        except (EOFError, ConnectionError):
            self._bury(worker, stage)
            return
        match message.kind:
            case "begun":
                worker.begun, worker.deadline = True, time.monotonic() + self._limit(stage)
            case "progress":
                self._watcher.advanced(stage, worker.number, message.done, message.total)
            case "elsewhere":
                worker.stage = None
                self.queue.put_back(stage, LOOK_AGAIN)
                self._watcher.waits(stage, worker.number, message.reason)
            case "no room":
                raise NoRoom(message.reason)
            case _:
                self._over(worker, stage, message.reason if message.kind == "failed" else None)

    def _bury(self, worker: _Worker, stage: Stage) -> None:
        """A worker is dead. Its stage has failed, unless it had not come to it."""
        self._replace(worker)
        self._starts[stage.key] += 1
        if worker.begun or self._starts[stage.key] == MOST_STARTS:
            self._over(worker, stage, _death(worker.process.exitcode))
        else:
            self.queue.put_back(stage)
            self._watcher.waits(stage, worker.number, "")

    def _end_stage(self, worker: _Worker) -> None:
        stage = worker.stage
        assert stage is not None
        self._replace(worker)
        self._over(worker, stage, too_long(self._limit(stage)))

    def _replace(self, worker: _Worker) -> None:
        worker.kill()
        worker.process.join()
        self._workers[worker.number] = self._spawn(worker.number)

    def _over(self, worker: _Worker, stage: Stage, error: str | None) -> None:
        worker.stage = None
        self.queue.finish(stage, error)
        self._watcher.ended(stage, worker.number, error)

    def end_all(self) -> None:
        """Kill every worker."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.process.join()
            worker.end_of_log()

    def say_goodbye(self) -> None:
        """Let the workers end by themselves; one that does not is killed."""
        for worker in self._workers:
            with suppress(ConnectionError):
                worker.connection.send(None)
        for worker in self._workers:
            worker.process.join(GOODBYE)
        self.end_all()


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
