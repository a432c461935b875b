"""The upkeep of a store: what it holds, whether that is as it was written, and what no run refers to any more."""

from __future__ import annotations

import os
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.checksums import FILES
from benchmark.core.errors import UserError
from benchmark.core.store import META, Store
from benchmark.pipeline.references import Reference, references

LEFT_OVER = "left over"  # of stopped stages and of what was set aside, in place of a kind


@dataclass(frozen=True)
class Kind:
    """Artefacts of one kind: how many there are, and how many of them a run refers to."""

    name: str
    artefacts: int
    referred: int


@dataclass(frozen=True)
class Artefact:
    """One artefact. made: in seconds of the epoch; sealed: whether it has checksums; runs: how many refer to it."""

    key: str
    label: str
    made: float
    bytes: int
    sealed: bool
    runs: int


@dataclass(frozen=True)
class Garbage:
    """A folder that no run refers to. kind: of an artefact, or `LEFT_OVER`."""

    kind: str
    folder: Path
    bytes: int


def opened(root: Path) -> Store:
    """The store in a folder, which must be there."""
    if not root.is_dir():
        raise UserError(f"there is no store in {str(root)!r}. Give its folder as --store.")
    return Store(root)


def kinds(store: Store) -> list[Kind]:
    """What the store holds, counted; no artefact is opened."""
    referred, found = _referred(store), defaultdict[str, list[int]](lambda: [0, 0])
    for kind, key in store.artefacts():
        counts = found[kind]
        counts[0] += 1
        counts[1] += f"{kind}/{key}" in referred
    return [Kind(name, *counts) for name, counts in found.items()]


def artefacts(store: Store, kind: str) -> list[Artefact]:
    """Those of one kind, the newest first."""
    referred = _referred(store)
    found = []
    for other, key in store.artefacts():
        if other == kind and store.has(kind, key):
            meta, file = store.meta(kind, key), store.path(kind, key) / META
            runs = referred.get(f"{kind}/{key}", 0)
            size = bytes_in(store.path(kind, key))
            found.append(Artefact(key, str(meta.get("label", "")), file.stat().st_mtime, size, FILES in meta, runs))
    return sorted(found, key=lambda artefact: -artefact.made)


def faults(store: Store, progress: Callable[[int], object]) -> Iterator[tuple[str, str, str]]:
    """Kind, key and fault of every artefact that is not as it was written; `progress` is told how many were read."""
    for done, (kind, key) in enumerate(store.artefacts()):
        fault = store.fault(kind, key)
        progress(done + 1)
        if fault is not None:
            yield kind, key, fault


def without_checksums(store: Store) -> int:
    """How many artefacts were made by a program that wrote none, so that nothing can be said of them."""
    return sum(FILES not in meta for _, meta in store.metas())


def gone(store: Store) -> list[Reference]:
    """Runs of this machine whose folders are not there."""
    here = socket.gethostname()
    known = _all_references(store)
    return [run for run in known if run.host == here and not (Path(run.out) / "environment.json").is_file()]


def garbage(store: Store, old_too: bool, without: Sequence[Path] = ()) -> list[Garbage]:
    """What no run refers to, and what stopped stages and damage left.

    Args:
        store: its records of runs say what is referred to, also where a run's folder is not there.
        old_too: artefacts without checksums as well: the programs that made them did not record their runs.
        without: folders of runs that count as if the store did not know of them.
    """
    referred, found = _referred(store, without), []
    for kind, key in store.artefacts():
        folder = store.path(kind, key)
        if f"{kind}/{key}" in referred:
            continue
        if old_too or not store.has(kind, key) or FILES in store.meta(kind, key):
            found.append(Garbage(kind, folder, bytes_in(folder)))
    return [*found, *(Garbage(LEFT_OVER, folder, bytes_in(folder)) for folder in store.left_over())]


def bytes_in(folder: Path) -> int:
    """Of all files below a folder."""
    return sum(
        os.stat(os.path.join(place, name), follow_symlinks=False).st_size
        for place, _, names in os.walk(folder)
        for name in names
    )


def _referred(store: Store, without: Sequence[Path] = ()) -> dict[str, int]:
    """How many runs refer to an artefact, by KIND/KEY."""
    counts, forgotten = defaultdict[str, int](int), {str(out.resolve()) for out in without}
    for run in _all_references(store):
        for name in run.artefacts if run.out not in forgotten else ():
            counts[name] += 1
    return counts


def _all_references(store: Store) -> Sequence[Reference]:
    try:
        return list(references(store.root))
    except ValueError as error:
        raise UserError(
            f"the record of a run cannot be read: {str(error)!r}. Give the run's command again, which writes it anew, "
            "or remove the file, so that nothing is kept for that run."
        ) from None
