"""What the tables of every run have in common: who a cell is, what became of it, and how a file is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from benchmark.core.store import Store
from benchmark.pipeline.execute.base import Outcome
from benchmark.pipeline.matrix import Cell

IDENTITY_COLUMNS = ("suite", "method", "hparams", "train_shift", "seed")
RESULT_COLUMNS = [*IDENTITY_COLUMNS, "eval_shift", "metric", "value", "n", "cell_id"]

Status = Literal["done", "failed", "skipped"]


def identity(cell: Cell[Any, Any]) -> dict[str, Any]:
    """The columns that say which cell a row belongs to."""
    return {
        "suite": cell.suite,
        "method": cell.name,
        "hparams": json.dumps(cell.hparams),
        "train_shift": str(cell.train_shift),
        "seed": cell.seed,
        "cell_id": cell.cell_id,
    }


def status(cell: Cell[Any, Any], outcome: Outcome, store: Store) -> tuple[Status, str]:
    """What became of a cell, and why it is not done."""
    if cell.result is None:
        return "skipped", cell.skipped
    if not cell.result.done(store):
        return "failed", outcome.failed.get(cell.result.key, "not run")
    return "done", ""


def stage_costs(cell: Cell[Any, Any], store: Store) -> dict[str, Any]:
    """seconds_STAGE and peak_memory_mb_STAGE of every finished stage; versions: of packages, as the last saw them."""
    costs: dict[str, Any] = {}
    for name, stage in cell.stages.items():
        if stage.done(store):
            meta = store.meta(stage.kind, stage.key)
            costs[f"seconds_{name}"] = meta["seconds"]
            costs[f"peak_memory_mb_{name}"] = meta["peak_memory_mb"]
            costs["versions"] = json.dumps(meta["versions"])
    return costs


def write_frame(frame: pd.DataFrame, file: Path) -> None:
    """Write beside, then rename: a reader never sees half a file."""
    partial = file.with_suffix(".partial")
    frame.to_parquet(partial, index=False, compression="zstd")
    partial.rename(file)
