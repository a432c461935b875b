"""From finished stages of a text suite to the files of a run: cells, samples, results, pair rewards, curves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmark.core.data import read_table
from benchmark.core.graph import Progress
from benchmark.core.store import Store
from benchmark.measure.records.across import cross_cell_records
from benchmark.measure.records.metrics import MetricRecord, cell_records
from benchmark.pipeline.execute.base import Outcome
from benchmark.pipeline.tables import RESULT_COLUMNS, Status, identity, stage_costs, status, write_frame
from benchmark.pipeline.text.builder import TextCell, TextMatrix
from benchmark.pipeline.text.probes import probe_records
from benchmark.pipeline.text.stages import CHECKS, COST, CURVE, PAIR_REWARDS, SAMPLES
from benchmark.pipeline.text.task_scores import task_records
from benchmark.suites.generated import GeneratedSuite

FIRST_PAIRS = 2048  # pairs per seed that pair_rewards.parquet holds
COSTS = ("train_seconds", "step_seconds", "peak_memory_mb")


@dataclass(frozen=True)
class CellResult:
    """What became of one cell; `samples` is None unless it is done."""

    cell: TextCell
    status: Status
    reason: str
    samples: pd.DataFrame | None
    cost: dict[str, float]


def write_tables(matrix: TextMatrix, outcome: Outcome, store: Store, out: Path, progress: Progress) -> None:
    """Write cells, samples, results, pair_rewards and curves (what training recorded, per step) .parquet into `out`."""
    results = [_read(cell, outcome, store) for cell in matrix.cells]
    records: list[dict[str, Any]] = []
    for done, result in enumerate(results):
        if result.samples is not None:
            records += _records(matrix, result, results, store)
        progress(done + 1, len(results))
    write_frame(pd.DataFrame([_cell_row(result, store) for result in results]), out / "cells.parquet")
    write_frame(_samples(results, matrix.suite.objectives), out / "samples.parquet")
    numbers = pd.DataFrame(records, columns=RESULT_COLUMNS)
    write_frame(pd.concat([numbers, cross_cell_records(numbers)], ignore_index=True), out / "results.parquet")
    write_frame(_pair_rewards(matrix, store), out / "pair_rewards.parquet")
    write_frame(_curves(results, store), out / "curves.parquet")


def _read(cell: TextCell, outcome: Outcome, store: Store) -> CellResult:
    became, reason = status(cell, outcome, store)
    if became != "done" or cell.result is None:
        return CellResult(cell, became, reason, None, {})
    samples = pd.DataFrame(read_table(cell.result.folder(store) / SAMPLES))
    cost: dict[str, float] = {}
    if "trained_policy" in cell.stages:
        file = cell.stages["trained_policy"].folder(store) / COST
        cost = json.loads(file.read_text()) if file.exists() else {}
    return CellResult(cell, "done", "", samples, cost)


def _cell_row(result: CellResult, store: Store) -> dict[str, Any]:
    cost = {name: result.cost.get(name, np.nan) for name in COSTS}
    state = {"status": result.status, "reason": result.reason, **result.cell.facts}
    stages = {"versions": "", **stage_costs(result.cell, store)}
    pairs, broken = _training_pairs(result.cell, store), _broken_checks(result.cell, store)
    return {**identity(result.cell), **state, **cost, **stages, "pairs": pairs, "broken_checks": broken}


def _broken_checks(cell: TextCell, store: Store) -> str:
    """Checks of the contract that the method fails, as JSON; "" where they were not made."""
    checks = cell.beside.get("contract")
    if checks is None or not checks.done(store):
        return ""
    return json.dumps(json.loads((checks.folder(store) / CHECKS).read_text())["failed"])


def _training_pairs(cell: TextCell, store: Store) -> float:
    """Number of pairs that the cell trains on; NaN where it trains on none, or they are not made."""
    pairs = cell.stages.get("pairs")
    if pairs is None or not pairs.done(store):
        return float("nan")
    return float(pq.read_metadata(pairs.folder(store) / PAIR_REWARDS).num_rows)


def _records(matrix: TextMatrix, result: CellResult, results: list[CellResult], store: Store) -> list[dict[str, Any]]:
    cell = result.cell
    assert result.samples is not None
    reference = next(
        (r.samples for r in results if r.samples is not None and _is_reference(r.cell) and r.cell.seed == cell.seed),
        result.samples.iloc[:0],
    )
    evaluated = matrix.evaluation[cell.train_shift]
    ranges, own_texts = matrix.suite.reward_ranges(), isinstance(matrix.suite, GeneratedSuite)
    records = cell_records(result.samples, cell.train_shift, evaluated, ranges, reference, own_texts)
    records += [*probe_records(matrix, cell, store), *_cost_records(result), *task_records(cell, store)]
    return [{**identity(cell), **record.row()} for record in records]


def _is_reference(cell: TextCell) -> bool:
    """Whether the cell is the untouched reference, each completion its only candidate."""
    return not cell.method.trains and cell.method.candidates is None


def _cost_records(result: CellResult) -> list[MetricRecord]:
    return [MetricRecord("", name, float(result.cost[name]), 1) for name in COSTS if name in result.cost]


def _samples(results: list[CellResult], objectives: Sequence[str]) -> pd.DataFrame:
    frames = [r.samples.assign(cell_id=r.cell.cell_id) for r in results if r.samples is not None]
    if not frames:  # every cell failed: the page that says so needs the columns all the same
        text, numbers = ("cell_id", "split", "prompt_id", "prompt", "completion"), ("kl", "length", *objectives)
        types = {**dict.fromkeys(text, "str"), "step": "int64", "sample": "int64", "quality": "bool", "ended": "bool"}
        types |= dict.fromkeys((*numbers, *(f"gold_{name}" for name in objectives)), "float64")
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})
    joined = pd.concat(frames, ignore_index=True)
    return joined[["cell_id", *(name for name in joined.columns if name != "cell_id")]]


def _pair_rewards(matrix: TextMatrix, store: Store) -> pd.DataFrame:
    """Rewards of both sides of training pairs, and which was chosen, per training shift and seed."""
    frames: dict[tuple[str, int], pd.DataFrame] = {}
    for cell in matrix.cells:
        pairs = cell.stages.get("pairs")
        arena = str(cell.train_shift), cell.seed
        if pairs is None or arena in frames or not pairs.done(store) or _trains_elsewhere(cell):
            continue
        first = pd.DataFrame(read_table(pairs.folder(store) / PAIR_REWARDS)).head(FIRST_PAIRS)
        frames[arena] = first.assign(train_shift=arena[0], seed=arena[1])
    if not frames:  # nothing was trained on its own labels, as in a run of the reference alone
        sides = {f"{side}_{name}": "float64" for side in ("first", "second") for name in matrix.suite.objectives}
        types = {**sides, "first_chosen": "bool", "train_shift": "str", "seed": "int64"}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})
    return pd.concat(frames.values(), ignore_index=True)


def _curves(results: list[CellResult], store: Store) -> pd.DataFrame:
    """Training curves of all done cells, one row per optimiser step; a column that a cell lacks is NaN there."""
    frames = []
    for result in results:
        trained = result.cell.stages.get("trained_policy")
        if result.status == "done" and trained is not None and (file := trained.folder(store) / CURVE).exists():
            frames.append(pd.read_parquet(file).assign(cell_id=result.cell.cell_id))
    if not frames:
        return pd.DataFrame({"cell_id": pd.Series(dtype="str"), "step": pd.Series(dtype="float64")})
    return pd.concat(frames, ignore_index=True)


def _trains_elsewhere(cell: TextCell) -> bool:
    return bool(cell.method.training_shift(cell.train_shift) != cell.train_shift)
