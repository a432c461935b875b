"""What a worker prints, kept in two files of bounded size: the latest, and what came before it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

MOST_BYTES = 2 * 2**20  # of each of the two files
_PIECE = 64 * 2**10


def keep_log(printed: Connection, file: Path, most: int = MOST_BYTES) -> Callable[[], None]:
    """Copy what comes out of a pipe to `file`, in the background and until it is closed at its other end. Once `file`
    holds `most` bytes it becomes NAME.1.log in the place of an earlier one, and a new one begins.

    The reader is the master's, so that a worker's last words are kept however it dies. Returns what waits, a moment at
    most, for the end.
    """
    thread = threading.Thread(target=_copy, args=(printed, file, most), daemon=True)
    thread.start()
    return lambda: thread.join(1.0)


def append(file: Path, piece: bytes, most: int = MOST_BYTES) -> None:
    """Add to a log of bounded size. A disk that is full costs the log and nothing else."""
    with suppress(OSError):
        if file.exists() and file.stat().st_size + len(piece) > most:
            file.replace(file.with_suffix(f".1{file.suffix}"))
        with file.open("ab") as log:
            log.write(piece)


def _copy(printed: Connection, file: Path, most: int) -> None:
    while piece := os.read(printed.fileno(), _PIECE):
        append(file, piece, most)
    printed.close()
