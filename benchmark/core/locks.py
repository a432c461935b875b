"""Locks as files that name their owner, so that a dead one can be seen and its lock taken over.

A process is dead if it ran on this machine and does not run any more. Of one on another machine that is not known, so
every owner touches its locks now and then; one that was silent for `SILENCE` is taken for dead.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.core.processes import started

GUARD = ".guard"  # held by the system while a lock changes hands, which takes no time
BEAT, SILENCE = 20.0, 600.0  # seconds


@dataclass(frozen=True)
class Owner:
    """A process that holds a lock. since: in seconds of the epoch."""

    host: str
    pid: int
    started: str
    since: float

    @classmethod
    def here(cls) -> Owner:
        """This process, from now on."""
        return cls(socket.gethostname(), os.getpid(), started(os.getpid()) or "", time.time())

    def runs(self, silent: float) -> bool:
        """Whether it is still there; `silent`: seconds since its last sign."""
        if self.host != socket.gethostname():
            return silent < SILENCE
        return started(self.pid) in (self.started, "")

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host}, since {since}"


@contextmanager
def claimed(file: Path) -> Iterator[Owner | None]:
    """Hold the lock `file` during the block; or, where a living process has it, say which one: the block must then
    leave alone what the lock stands for.

    Raises:
        OSError: the folder cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with _guarded(file.parent) as now:
        other = _holder(file, now)
        if other is None:
            partial = file.with_name(f"{file.name}.new")
            partial.write_text(json.dumps(asdict(Owner.here())))
            partial.rename(file)
    if other is not None:
        yield other
        return
    over = threading.Event()
    threading.Thread(target=_beat, args=(file, over), daemon=True).start()
    try:
        yield None
    finally:
        over.set()
        file.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the locks in `folder` whose owners are dead."""
    if not folder.is_dir():
        return
    with _guarded(folder) as now:
        for file in folder.iterdir():
            if file.name != GUARD and _holder(file, now) is None:
                file.unlink(missing_ok=True)


@contextmanager
def _guarded(folder: Path) -> Iterator[float]:
    """Alone among all processes in `folder` for a moment; gives the time there, by the clock of the file system."""
    with (folder / GUARD).open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        os.utime(guard.fileno())
        yield os.fstat(guard.fileno()).st_mtime


def _holder(file: Path, now: float) -> Owner | None:
    try:
        owner, last = Owner(**json.loads(file.read_text())), file.stat().st_mtime
    except (FileNotFoundError, ValueError, TypeError):  # no lock, or what a power failure left of one
        return None
    return owner if owner.runs(now - last) else None


def _beat(file: Path, over: threading.Event) -> None:
    while not over.wait(BEAT):
        with suppress(OSError):
            os.utime(file)
