"""From finished stages to the files of a run: cells, samples, results, conflict."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmark.core.data import read_table
from benchmark.core.graph import Stage
from benchmark.core.store import Store
from benchmark.measure.records.across import cross_cell_records
from benchmark.measure.records.metrics import MetricRecord, cell_records, gradient_ratios, preference_accuracy
from benchmark.pipeline.execute.base import Outcome
from benchmark.pipeline.matrix import Cell, Matrix
from shifts.base import Rewards

FIRST_PAIRS = 2048  # pairs per seed from which conflict is measured


@dataclass(frozen=True)
class CellResult:
    """What became of one cell; `samples` is None unless it is done."""

    cell: Cell
    status: str
    reason: str
    samples: pd.DataFrame | None
    cost: dict[str, float]


def collect(matrix: Matrix, outcome: Outcome, store: Store, out: Path, progress: Callable[[int, int], None]) -> None:
    """Write cells, samples, results, conflict and curves (what training recorded, per step) .parquet into `out`."""
    results = [_read(cell, outcome, store) for cell in matrix.cells]
    records: list[dict[str, Any]] = []
    for done, result in enumerate(results):
        if result.samples is not None:
            records += _records(matrix, result, results, store)
        progress(done + 1, len(results))
    _write(pd.DataFrame([_cell_row(result, store) for result in results]), out / "cells.parquet")
    _write(_samples(results, matrix.suite.objectives), out / "samples.parquet")
    numbers = pd.DataFrame(records, columns=RESULT_COLUMNS)
    _write(pd.concat([numbers, cross_cell_records(numbers)], ignore_index=True), out / "results.parquet")
    _write(_conflict(matrix, store), out / "conflict.parquet")
    _write(_curves(results, store), out / "curves.parquet")


RESULT_COLUMNS = [
    "suite", "method", "hparams", "train_shift", "seed", "eval_shift", "metric", "value", "n", "cell_id"
]  # fmt: skip


def _read(cell: Cell, outcome: Outcome, store: Store) -> CellResult:
    if cell.skipped:
        return CellResult(cell, "skipped", cell.skipped, None, {})
    result = cell.stages["scored_generations"]
    if not result.done(store):
        return CellResult(cell, "failed", outcome.failed.get(result.key, "not run"), None, {})
    samples = pd.DataFrame(read_table(result.folder(store) / "samples.parquet"))
    cost: dict[str, float] = {}
    if "trained_policy" in cell.stages:
        file = cell.stages["trained_policy"].folder(store) / "cost.json"
        cost = json.loads(file.read_text()) if file.exists() else {}
    return CellResult(cell, "done", "", samples, cost)


def _identity(cell: Cell) -> dict[str, Any]:
    return {
        "suite": cell.suite,
        "method": cell.method.name,
        "hparams": json.dumps(cell.method.hparams()),
        "train_shift": str(cell.train_shift),
        "seed": cell.seed,
        "cell_id": cell.cell_id,
    }


def _cell_row(result: CellResult, store: Store) -> dict[str, Any]:
    seconds, versions = {}, ""
    for name, stage in result.cell.stages.items():
        if stage.done(store):
            meta = store.meta(stage.kind, stage.key)
            seconds[f"seconds_{name}"] = meta["seconds"]
            seconds[f"peak_memory_mb_{name}"] = meta["peak_memory_mb"]
            versions = json.dumps(meta["versions"])
    cost = {name: result.cost.get(name, np.nan) for name in ("train_seconds", "step_seconds", "peak_memory_mb")}
    status = {"status": result.status, "reason": result.reason, "policy_seed": result.cell.policy_seed}
    made = {"pairs": _training_pairs(result.cell, store), "versions": versions}
    return {**_identity(result.cell), **status, **cost, **seconds, **made}


def _training_pairs(cell: Cell, store: Store) -> float:
    """Number of pairs that the cell trains on; NaN where it trains on none, or they are not made."""
    pairs = cell.stages.get("pairs")
    if pairs is None or not pairs.done(store):
        return float("nan")
    return float(pq.read_metadata(pairs.folder(store) / "rewards.parquet").num_rows)


def _records(matrix: Matrix, result: CellResult, results: list[CellResult], store: Store) -> list[dict[str, Any]]:
    cell = result.cell
    assert result.samples is not None
    reference = next(
        (r.samples for r in results if r.samples is not None and _is_reference(r.cell) and r.cell.seed == cell.seed),
        result.samples.iloc[:0],
    )
    evaluated = matrix.evaluation[cell.train_shift]
    found = cell_records(result.samples, cell.train_shift, evaluated, matrix.suite.reward_ranges(), reference)
    found += _probe_records(matrix, cell, store) + _cost_records(result)
    return [{**_identity(cell), **record.row()} for record in found]


def _is_reference(cell: Cell) -> bool:
    """Whether the cell is the untouched reference, each completion its only candidate."""
    return not cell.method.trains and cell.method.candidates is None


def _probe_records(matrix: Matrix, cell: Cell, store: Store) -> list[MetricRecord]:
    """Log-probability changes at every checkpoint, and the accuracy on held-out pairs at the last; none where the
    policy's probabilities are not known."""
    file = cell.stages["scored_generations"].folder(store) / "probes.parquet"
    if not file.exists():
        return []
    probes = pd.DataFrame(read_table(file))
    last = probes["step"].max()
    records = []
    for (kind, step), part in probes.groupby(["kind", "step"]):
        records += _at(f"logp_{kind}", step, last, float(part["change"].mean()), len(part))
    if "reference_logps" in cell.stages:
        before = pd.DataFrame(read_table(cell.stages["reference_logps"].folder(store) / "logps.parquet"))
        for step, ratios in gradient_ratios(probes, before).items():
            records += _at("gradient_ratio", step, last, float(ratios.mean()), len(ratios))
    if not cell.method.trains:
        return records  # the reference's implicit reward is 0 everywhere: it orders nothing
    change = probes[(probes["kind"] == "heldout") & (probes["step"] == last)].sort_values("row")["change"].to_numpy()
    from benchmark.pipeline.evaluation import heldout_scores

    rewards = heldout_scores(cell.stages["heldout_scores"].folder(store))
    for shift in matrix.evaluation[cell.train_shift]:
        utility = shift.utility(Rewards({name: rewards[name] for name in shift.objectives}))
        accuracy = preference_accuracy(change[0::2], change[1::2], utility[0::2], utility[1::2])
        records.append(MetricRecord(str(shift), "preference_accuracy", accuracy, len(change) // 2))
    return records


def _at(metric: str, step: Any, last: Any, value: float, n: int) -> list[MetricRecord]:
    """A number of one checkpoint, which of the last one goes by its plain name too."""
    names = (f"{metric}@{step}", metric) if step == last else (f"{metric}@{step}",)
    return [MetricRecord("", name, value, n) for name in names]


def _cost_records(result: CellResult) -> list[MetricRecord]:
    names = ("train_seconds", "step_seconds", "peak_memory_mb")
    return [MetricRecord("", name, float(result.cost[name]), 1) for name in names if name in result.cost]


def _samples(results: list[CellResult], objectives: Sequence[str]) -> pd.DataFrame:
    frames = [r.samples.assign(cell_id=r.cell.cell_id) for r in results if r.samples is not None]
    if not frames:  # every cell failed: the page that says so needs the columns all the same
        text, numbers = ("cell_id", "split", "prompt_id", "prompt", "completion"), ("kl", "length", *objectives)
        types = {**dict.fromkeys(text, "str"), "step": "int64", "sample": "int64", "quality": "bool", "ended": "bool"}
        types |= dict.fromkeys((*numbers, *(f"gold_{name}" for name in objectives)), "float64")
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})
    joined = pd.concat(frames, ignore_index=True)
    return joined[["cell_id", *(name for name in joined.columns if name != "cell_id")]]


def _conflict(matrix: Matrix, store: Store) -> pd.DataFrame:
    """Rewards of both sides of training pairs, and which was chosen, per training shift and seed."""
    frames, seen = [], set[tuple[str, int]]()
    for cell in matrix.cells:
        pairs: Stage | None = cell.stages.get("pairs")
        place = (str(cell.train_shift), cell.seed)
        if pairs is None or place in seen or not pairs.done(store) or _trains_elsewhere(cell):
            continue
        seen.add(place)
        frame = pd.DataFrame(read_table(pairs.folder(store) / "rewards.parquet")).head(FIRST_PAIRS)
        frames.append(frame.assign(train_shift=place[0], seed=place[1]))
    if not frames:  # nothing was trained on its own labels, as in a run of the reference alone
        sides = {f"{side}_{name}": "float64" for side in ("first", "second") for name in matrix.suite.objectives}
        types = {**sides, "first_chosen": "bool", "train_shift": "str", "seed": "int64"}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})
    return pd.concat(frames, ignore_index=True)


def _curves(results: list[CellResult], store: Store) -> pd.DataFrame:
    """Training curves of all done cells, one row per optimiser step; a column that a cell lacks is NaN there."""
    frames = []
    for result in results:
        trained = result.cell.stages.get("trained_policy")
        if (
            result.status == "done"
            and trained is not None
            and (file := trained.folder(store) / "curve.parquet").exists()
        ):
            frames.append(pd.read_parquet(file).assign(cell_id=result.cell.cell_id))
    if not frames:
        return pd.DataFrame({"cell_id": pd.Series(dtype="str"), "step": pd.Series(dtype="float64")})
    return pd.concat(frames, ignore_index=True)


def _trains_elsewhere(cell: Cell) -> bool:
    return bool(cell.method.training_shift(cell.train_shift) != cell.train_shift)


def _write(frame: pd.DataFrame, file: Path) -> None:
    """Write beside, then rename: a reader never sees half a file."""
    partial = file.with_suffix(".partial")
    frame.to_parquet(partial, index=False, compression="zstd")
    partial.rename(file)
