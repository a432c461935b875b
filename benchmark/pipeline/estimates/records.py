"""What finished stages took, as a store remembers it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmark.core.store import Store
from benchmark.core.work import Work
from benchmark.pipeline.estimates.devices import CPU

MODULE_SECONDS = 1.3e-3  # of importing one module; measured over torch, transformers and TRL
MOST_IMPORTS = 0.8  # share of a stage's time that imports can have been


@dataclass(frozen=True)
class Record:
    """One finished stage. seconds: what it took without the imports that it happened to pay for; bytes: on disk."""

    kind: str
    label: str
    suite: str
    device: str
    work: Work
    seconds: float
    bytes: float


def read_records(store: Store) -> list[Record]:
    """Of all artefacts whose work was recorded beside their time."""
    return list(_records(store))


def _records(store: Store) -> Iterator[Record]:
    for kind, meta in store.metas():
        if meta.get("work") is None:
            continue
        work = Work(**meta["work"])
        yield Record(kind, meta["label"], meta["suite"], meta["device"], work, spent(meta), float(meta["bytes"]))


def spent(meta: dict[str, object]) -> float:
    """Seconds that a stage took: of its processor on a CPU, since other programs lengthen the time on the clock and not
    the work; on the clock where a GPU works. Imports are taken off."""
    total = float(meta["cpu_seconds" if meta["device"] == CPU else "seconds"])  # type: ignore[arg-type]
    imports = float(meta["modules"]) * MODULE_SECONDS  # type: ignore[arg-type]
    return total - min(imports, MOST_IMPORTS * total)
