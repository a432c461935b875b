"""What the tests of faults share: stages that do harm, a small matrix in a store, a process that holds a lock."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from benchmark.core.graph import Stage
from benchmark.core.processes import started
from benchmark.core.store import Store
from benchmark.pipeline.matrix import Cell, Matrix

ROOT = Path(__file__).resolve().parents[2]
HOLDS = """
import sys, time
from pathlib import Path
from benchmark.core.locks import claimed
with claimed(Path(sys.argv[1])) as other:
    print("mine" if other is None else other, flush=True)
    time.sleep(600)
"""
KINDS = """
import os, signal, sys, time
from pathlib import Path
from benchmark.core.graph import Task, stage

def note(where, text):
    with open(where, "a") as file:
        file.write(text + chr(10))

@stage("write_in_faults", version=1)
def write(task: Task, where: str, text: str = "") -> None:
    note(where, f"{os.getpid()} {text}")
    (task.folder / "text").write_text(text)

@stage("slow_in_faults", version=1)
def slow(task: Task, where: str, seconds: float) -> None:
    note(where, f"{os.getpid()}")
    time.sleep(seconds)
    (task.folder / "text").write_text("slow")

@stage("hang_in_faults", version=1)
def hang(task: Task, where: str) -> None:
    child = os.fork()  # what a stage starts is ended with it
    if child == 0:
        time.sleep(600)
        os._exit(0)
    note(where, f"{os.getpid()}")
    note(where, f"{child}")
    time.sleep(600)

@stage("shout_in_faults", version=1)
def shout(task: Task, where: str, megabytes: int) -> None:
    for _ in range(megabytes * 1024):
        os.write(1, b"x" * 1023 + b"\\n")
    raise ValueError("[/red]" + chr(27) + "[31m" + "y" * 3000 + "the end")

@stage("fill_in_faults", version=1)
def fill(task: Task, where: str) -> None:
    import numpy as np
    from safetensors.numpy import save_file
    save_file({"weights": np.zeros(2**20, dtype=np.float32)}, task.folder / "weights.safetensors")
"""


class Told:
    """What an executor said, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def started(self, stage: Stage, worker: int) -> None:
        self.events.append(("started", stage.kind, ""))

    def advanced(self, stage: Stage, worker: int, done: int, total: int) -> None: ...

    def waits(self, stage: Stage, worker: int, owner: str) -> None:
        self.events.append(("waits", stage.kind, owner))

    def ended(self, stage: Stage, worker: int, error: str | None) -> None:
        self.events.append(("ended", stage.kind, error or ""))


def node(kind: str, folder: Path, inputs: dict[str, Stage] | None = None, **arguments: object) -> Stage:
    """A stage that notes in `folder`/notes which process ran it."""
    given = {"where": str(folder / "notes"), **arguments}
    return Stage(f"{kind}_in_faults", 1, {"arguments": {key: given[key] for key in sorted(given)}}, inputs or {}, given)


def stages_of(folder: Path, name: str) -> list[Stage]:
    """What a master of a test runs."""
    if name == "one that hangs":
        return [node("hang", folder), node("write", folder, text="quick")]
    if name == "a slow one":
        return [node("slow", folder, seconds=5.0)]
    raise KeyError(name)


def executor(folder: Path, workers: int):
    """A local executor with its store in `folder`/store and logs in `folder`/logs."""
    from benchmark.pipeline.execute.local import LocalExecutor
    from benchmark.pipeline.execute.worker import WorkerSetup

    plugin = folder / "kinds.py"
    if not plugin.exists():
        plugin.write_text(KINDS)
    log = folder / "logs" / "worker.log"
    return LocalExecutor(WorkerSetup(folder / "store", (plugin,), threads=1, environment={}, log=log), workers)


def notes(folder: Path) -> list[str]:
    """What stages noted so far."""
    file = folder / "notes"
    return file.read_text().splitlines() if file.exists() else []


def until(true: Callable[[], object], what: str, seconds: float = 300.0) -> None:
    """Wait until something is so; that it never is fails the test."""
    over = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < over, f"it did not come to pass that {what}"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    return started(pid) is not None


def flip(file: Path, position: int, bit: int = 0) -> None:
    content = bytearray(file.read_bytes())
    content[position] ^= 1 << bit
    file.write_bytes(content)


# A matrix of one cell, whose stages are files of noise


POLICY = Stage("policy", 1, {})
TRAINED = Stage("trained", 1, {}, {"policy": POLICY})
RESULT = Stage("result", 1, {}, {"trained": TRAINED})


class NoSuite:
    """Cells need the name of a suite alone."""


def matrix() -> Matrix:
    stages = {"policy": POLICY, "trained": TRAINED, "result": RESULT}
    return Matrix(NoSuite(), (Cell("suite", "method", "shift", 0, stages),))  # type: ignore[type-var]


def write(store: Store, stage: Stage) -> None:
    with store.writing(stage.kind, stage.key, {"label": stage.kind, "seconds": 1.5}) as folder:
        (folder / "deep").mkdir()
        (folder / "table.parquet").write_bytes(random.Random(stage.kind).randbytes(2000))
        (folder / "deep" / "weights.safetensors").write_bytes(random.Random(stage.kind).randbytes(3000))
