"""The store: artefacts in folders named by a hash of everything that determines them, and of nothing else."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmark.core import locks
from benchmark.core.checksums import FILES, difference, manifest, sealed, unsealed
from benchmark.core.errors import UserError
from benchmark.core.locks import Owner
from benchmark.core.processes import started
from benchmark.core.room import watching_room

META = "artefact.json"
DAMAGED = "damaged"  # folder of what was set aside
_PARTIAL, _SCRATCH, _LOCKS = ".partial", ".scratch", ".locks"


def content_key(description: dict[str, Any]) -> str:
    """A hash of a JSON description, the same whatever the order of its keys."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Store:
    """Artefacts on disk. Writing is atomic: an artefact is there as a whole or not at all, also after a kill -9 or
    when two runs write the same one (the first to finish wins; both hold the same content).

    An artefact's record has the checksums of its files. One that lacks a file, or a part of one, counts as not there; a
    changed byte is seen by who asks (`fault`). Artefacts of programs that wrote no checksums are taken as they are.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._whole: set[tuple[str, str]] = set()  # seen to be: not looked at again
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
        if (kind, key) in self._whole:
            return True
        whole = (self.path(kind, key) / META).is_file() and self.fault(kind, key, most=None) is None
        if whole:
            self._whole.add((kind, key))
        return whole

    def meta(self, kind: str, key: str) -> dict[str, Any]:
        """What was recorded when the artefact was made: `label`, `identity`, `inputs`, `versions`, and its cost."""
        record = _record(self.path(kind, key))
        if record is None:
            raise FileNotFoundError(f"the record of {kind}/{key} cannot be read")
        return record

    def fault(self, kind: str, key: str, most: float | None = math.inf) -> str | None:
        """What is wrong with an artefact whose folder is there, in words; None: nothing.

        Args:
            kind: of its stage.
            key: its name.
            most: bytes of the largest file whose content is held against its checksum; None: lengths alone are.
        """
        folder = self.path(kind, key)
        record = _record(folder)
        if record is None:
            return f"{META} cannot be read" if (folder / META).is_file() else f"{META} is missing"
        return difference(folder, record.get(FILES, {}), most)

    def set_aside(self, kind: str, key: str) -> Path:
        """Move a damaged artefact to where nothing uses it; returns where. What made it may then run again."""
        self._whole.discard((kind, key))
        place = self.root / DAMAGED / kind / f"{key}-{time.strftime('%Y%m%d-%H%M%S')}-{time.monotonic_ns() % 10**6:06}"
        place.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # another run was first
            self.path(kind, key).rename(place)
        return place

    @contextmanager
    def writing(self, kind: str, key: str, meta: dict[str, Any]) -> Iterator[Path]:
        """A folder to write into, which becomes the artefact when the block ends without an exception.

        `meta` is read at the end of the block, so that the block can add what it measured.

        Raises:
            NoRoom: the disk is full.
        """
        with self.receiving(kind, key) as folder:
            yield folder
            (folder / META).write_text(sealed({**meta, FILES: manifest(folder)}))

    @contextmanager
    def receiving(self, kind: str, key: str) -> Iterator[Path]:
        """The same for an artefact that brings its record along, from another store."""
        folder = self.root / _PARTIAL / self._name_of_own(key)
        try:
            with watching_room(self.root):
                folder.mkdir()
                yield folder
                self._commit(folder, kind, key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _commit(self, folder: Path, kind: str, key: str) -> None:
        target = self.path(kind, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not self.has(kind, key):
            self.set_aside(kind, key)
        try:
            folder.rename(target)
        except OSError:
            if not self.has(kind, key):  # anything but "another run was first"
                raise

    def making(self, key: str) -> AbstractContextManager[Owner | None]:
        """The right to make an artefact, for the block; or the living process that has it."""
        return locks.claimed(self.root / _LOCKS / key)

    @contextmanager
    def scratch(self, key: str) -> Iterator[Path]:
        """A folder that the next attempt at the same artefact finds again; it goes once the block ends well. For
        whoever is `making` the artefact alone."""
        folder = self.root / _SCRATCH / key
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what stopped processes left: of this machine's what is half-written, of all the locks."""
        for folder in (self.root / _PARTIAL).iterdir():
            _, host, pid, _ = folder.name.rsplit("-", 3) if folder.name.count("-") >= 3 else ("", "", "0", "")
            if host == socket.gethostname() and started(int(pid)) is None:
                shutil.rmtree(folder, ignore_errors=True)
        locks.sweep(self.root / _LOCKS)
        for lock in (self.root / _SCRATCH).glob("*.lock"):  # as programs before this one left them
            lock.unlink(missing_ok=True)

    def left_over(self) -> list[Path]:
        """Folders that no run will use: of damaged artefacts, and of stopped stages that nobody is making now."""
        damaged = [folder for kind in _folders(self.root / DAMAGED) for folder in _folders(kind)]
        making = {file.name for file in (self.root / _LOCKS).glob("*")}
        return [*damaged, *(folder for folder in _folders(self.root / _SCRATCH) if folder.name not in making)]

    def remove(self, folder: Path) -> None:
        """Remove a folder of the store: at once from where it is looked for, then from the disk."""
        place = self.root / _PARTIAL / self._name_of_own(folder.name)
        with suppress(FileNotFoundError):  # another process was first
            folder.rename(place)
        shutil.rmtree(place, ignore_errors=True)

    @staticmethod
    def _name_of_own(key: str) -> str:
        """A name that says which process made a folder, for `sweep`."""
        return f"{key}-{socket.gethostname()}-{os.getpid()}-{time.monotonic_ns()}"

    def artefacts(self) -> Iterator[tuple[str, str]]:
        """Kind and key of every artefact, whole or not."""
        for kind in sorted(folder.name for folder in os.scandir(self.root) if folder.is_dir()):
            if not kind.startswith(".") and kind != DAMAGED:
                yield from ((kind, name) for name in sorted(entry.name for entry in os.scandir(self.root / kind)))

    def metas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Kind and meta of every artefact that has one: what estimates are made from."""
        for kind, key in self.artefacts():
            record = _record(self.path(kind, key))
            if record is not None:
                yield kind, record


def _folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []


def _record(folder: Path) -> dict[str, Any] | None:
    try:
        return unsealed((folder / META).read_text())
    except (OSError, UnicodeDecodeError):
        return None
