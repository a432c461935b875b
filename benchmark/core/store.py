"""The store: artefacts in folders named by a hash of everything that determines them, and of nothing else."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.core.errors import UserError

META = "artefact.json"
_PARTIAL, _SCRATCH = ".partial", ".scratch"


def content_key(description: dict[str, Any]) -> str:
    """A hash of a JSON description, the same whatever the order of its keys."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Store:
    """Artefacts on disk. Writing is atomic: an artefact is there as a whole or not at all, also after a kill -9 or
    when two runs write the same one (the first to finish wins; both hold the same content)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            (root / _PARTIAL).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"the store {str(root)!r} cannot be written: {error.strerror}. Choose another --store."
            raise UserError(message) from None

    def path(self, kind: str, key: str) -> Path:
        """Where the artefact is, or would be."""
        return self.root / kind / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artefact is there, whole."""
        return (self.path(kind, key) / META).is_file()

    def meta(self, kind: str, key: str) -> dict[str, Any]:
        """What was recorded when the artefact was made: `label`, `identity`, `inputs`, `versions`, and its cost."""
        return json.loads((self.path(kind, key) / META).read_text())  # type: ignore[no-any-return]

    @contextmanager
    def writing(self, kind: str, key: str, meta: dict[str, Any]) -> Iterator[Path]:
        """A folder to write into, which becomes the artefact when the block ends without an exception.

        `meta` is read at the end of the block, so that the block can add what it measured.
        """
        folder = self.root / _PARTIAL / f"{key}-{socket.gethostname()}-{os.getpid()}-{time.monotonic_ns()}"
        folder.mkdir()
        try:
            yield folder
            (folder / META).write_text(json.dumps(meta, indent=1, default=str))
            _commit(folder, self.path(kind, key))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def scratch(self, key: str) -> Iterator[Path | None]:
        """A folder that the next attempt at the same artefact finds again; it goes once the block ends well.

        None where another process is making the same artefact: a scratch folder is no place for two.
        """
        folder = self.root / _SCRATCH / key
        folder.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{key}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield None
                return
            yield folder
            shutil.rmtree(folder, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what stopped processes of this machine left half-written."""
        for folder in (self.root / _PARTIAL).iterdir():
            _, host, pid, _ = folder.name.rsplit("-", 3) if folder.name.count("-") >= 3 else ("", "", "0", "")
            if host == socket.gethostname() and not _alive(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)

    def metas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Kind and meta of every artefact that is there: what estimates are made from."""
        for file in sorted(self.root.glob(f"[!.]*/*/{META}")):
            yield file.parent.parent.name, json.loads(file.read_text())


def _commit(folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.rename(target)
    except OSError:
        if not (target / META).is_file():  # anything but "another run was first"
            raise


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
