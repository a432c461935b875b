"""Which artefacts of a store runs refer to: every run says so in the store, so that `store gc` leaves them there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.core.checksums import sealed, unsealed
from benchmark.core.graph import Stage
from benchmark.core.store import content_key
from benchmark.pipeline.matrix import Matrix

RUNS = ".runs"


@dataclass(frozen=True)
class Reference:
    """A run that a store knows of: its folder, the machine where that is, and artefacts as KIND/KEY."""

    out: str
    host: str
    artefacts: tuple[str, ...]


def refer(store: Path, out: Path, matrix: Matrix[Any, Any, Any]) -> None:
    """Record that the run in `out` refers to all that the cells of its matrix are made from."""
    stages: dict[str, Stage] = {}

    def visit(stage: Stage) -> None:
        if stage.key not in stages:
            stages[stage.key] = stage
            for parent in stage.inputs.values():
                visit(parent)

    for stage in matrix.stages():
        visit(stage)
    artefacts = tuple(sorted(f"{stage.kind}/{stage.key}" for stage in stages.values()))
    reference = Reference(str(out.resolve()), socket.gethostname(), artefacts)
    file = _file(store, out)
    file.parent.mkdir(exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(sealed(asdict(reference)))
    partial.rename(file)


def references(store: Path) -> Iterator[Reference]:
    """What the runs that used the store refer to.

    Raises:
        ValueError: a record cannot be read, so that nobody knows what it speaks for.
    """
    for file in sorted((store / RUNS).glob("*.json")):
        record = unsealed(file.read_text(errors="replace"))
        if record is None:
            raise ValueError(str(file))
        yield Reference(record["out"], record["host"], tuple(record["artefacts"]))


def known(store: Path, out: Path) -> bool:
    """Whether the store has a record of the run in `out`."""
    return _file(store, out).is_file()


def forget(store: Path, out: Path) -> None:
    """Remove the record of the run in `out`."""
    _file(store, out).unlink(missing_ok=True)


def _file(store: Path, out: Path) -> Path:
    return store / RUNS / f"{content_key({'out': str(out.resolve())})}.json"
