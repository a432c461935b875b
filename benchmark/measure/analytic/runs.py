"""Finished runs of analytic suites: recognised, read, merged where several ran the same one, and summarised."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from benchmark.core.errors import UserError
from benchmark.measure.runs import merging, names
from benchmark.measure.runs.reading import COLUMNS, STATUSES
from benchmark.measure.runs.record import check_tables, read_record
from benchmark.report import Caveat, Study
from benchmark.suites.analytic import AnalyticSuite


@dataclass(frozen=True)
class StudyRuns:
    """All runs of one analytic suite as one; cells and results carry the method's call as `key`. caveats: what a reader
    of merged runs must know."""

    folders: tuple[str, ...]
    suite: AnalyticSuite
    cells: pd.DataFrame
    results: pd.DataFrame
    environments: tuple[dict[str, Any], ...]
    caveats: tuple[Caveat, ...] = ()

    def report(self) -> Study:
        """Its figures, tables, rows, headline and caveats."""
        return replace(self.suite.summarise(self.results, self.cells), caveats=self.caveats)


def is_study_folder(folder: Path) -> bool:
    """Whether the folder holds a run of an analytic suite."""
    try:
        return read_record(Path(folder)).get("kind") == "analytic"
    except UserError:
        return False  # what is wrong with it is said by who reads it as a run


def load_studies(folders: Sequence[Path], allow_mixed: bool = False) -> list[StudyRuns]:
    """Read run folders and merge those of one suite, sorted by the suite's name.

    Raises:
        UserError: a folder is not a finished run; or two runs of one suite were not made alike, unless `allow_mixed`.
    """
    runs: dict[str, list[StudyRuns]] = {}
    for folder in folders:
        run = _load(Path(folder))
        runs.setdefault(run.suite.name, []).append(run)
    return [_merged(runs[name], allow_mixed) for name in sorted(runs)]


def _load(folder: Path) -> StudyRuns:
    environment = read_record(folder)
    check_tables(folder)
    cls = AnalyticSuite.registry.get(environment["suite"])
    try:
        suite = cls(cls.Settings(**environment["config"]["suite"]))
    except ValidationError as error:
        raise UserError(f"{str(folder)!r} was made with settings that {cls.name} no longer has: {error}") from None
    cells, results = (_table(folder, name) for name in ("cells", "results"))
    wrong = sorted(set(cells["status"]) - set(STATUSES))
    if wrong:
        raise UserError(f"{str(folder / 'cells.parquet')!r}: status {wrong[0]!r}; allowed: {', '.join(STATUSES)}.")
    return StudyRuns((str(folder),), suite, cells, results, (environment,))


def _table(folder: Path, name: str) -> pd.DataFrame:
    file = folder / f"{name}.parquet"
    if not file.is_file():
        raise UserError(f"{str(folder)!r} is not a finished run: {file.name} is missing.")
    try:
        table = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{str(file)!r} cannot be read as Parquet: {error}.") from None
    missing = [column for column in COLUMNS[name] if column not in table]
    if missing:
        raise UserError(f"{str(file)!r} lacks the columns {', '.join(missing)}.")
    pairs = zip(table["method"], table["hparams"], strict=True)
    return table.assign(key=[names.call(method, json.loads(hparams)) for method, hparams in pairs])


def _merged(runs: list[StudyRuns], allow_mixed: bool) -> StudyRuns:
    first, folders = runs[0], [folder for run in runs for folder in run.folders]
    environments = [environment for run in runs for environment in run.environments]
    different = merging.deciding(environments, folders)
    if not allow_mixed:
        merging.refuse(first.suite.name, different)
    cells = pd.concat([run.cells for run in runs], ignore_index=True)
    identity = ["key", "train_shift", "seed"]
    # A cell that several runs hold counts once; one that is done wins over one that is not.
    done_first = cells.assign(missing=cells["status"] != "done").sort_values("missing", kind="stable")
    cells = done_first.drop_duplicates(identity).sort_index().drop(columns="missing").reset_index(drop=True)
    results = pd.concat([run.results for run in runs], ignore_index=True)
    results = results[results["cell_id"].isin(cells["cell_id"])].drop_duplicates(
        [*identity, "metric"], ignore_index=True
    )
    others = merging.minor(environments, folders)
    caveats = merging.caveats(different, others, merging.repeated([run.results for run in runs]))
    return StudyRuns(tuple(folders), first.suite, cells, results, tuple(environments), caveats if len(runs) > 1 else ())
