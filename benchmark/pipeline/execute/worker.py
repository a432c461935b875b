"""One worker process: takes a stage, runs its function, writes the artefact, answers; again until told to stop."""

from __future__ import annotations

import importlib
import multiprocessing
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

from benchmark.core.errors import UserError, shortened
from benchmark.core.graph import KINDS, Stage, Task
from benchmark.core.locks import Owner
from benchmark.core.processes import die_with_parent
from benchmark.core.resources import device_name, package_versions, peak_memory_mb, release_memory, reset_peak_memory
from benchmark.core.room import NoRoom
from benchmark.core.store import Store
from benchmark.pipeline.execute.arithmetic import arithmetic
from benchmark.pipeline.numerics import Environment

PROGRESS_SECONDS = 0.25  # progress is sent no more often than this


@dataclass(frozen=True)
class Message:
    """What a worker tells its master. elsewhere: another run is making the artefact; no room: the store is full."""

    kind: Literal["begun", "progress", "done", "failed", "elsewhere", "no room"]
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


def work(connection: Connection, printing: Connection, setup: WorkerSetup) -> None:
    """The main loop of a worker process, which ends with its master. `None` instead of a stage ends it.

    Args:
        connection: where stages come from and answers go.
        printing: where what is printed goes.
        setup: what it needs to know.
    """
    master = multiprocessing.parent_process()
    assert master is not None and master.pid is not None
    os.setpgid(0, 0)  # its children can be ended with it; and Ctrl-C is for the master, which ends the workers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(master.pid)
    _quiet(printing)
    load(setup)
    store = Store(setup.store)
    while (stage := _receive(connection)) is not None:
        connection.send(Message("begun"))
        connection.send(answer_of(stage, store, _reporter(connection)))


def answer_of(stage: Stage, store: Store, progress: Any) -> Message:
    """Run a stage, and say what became of it."""
    try:
        other = run_stage(stage, store, progress)
    except NoRoom as error:
        traceback.print_exc()
        return Message("no room", reason=str(error))
    except Exception as error:  # whatever a stage raises is a fact about its cell, shown on the page
        traceback.print_exc()
        return Message("failed", reason=reason_of(error))
    return Message("done") if other is None else Message("elsewhere", reason=str(other))


def run_stage(stage: Stage, store: Store, progress: Any) -> Owner | None:
    """Run one stage, unless its artefact has appeared meanwhile, and commit the artefact with its cost. Returns who is
    making it already, if somebody is: then nothing was run."""
    with store.making(stage.key) as other:
        if other is None and not stage.done(store):
            _make(stage, store, progress)
    return other


def _make(stage: Stage, store: Store, progress: Any) -> None:
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


def reason_of(error: Exception) -> str:
    """What a stage raised and where, on a line for the page; the whole of it is in the log."""
    if isinstance(error, UserError):
        return shortened(str(error))
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {shortened(str(error))} ({Path(frame.filename).name}:{frame.lineno})"


def _quiet(printing: Connection) -> None:
    """Send what libraries print to the worker's log, so that it cannot tear the progress display."""
    sys.stdout.flush()
    for standard in (1, 2):
        os.dup2(printing.fileno(), standard)
    printing.close()


def load(setup: WorkerSetup) -> None:
    """Import what registers the kinds of stages, and plug-ins."""
    import torch

    from benchmark.core.plugins import load_file

    warnings.filterwarnings("ignore", category=FutureWarning)
    torch.set_num_threads(setup.threads)
    for module in setup.modules:
        importlib.import_module(module)
    for plugin in setup.plugins:
        load_file(plugin)
