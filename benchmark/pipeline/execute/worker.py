"""One worker process: takes a stage, runs its function, writes the artefact, answers; again until told to stop."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from benchmark.core.errors import UserError
from benchmark.core.graph import KINDS, Stage, Task
from benchmark.core.resources import device_name, package_versions, peak_memory_mb, release_memory, reset_peak_memory
from benchmark.core.store import Store
from benchmark.pipeline.execute.arithmetic import arithmetic
from benchmark.pipeline.numerics import Environment

PROGRESS_SECONDS = 0.25  # progress is sent no more often than this


@dataclass(frozen=True)
class Message:
    """What a worker tells its master."""

    kind: Literal["progress", "done", "failed"]
    done: int = 0
    total: int = 0
    reason: str = ""


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker needs to know before its first stage."""

    store: Path
    plugins: tuple[Path, ...]
    threads: int
    environment: Environment  # which the process is started with
    log: Path  # what the stages print
    modules: tuple[str, ...] = ()  # which register the kinds of stages, besides plug-ins


def work(connection: Connection, setup: WorkerSetup) -> None:
    """The main loop of a worker process. `None` instead of a stage ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the master, which ends the workers
    _quiet(setup.log)
    _load(setup)
    store = Store(setup.store)
    while (stage := _receive(connection)) is not None:
        try:
            run_stage(stage, store, _reporter(connection))
            answer = Message("done")
        except Exception as error:  # whatever a stage raises is a fact about its cell, shown on the page
            traceback.print_exc()
            answer = Message("failed", reason=_reason(error))
        connection.send(answer)


def run_stage(stage: Stage, store: Store, progress: Any) -> None:
    """Run one stage, unless its artefact has appeared meanwhile, and commit the artefact with its cost."""
    if stage.done(store):
        return
    meta: dict[str, Any] = {"label": stage.label, "identity": dict(stage.identity), "versions": package_versions()}
    meta["inputs"] = {name: f"{parent.kind}/{parent.key}" for name, parent in stage.inputs.items()}
    meta |= {"numerics": arithmetic(), **_described(stage, store)}
    with store.scratch(stage.key) as scratch, store.writing(stage.kind, stage.key, meta) as folder:
        inputs = {name: parent.folder(store) for name, parent in stage.inputs.items()}
        release_memory()
        reset_peak_memory()
        modules, started, processor = len(sys.modules), time.perf_counter(), time.process_time()
        KINDS[stage.kind].run(Task(inputs, folder, progress, scratch), **stage.arguments)
        meta["seconds"] = time.perf_counter() - started
        meta["cpu_seconds"] = time.process_time() - processor
        meta["modules"] = len(sys.modules) - modules  # imported meanwhile: a worker's first stages pay for all others
        meta["peak_memory_mb"] = peak_memory_mb()
        meta["bytes"] = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _described(stage: Stage, store: Store) -> dict[str, Any]:
    """What later estimates need to know of a stage: suite, device and work."""
    from benchmark.pipeline.estimates.work import suite_of, work_of  # most of the program: not before it is needed

    work = work_of(stage, store)
    return {"suite": suite_of(stage), "device": device_name(), "work": None if work is None else work.record()}


def _receive(connection: Connection) -> Stage | None:
    try:
        return connection.recv()  # type: ignore[no-any-return]
    except EOFError:  # the master is gone
        return None


def _reporter(connection: Connection) -> Any:
    last = [0.0]

    def report(done: int, total: int) -> None:
        now = time.monotonic()
        if now - last[0] >= PROGRESS_SECONDS:
            last[0] = now
            connection.send(Message("progress", done, total))

    return report


def _reason(error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"


def _quiet(log: Path) -> None:
    """Send what libraries print to the worker's log, so that it cannot tear the progress display."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sys.stdout.flush()
    os.dup2(file, 1)
    os.dup2(file, 2)


def _load(setup: WorkerSetup) -> None:
    import torch

    from benchmark.core.plugins import load_file

    warnings.filterwarnings("ignore", category=FutureWarning)
    torch.set_num_threads(setup.threads)
    for module in setup.modules:
        importlib.import_module(module)
    for plugin in setup.plugins:
        load_file(plugin)
