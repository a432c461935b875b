"""environment.json: what a run was made with, and from which a later one on the same folder goes on."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.core.checksums import FILES, checksum, difference, sealed
from benchmark.core.errors import UserError
from benchmark.core.plugins import Plugin
from benchmark.core.store import Store
from benchmark.measure.runs.record import ENVIRONMENT, read_record
from benchmark.pipeline.config import RunConfig
from benchmark.pipeline.execute.base import Outcome
from benchmark.pipeline.kind import SuiteKind
from benchmark.pipeline.matrix import CellCall, Matrix
from benchmark.pipeline.options import RunOptions
from benchmark.pipeline.provenance import arithmetics, code_versions, provenance
from benchmark.suites.common import suite_code

ABSENT = object()
ROOT = Path(__file__).resolve().parents[2]
MAKES_TABLES = (
    "benchmark/measure",
    "benchmark/report",
    "benchmark/studies",
    "benchmark/pipeline",
    "leaderboard",
    "shifts",
)


def read_environment(out: Path) -> dict[str, Any] | None:
    """What is recorded about the run in `out`, or None where there is none.

    Raises:
        UserError: the file cannot be read, or is not as a run wrote it.
    """
    return read_record(out) if (out / ENVIRONMENT).exists() else None


def environment_of(
    kind: SuiteKind[Any], config: RunConfig, options: RunOptions, matrix: Matrix[Any, Any, Any]
) -> dict[str, Any]:
    """The record of a run whose tables are still to be made, as JSON. Commands are added to those of earlier runs on
    the folder; the contributor stays where none is given."""
    earlier = read_environment(options.out) or {}
    here = provenance()
    parts = {type(part) for cell in matrix.cells for part in (cell.method, cell.train_shift)}
    plugins: list[type[Any]] = [cls for cls in parts if issubclass(cls, Plugin)]
    plugins += [type(matrix.suite)] if suite_code(type(matrix.suite)) else []
    return {
        **here,
        "commands": list(dict.fromkeys([*earlier.get("commands", []), here["command"]])),
        "suite": matrix.suite.name,
        "kind": kind.name,
        "preset": config.preset,
        "suite_facts": matrix.suite.describe(),
        **kind.facts(config, matrix),
        "seeds": sorted({cell.seed for cell in matrix.cells}),
        "plugins": [str(plugin) for plugin in options.plugins],
        "contributor": options.contributor or earlier.get("contributor", ""),
        "code": {**code_versions(plugins), **kind.code(matrix)},
        "config": fixed_settings(config, options.backend),
        "cells": [dict(zip(("method", "train_shift", "seed"), cell.call, strict=True)) for cell in matrix.cells],
        "numerics": arithmetics(matrix.stages(), Store(options.store)),
        "signature": "",
        FILES: {},
    }


def write_environment(folder: Path, environment: Mapping[str, Any]) -> None:
    """Write environment.json, as a whole or not at all."""
    partial = folder / f"{ENVIRONMENT}.partial"
    partial.write_text(sealed(environment))
    partial.rename(folder / ENVIRONMENT)


def finished(environment: Mapping[str, Any], folder: Path, files: Sequence[str]) -> dict[str, Any]:
    """The record of a run whose files are in a folder: with their lengths and checksums."""
    made = {name: [(folder / name).stat().st_size, checksum(folder / name)] for name in files}
    return {**environment, FILES: made}


def earlier_cells(config: RunConfig, options: RunOptions) -> list[CellCall]:
    """The cells that `out` holds already.

    Raises:
        UserError: it holds a run with other settings.
    """
    earlier = read_environment(options.out)
    if earlier is None:
        return []
    if not {"config", "cells"} <= earlier.keys():
        raise UserError(f"{str(options.out / ENVIRONMENT)!r} is not the record of a run. Choose another --out.")
    different = list(_differences(earlier["config"], fixed_settings(config, options.backend)))
    if different:
        raise UserError(
            f"{str(options.out)!r} holds a run with other settings ({'; '.join(different)}). Choose another --out. "
            f"On the same one, only these can be added to: {', '.join(sorted(config.grows))}."
        )
    return [(cell["method"], cell["train_shift"], cell["seed"]) for cell in earlier["cells"]]


def fixed_settings(config: RunConfig, backend: str) -> dict[str, Any]:
    """What must not change between two runs on the same folder, as JSON."""
    return dict(
        json.loads(json.dumps({**config.model_dump(exclude={*config.grows, *config.free}), "backend": backend}))
    )


def _differences(there: Any, here: Any, key: str = "") -> Iterator[str]:
    """Every single setting that differs, such as `training.learning_rate: 0.0005 there, 0.001 here`."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for name in {**here, **there}:
            yield from _differences(there.get(name, ABSENT), here.get(name, ABSENT), f"{key}.{name}" if key else name)
    elif isinstance(there, list) and isinstance(here, list):
        for number in range(max(len(there), len(here))):
            one, two = (items[number] if number < len(items) else ABSENT for items in (there, here))
            yield from _differences(one, two, f"{key}[{number}]")
    elif there != here:
        yield f"{key}: {_shown(there)} there, {_shown(here)} here"


def _shown(value: Any) -> str:
    return "not set" if value is ABSENT else repr(value)


def signature_of(matrix: Matrix[Any, Any, Any], outcome: Outcome) -> str:
    """Changes when a cell, its state, what stands beside it, an evaluation shift or the code of tables, measurement or
    page does."""
    digest = hashlib.sha256()
    for cell in matrix.cells:
        beside = " ".join(stage.key for stage in cell.beside.values())
        digest.update(f"{cell.cell_id} {cell.skipped} {beside}".encode())
    for key, reason in sorted(outcome.failed.items()):
        digest.update(f"{key} {reason}".encode())
    digest.update(str([[str(s), *map(str, points)] for s, points in matrix.evaluation.items()]).encode())
    for folder in MAKES_TABLES:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.read_bytes())
    return digest.hexdigest()


def up_to_date(out: Path, signature: str, files: Sequence[str]) -> bool:
    """Whether `out` holds all the files as they were written, made from what the signature stands for."""
    environment = read_environment(out) or {}
    made = environment.get(FILES, {})
    return environment.get("signature") == signature and set(files) <= set(made) and not difference(out, made, math.inf)
