"""The same step on two data-parallel workers: processes that are started once and take a step for every method."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

WORKERS = 2
MICRO = 16  # pairs per forward pass and worker: 64 pairs are two micro-batches on each of two workers
STARTUP_SECONDS, STEP_SECONDS = 180, 60
ORDER = "order.json"
COMMAND = (sys.executable, "-m", "benchmark.contract.worker")

Gradients = dict[str, Tensor]


class WorkerError(Exception):
    """A worker failed, or did not answer; the message is its own."""


class TwoWorkers:
    """Takes steps on two workers, in the background.

    A method that fails takes its launch down with it; the methods after it are taken by another launch.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers: dict[str, Gradients | WorkerError] = {}
        self._queue: list[str] = []  # calls without an answer, in the order in which steps are taken
        self._plugins: dict[Path, None] = {}
        self._launch: _Launch | None = None
        self._launches = 0

    def start(self, calls: Sequence[str], plugins: Sequence[Path] = ()) -> None:
        """Begin to take one step for every call such as `kldpo(tau=0.3)`; `plugins` are files to load first."""
        self._queue += [call for call in dict.fromkeys(calls) if call not in self._answers and call not in self._queue]
        self._plugins |= dict.fromkeys(file.resolve() for file in plugins)
        if self._launch is None and self._queue:
            self._launches += 1
            self._launch = _Launch(self._folder / f"workers-{self._launches}", list(self._queue), list(self._plugins))

    def step(self, call: str) -> Gradients:
        """The gradient of the step on 64 pairs, as `Lab.step` gives it; waits until it is there.

        Raises:
            WorkerError: the step failed.
        """
        while call not in self._answers:
            self.start([call])
            self._collect()
            time.sleep(0.02)
        answer = self._answers[call]
        if isinstance(answer, WorkerError):
            raise answer
        return answer

    def stop(self) -> None:
        """End the workers, where they still run."""
        if self._launch is not None:
            self._launch.stop()
            self._launch = None

    def _collect(self) -> None:
        """Take in the answers that are there; a launch that ends before its last one has failed at the next."""
        launch = self._launch
        assert launch is not None
        for answer in launch.answers():
            self._answers[self._queue.pop(0)] = answer
        if launch.ended:
            launch.stop()
            self._launch = None


class _Launch:
    """Two processes that take the steps of some calls, one after the other, and write a file for each."""

    def __init__(self, folder: Path, calls: Sequence[str], plugins: Sequence[Path]) -> None:
        self._folder, self._calls, self._taken = folder, calls, 0
        folder.mkdir(parents=True)
        (folder / ORDER).write_text(json.dumps({"calls": calls, "plugins": [str(file) for file in plugins]}))
        self._processes = [self._worker(rank) for rank in range(WORKERS)]
        self._deadline = time.monotonic() + STARTUP_SECONDS
        self.ended = False  # whether no more answers will come

    def answers(self) -> Iterator[Gradients | WorkerError]:
        """Those that have come since the last look. An error is the last one."""
        over = all(process.poll() is not None for process in self._processes)  # looked at before the files are
        while (file := self._folder / f"{self._taken}.pt").exists():
            self._taken += 1
            self._deadline = time.monotonic() + STEP_SECONDS
            yield torch.load(file)
        if self._taken == len(self._calls):
            self.ended = True
        elif over or time.monotonic() > self._deadline:
            self.ended = True
            yield WorkerError(self._last_words() if over else "no answer in time")

    def stop(self) -> None:
        """End the processes; those that are done need no more than to be waited for."""
        for process in self._processes:
            if self._taken < len(self._calls):
                process.kill()
            process.wait()

    def _worker(self, rank: int) -> subprocess.Popen[bytes]:
        settings = {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
        settings |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(WORKERS)}
        settings |= {"MASTER_ADDR": "localhost", "MASTER_PORT": "1"}  # asked for, not used: they meet through a file
        settings["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # the same modules as here
        with (self._folder / f"log-{rank}.txt").open("wb") as log:
            return subprocess.Popen(
                [*COMMAND, str(self._folder)],
                env={**os.environ, **settings},
                stdout=log,
                stderr=log,
            )

    def _last_words(self) -> str:
        """The last line that either worker printed, the one that names the error."""
        logs = [(self._folder / f"log-{rank}.txt").read_text(errors="replace") for rank in range(WORKERS)]
        lines = [log.strip().split("\n")[-1] for log in logs]
        return next((line for line in lines if "Error" in line), lines[0])
