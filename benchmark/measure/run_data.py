"""Finished run folders: read, checked, and merged where several measured the same suite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from benchmark.errors import UserError

TEXT = ("prompt", "completion")  # large, and needed for a few rows only
COLUMNS = {
    "cells": ("cell_id", "suite", "method", "hparams", "train_shift", "seed", "status", "reason"),
    "samples": ("cell_id", "split", "step", "prompt_id", "sample", *TEXT, "quality", "kl", "length", "ended"),
    "results": ("suite", "method", "hparams", "train_shift", "seed", "eval_shift", "metric", "value", "n", "cell_id"),
}
COSTS = ("train_seconds", "step_seconds", "peak_memory_mb")
KEYS = ("suite", "suite_facts", "objectives", "reward_ranges", "eval_shifts")
STATUSES = ("done", "failed", "skipped")


@dataclass(frozen=True)
class SuiteRuns:
    """All runs of one suite as one.

    samples hold no texts (`texts` reads those); conflict is None where no run has reference pairs, curves where none
    has training curves; ranges and shifts are those of environment.json, with eval_shifts by training shift.
    """

    suite: str
    folders: tuple[Path, ...]
    cells: pd.DataFrame
    samples: pd.DataFrame
    results: pd.DataFrame
    conflict: pd.DataFrame | None
    environments: tuple[dict[str, Any], ...]
    objectives: tuple[str, ...]
    ranges: dict[str, tuple[float, float]]
    eval_shifts: dict[str, tuple[str, ...]]
    curves: pd.DataFrame | None = None  # training curves, one row per cell_id and step

    def texts(self, prompt_ids: Iterable[str]) -> pd.DataFrame:
        """Rows of samples.parquet with their texts, for some test prompts."""
        rule = [("prompt_id", "in", list(prompt_ids)), ("split", "==", "test")]
        tables = [pd.read_parquet(folder / "samples.parquet", filters=rule) for folder in self.folders]
        return pd.concat(tables, ignore_index=True).drop_duplicates(["cell_id", "step", "prompt_id", "sample"])


def load_runs(folders: Sequence[Path]) -> list[SuiteRuns]:
    """Read run folders and merge those of one suite, sorted by the suite's name.

    Raises:
        UserError: a folder is not a finished run (which file, column or value is wrong), or two runs of a suite differ
            in objectives, reward ranges or evaluation shifts (which).
    """
    if not folders:
        raise UserError("no run folder was given.")
    runs = [_load(Path(folder)) for folder in folders]
    suites = sorted({run.suite for run in runs})
    return [_merged([run for run in runs if run.suite == suite]) for suite in suites]


def _load(folder: Path) -> SuiteRuns:
    environment = _environment(folder)
    objectives = tuple(environment["objectives"])
    cells = _table(folder, "cells", COLUMNS["cells"]).copy()
    rewards = [prefix + objective for objective in objectives for prefix in ("", "gold_")]
    samples = _table(folder, "samples", (*COLUMNS["samples"], *rewards), leave_out=TEXT)
    _check_values(folder, cells, samples)
    for cost in COSTS:
        if cost not in cells:
            cells[cost] = float("nan")
    conflict = None
    if (folder / "conflict.parquet").is_file():
        sides = [f"{side}_{objective}" for side in ("first", "second") for objective in objectives]
        conflict = _table(folder, "conflict", ("train_shift", "seed", "first_chosen", *sides))
    return SuiteRuns(
        suite=environment["suite"],
        folders=(folder,),
        cells=cells,
        samples=samples,
        results=_table(folder, "results", COLUMNS["results"]),
        conflict=conflict,
        environments=(environment,),
        objectives=objectives,
        ranges={name: (float(low), float(high)) for name, (low, high) in environment["reward_ranges"].items()},
        eval_shifts={train: tuple(calls) for train, calls in environment["eval_shifts"].items()},
        curves=_table(folder, "curves", ("cell_id", "step")) if (folder / "curves.parquet").is_file() else None,
    )


def _environment(folder: Path) -> dict[str, Any]:
    path = folder / "environment.json"
    if not path.is_file():
        raise UserError(f"{str(folder)!r} is not a finished run: environment.json is missing.")
    try:
        environment = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{str(path)!r} is not JSON: {error}.") from None
    missing = [key for key in KEYS if key not in environment]
    if missing:
        raise UserError(f"{str(path)!r} lacks {', '.join(missing)}.")
    return dict(environment)


def _table(folder: Path, name: str, needed: Sequence[str], leave_out: Sequence[str] = ()) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise UserError(f"{str(folder)!r} is not a finished run: {path.name} is missing.")
    try:
        columns = pq.read_schema(path).names
        missing = [column for column in needed if column not in columns]
        if missing:
            raise UserError(f"{str(path)!r} lacks the columns {', '.join(missing)}.")
        dictionaries = [column for column in ("cell_id", "split", "prompt_id") if column in columns]
        table = pq.read_table(
            path,
            columns=[column for column in columns if column not in leave_out],
            read_dictionary=dictionaries if name == "samples" else None,
        )
    except (OSError, ValueError) as error:
        raise UserError(f"{str(path)!r} cannot be read as Parquet: {error}.") from None
    return table.to_pandas()


def _check_values(folder: Path, cells: pd.DataFrame, samples: pd.DataFrame) -> None:
    wrong = sorted(set(cells["status"]) - set(STATUSES))
    if wrong:
        raise UserError(f"{str(folder / 'cells.parquet')!r}: status {wrong[0]!r}; allowed: {', '.join(STATUSES)}.")
    seen = set(samples["cell_id"].unique())
    for cell in cells.loc[cells["status"] == "done", "cell_id"]:
        if cell not in seen:
            raise UserError(f"{str(folder)!r} is not a finished run: cell {cell} is done but has no samples.")


def _merged(runs: list[SuiteRuns]) -> SuiteRuns:
    first = runs[0]
    shifts: dict[str, tuple[str, ...]] = {}
    for run in runs:
        _check_alike(first, run, shifts)
        shifts |= run.eval_shifts
    # A cell that several runs hold counts once; one that is done wins over one that is not.
    cells = pd.concat([run.cells for run in runs], ignore_index=True)
    done_first = cells.assign(missing=cells["status"] != "done").sort_values("missing", kind="stable")
    cells = done_first.drop_duplicates(["cell_id", "train_shift"]).sort_index().drop(columns="missing")
    samples = _concat(
        [run.samples.astype(dict.fromkeys(("cell_id", "split", "prompt_id"), "category")) for run in runs],
        ["cell_id", "split", "step", "prompt_id", "sample"],
    )
    conflicts = [run.conflict for run in runs if run.conflict is not None]
    curves = [run.curves for run in runs if run.curves is not None]
    return SuiteRuns(
        suite=first.suite,
        folders=tuple(folder for run in runs for folder in run.folders),
        cells=cells.reset_index(drop=True),
        samples=samples,
        results=_concat([run.results for run in runs], ["cell_id", "train_shift", "eval_shift", "metric"]),
        conflict=_concat(conflicts, []) if conflicts else None,
        environments=tuple(environment for run in runs for environment in run.environments),
        objectives=first.objectives,
        ranges=first.ranges,
        eval_shifts=shifts,
        curves=_concat(curves, ["cell_id", "step"]) if curves else None,
    )


def _concat(tables: list[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    if len(tables) == 1:
        return tables[0]
    whole = pd.concat(tables, ignore_index=True)
    return whole.drop_duplicates(keys or None, ignore_index=True)


def _check_alike(first: SuiteRuns, other: SuiteRuns, shifts: dict[str, tuple[str, ...]]) -> None:
    """Raise where two runs of one suite cannot stand in one table."""
    differences = {"objectives": (first.objectives, other.objectives), "reward ranges": (first.ranges, other.ranges)}
    for train in set(shifts) & set(other.eval_shifts):
        differences[f"evaluation shifts of {train}"] = (shifts[train], other.eval_shifts[train])
    for what, (one, two) in differences.items():
        if one != two:
            raise UserError(
                f"runs of suite {first.suite!r} cannot be merged: {str(first.folders[0])!r} and "
                f"{str(other.folders[0])!r} differ in {what}: {one} and {two}."
            )
