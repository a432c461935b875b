"""What a Ray worker does: run one stage, on a store that it shares with the others or on one of its own node."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core.resources import package_versions
from benchmark.core.store import Store
from benchmark.pipeline.execute.moving import packed, unpack
from benchmark.pipeline.execute.worker import Message, WorkerSetup, answer_of, load

LOG_BYTES = 64 * 2**10  # of what a stage prints, its end; more stays behind
PROGRESS_SECONDS = 0.5
_loaded: set[str] = set()  # setups that this process has loaded


@dataclass(frozen=True)
class Job:
    """One stage for one worker.

    stage: pickled, since its classes are known once the plug-ins are loaded; number: of its line on the display;
    moved: name of the run where nodes do not see the store and artefacts travel, None where they do.
    """

    stage: bytes
    number: int
    setup: WorkerSetup
    moved: str | None


@dataclass(frozen=True)
class Answer:
    """What became of a stage: as a worker of the local executor tells it; the end of what it printed; and its artefact,
    packed, where that travels."""

    message: Message
    log: bytes
    artefact: bytes | None = None


@dataclass(frozen=True)
class Sight:
    """What a node sees of that which a run needs on every node."""

    node: str
    store: bool
    plugins: tuple[str, ...]  # that are not there
    code: str
    versions: dict[str, str]
    forbidden: tuple[str, ...]  # variables that are set and must not be


class Board:
    """An actor: where workers write how far they are, and the master reads it."""

    def __init__(self) -> None:
        self._news: dict[int, Message] = {}

    def write(self, number: int, message: Message) -> None:
        """A stage has begun, or came to some point."""
        self._news[number] = message

    def read(self) -> dict[int, Message]:
        """What was written since the last call, by number, the latest of each."""
        news, self._news = self._news, {}
        return news


def run_job(job: Job, inputs: Sequence[tuple[str, str, Any]], board: Any) -> Answer:
    """Run the stage of `job`. Inputs that its store lacks are fetched: kind, key, and where Ray holds the artefact."""
    import ray

    with _printed() as log:
        _load_once(job.setup)
        stage = pickle.loads(job.stage)
        store = Store(job.setup.store if job.moved is None else own_store(job.moved))
        for kind, key, held in inputs:
            if not store.has(kind, key):
                unpack(store, kind, key, ray.get(held))
        board.write.remote(job.number, Message("begun"))
        message = answer_of(stage, store, _reporter(board, job.number))
        travels = job.moved is not None and message.kind == "done"
        return Answer(message, log(), packed(store, stage.kind, stage.key) if travels else None)


def look(store: Path, token: str, setup: WorkerSetup) -> Sight:
    """What this node sees; `token` is the name of a file that the master put into its store."""
    import socket

    return Sight(
        node=socket.gethostname(),
        store=(store / token).is_file(),
        plugins=tuple(str(plugin) for plugin in setup.plugins if not plugin.is_file()),
        code=code_digest(),
        versions=package_versions(),
        forbidden=tuple(name for name, value in setup.environment.items() if value is None and name in os.environ),
    )


def code_digest() -> str:
    """A hash of the program's own files, the same on every node that has the same version of it."""
    digest = hashlib.sha256()
    for package in ("benchmark", "methods", "shifts"):
        found = importlib.util.find_spec(package)
        assert found is not None and found.origin is not None
        root = Path(found.origin).parent
        for file in sorted(root.rglob("*.py")):
            digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def own_store(run: str) -> Path:
    """Where this node keeps artefacts of a run whose store it does not see."""
    import ray

    return Path(tempfile.gettempdir()) / f"prefshift-ray-{run}-{ray.get_runtime_context().get_node_id()}"


def forget(run: str) -> None:
    """Remove this node's own store of a run."""
    shutil.rmtree(own_store(run), ignore_errors=True)


def _load_once(setup: WorkerSetup) -> None:
    name = repr((setup.plugins, setup.modules))
    if name not in _loaded:
        load(setup)
        _loaded.add(name)


def _reporter(board: Any, number: int) -> Callable[[int, int], None]:
    last = [0.0]

    def report(done: int, total: int) -> None:
        now = time.monotonic()
        if now - last[0] >= PROGRESS_SECONDS:
            last[0] = now
            board.write.remote(number, Message("progress", done, total))

    return report


@contextmanager
def _printed() -> Iterator[Callable[[], bytes]]:
    """What the process prints meanwhile, libraries in C included, goes to a file; the function reads its end."""
    with tempfile.TemporaryFile() as file:
        sys.stdout.flush()
        sys.stderr.flush()
        kept = [os.dup(1), os.dup(2)]
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)

        def end() -> bytes:
            sys.stdout.flush()
            sys.stderr.flush()
            size = os.fstat(file.fileno()).st_size
            return os.pread(file.fileno(), LOG_BYTES, max(0, size - LOG_BYTES))

        try:
            yield end
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for stream, before in zip((1, 2), kept, strict=True):
                os.dup2(before, stream)
                os.close(before)
