"""Finished run folders: read, checked, and merged where several measured the same suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmark.core.errors import UserError
from benchmark.measure.runs import draws, merging
from benchmark.measure.runs.draws import Draw
from benchmark.measure.runs.record import ENVIRONMENT, check_tables, read_record
from benchmark.report import Caveat, Repeats

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

    samples hold no texts (`texts` reads those); pair_rewards is None where no run has training pairs, curves where none
    has training curves; ranges and shifts are those of environment.json, with eval_shifts by training shift. cells has
    a column `run`, the index of a cell's run in `folders`; every_cell also holds what several runs made (cells counts
    it once), since times compare on one machine only.
    """

    suite: str
    folders: tuple[Path, ...]
    cells: pd.DataFrame
    samples: pd.DataFrame
    results: pd.DataFrame
    pair_rewards: pd.DataFrame | None  # rewards of both sides of training pairs, and which was chosen
    environments: tuple[dict[str, Any], ...]
    objectives: tuple[str, ...]
    ranges: dict[str, tuple[float, float]]
    eval_shifts: dict[str, tuple[str, ...]]
    every_cell: pd.DataFrame
    curves: pd.DataFrame | None = None  # training curves, one row per cell_id and step
    caveats: tuple[Caveat, ...] = ()  # in what the merged runs differ
    repeats: Repeats = merging.NO_REPEATS
    first_run: int = 1  # number of its first run among those of all suites, counted from 1
    draws: Mapping[int, Draw] = field(default_factory=dict)  # what the numbers in the column `seed` stand for
    cell_names: tuple[Mapping[str, str], ...] = ()  # per folder: cell_id here by the one in its files, if it differs

    def texts(self, prompt_ids: Iterable[str]) -> pd.DataFrame:
        """Rows of samples.parquet with their texts, for some test prompts."""
        rule = [("prompt_id", "in", list(prompt_ids)), ("split", "==", "test")]
        tables = [pd.read_parquet(folder / "samples.parquet", filters=rule) for folder in self.folders]
        if self.cell_names:
            tables = [draws.renamed(table, names) for table, names in zip(tables, self.cell_names, strict=True)]
        return pd.concat(tables, ignore_index=True).drop_duplicates(["cell_id", "step", "prompt_id", "sample"])

    def draw(self, number: int) -> Draw:
        """What a number in the column `seed` stands for: in a single run, that seed."""
        return self.draws.get(number, Draw(number))


def load_runs(folders: Sequence[Path], allow_mixed: bool = False) -> list[SuiteRuns]:
    """Read run folders and merge those of one suite, sorted by the suite's name.

    Args:
        folders: of finished runs.
        allow_mixed: merge runs that were not made alike too; their differences are then among `caveats`.

    Raises:
        UserError: a folder is not a finished run (which file, column or value is wrong), or two runs of a suite differ
            in objectives, reward ranges or evaluation shifts (which), or, unless allowed, in what decides numbers (see
            `merging.deciding`).
    """
    if not folders:
        raise UserError("no run folder was given.")
    paths = [Path(folder) for folder in folders]
    last = [path.resolve().name for path in paths]
    short = len(set(last)) == len(last)  # the page calls a run by its folder's name where that tells them apart
    runs = [_load(path, name if short else str(path)) for path, name in zip(paths, last, strict=True)]
    suites = sorted({run.suite for run in runs})
    merged: list[SuiteRuns] = []
    for suite in suites:
        whole = _merged([run for run in runs if run.suite == suite], allow_mixed)
        merged.append(replace(whole, first_run=1 + sum(len(other.environments) for other in merged)))
    return merged


def _load(folder: Path, name: str) -> SuiteRuns:
    environment = {"folder": name, **_environment(folder)}
    objectives = tuple(environment["objectives"])
    cells = _table(folder, "cells", COLUMNS["cells"]).copy()
    rewards = [prefix + objective for objective in objectives for prefix in ("", "gold_")]
    samples = _table(folder, "samples", (*COLUMNS["samples"], *rewards), leave_out=TEXT)
    _check_values(folder, cells, samples)
    for cost in COSTS:
        if cost not in cells:
            cells[cost] = float("nan")
    cells["run"] = 0
    if (folder / "conflict.parquet").is_file() and not (folder / "pair_rewards.parquet").is_file():
        raise UserError(
            f"{str(folder)!r} was written by an earlier version, with other names of files and numbers; run its "
            "command again, which trains nothing anew and writes the tables."
        )
    pair_rewards = None
    if (folder / "pair_rewards.parquet").is_file():
        sides = [f"{side}_{objective}" for side in ("first", "second") for objective in objectives]
        pair_rewards = _table(folder, "pair_rewards", ("train_shift", "seed", "first_chosen", *sides))
    return SuiteRuns(
        suite=environment["suite"],
        folders=(folder,),
        cells=cells,
        samples=samples,
        results=_table(folder, "results", COLUMNS["results"]),
        pair_rewards=pair_rewards,
        environments=(environment,),
        objectives=objectives,
        ranges={name: (float(low), float(high)) for name, (low, high) in environment["reward_ranges"].items()},
        eval_shifts={train: tuple(calls) for train, calls in environment["eval_shifts"].items()},
        every_cell=cells,
        curves=_table(folder, "curves", ("cell_id", "step")) if (folder / "curves.parquet").is_file() else None,
    )


def _environment(folder: Path) -> dict[str, Any]:
    environment = read_record(folder)
    missing = [key for key in KEYS if key not in environment]
    if missing:
        raise UserError(f"{str(folder / ENVIRONMENT)!r} lacks {', '.join(missing)}.")
    check_tables(folder)
    return environment


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
    infinite = [str(name) for name in samples.select_dtypes("number") if np.isinf(samples[name]).any()]
    if infinite:
        raise UserError(f"{str(folder / 'samples.parquet')!r}: infinite numbers in {', '.join(infinite)}.")
    seen = set(samples["cell_id"].unique())
    for cell in cells.loc[cells["status"] == "done", "cell_id"]:
        if cell not in seen:
            raise UserError(f"{str(folder)!r} is not a finished run: cell {cell} is done but has no samples.")


def _merged(runs: list[SuiteRuns], allow_mixed: bool) -> SuiteRuns:
    if len(runs) == 1:
        return runs[0]
    first = runs[0]
    shifts: dict[str, tuple[str, ...]] = {}
    for run in runs:
        _check_alike(first, run, shifts)
        shifts |= run.eval_shifts
    made = pd.concat([_made(run, index) for index, run in enumerate(runs)], ignore_index=True)
    environments = tuple(environment for run in runs for environment in run.environments)
    names = [environment["folder"] for environment in environments]
    mixed = merging.deciding(environments, names) + merging.clashes(made, names)
    if not allow_mixed:
        merging.refuse(first.suite, mixed)
    fingerprints = [draws.fingerprint(environment) for environment in environments]
    numbers = draws.numbered(fingerprints, [merging.comparable(run.results) for run in runs])
    found = draws.draws(fingerprints, numbers)
    runs = [_as_draws(run, by_seed) for run, by_seed in zip(runs, numbers, strict=True)]
    everything = pd.concat([run.cells.assign(run=index) for index, run in enumerate(runs)], ignore_index=True)
    repeats = merging.repeated([run.results for run in runs])
    cells = _each_once(everything)
    samples = [run.samples.astype(dict.fromkeys(("cell_id", "split", "prompt_id"), "category")) for run in runs]
    curves = [run.curves for run in runs if run.curves is not None]
    keys = ["cell_id", "train_shift", "eval_shift", "metric"]
    return SuiteRuns(
        suite=first.suite,
        folders=tuple(folder for run in runs for folder in run.folders),
        cells=cells,
        samples=_of(cells, _concat(samples, ["cell_id", "split", "step", "prompt_id", "sample"])),
        results=_of(cells, _concat([run.results for run in runs], keys)),
        pair_rewards=_pair_rewards([run.pair_rewards for run in runs if run.pair_rewards is not None]),
        environments=environments,
        objectives=first.objectives,
        ranges=first.ranges,
        eval_shifts=shifts,
        every_cell=everything,
        curves=_of(cells, _concat(curves, ["cell_id", "step"])) if curves else None,
        caveats=(
            *draws.caveat(fingerprints, names, found),
            *merging.caveats(mixed, merging.minor(environments, names), repeats),
        ),
        repeats=repeats,
        draws=found,
        cell_names=tuple(names for run in runs for names in run.cell_names),
    )


def _made(run: SuiteRuns, index: int) -> pd.DataFrame:
    """The cells of a run, with its number and its setting of the arithmetic."""
    setting = run.environments[0].get("config", {}).get("numerics", "fast")  # what there was before there was a setting
    return run.cells.assign(run=index, numerics=setting)


def _as_draws(run: SuiteRuns, numbers: Mapping[int, int]) -> SuiteRuns:
    """The run with its seeds numbered as draws, and its cells named so where that is not the seed's own number."""
    names = draws.cell_names(run.cells, numbers)
    if not names:
        return replace(run, cell_names=(names,))
    tables: dict[str, Any] = {
        name: draws.renumbered(table, numbers, names)
        for name in ("cells", "samples", "results", "curves", "pair_rewards")
        if (table := getattr(run, name)) is not None
    }
    return replace(run, **tables, every_cell=tables["cells"], cell_names=(names,))


def _each_once(cells: pd.DataFrame) -> pd.DataFrame:
    """A cell that several runs hold counts once: one that is done wins over one that is not, then the first run."""
    done_first = cells.assign(missing=cells["status"] != "done").sort_values("missing", kind="stable")
    kept = done_first.drop_duplicates(merging.IDENTITY).sort_index().drop(columns="missing")
    return kept.reset_index(drop=True)


def _of(cells: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the cells that count; what another version of the same cell measured is left out."""
    return table[table["cell_id"].isin(cells["cell_id"])].reset_index(drop=True)


def _pair_rewards(tables: list[pd.DataFrame]) -> pd.DataFrame | None:
    """Training pairs of every training shift and seed, from the first run that has them."""
    if not tables:
        return None
    whole = pd.concat([table.assign(run=run) for run, table in enumerate(tables)], ignore_index=True)
    first = whole.groupby(["train_shift", "seed"])["run"].transform("min")
    return whole[whole["run"] == first].drop(columns="run").reset_index(drop=True)


def _concat(tables: list[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    if len(tables) == 1:
        return tables[0]
    whole = pd.concat(tables, ignore_index=True)
    return whole.drop_duplicates(keys, ignore_index=True)


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
