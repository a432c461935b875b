"""One run of an analytic suite: missing cells are made, the tables are written, the page is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core.store import Store
from benchmark.pipeline.analytic.matrix import StudyCell, StudyMatrix, build_study_matrix
from benchmark.pipeline.analytic.stages import KIND, read_records
from benchmark.pipeline.collect import RESULT_COLUMNS
from benchmark.pipeline.config import StudyConfig
from benchmark.pipeline.execute.base import Outcome
from benchmark.pipeline.provenance import code_versions, provenance
from benchmark.pipeline.run import (
    RunOptions,
    earlier_cells,
    fixed_settings,
    read_environment,
    run_missing,
    save_environment,
    signature_of,
    up_to_date,
    write_page,
)

FILES = ("cells.parquet", "results.parquet", "leaderboard.csv", "site/index.html")


def prepare(config: StudyConfig, options: RunOptions) -> StudyMatrix:
    """The cells of the configuration together with those that `out` holds already.

    Raises:
        UserError: `out` holds a run with other settings, or a name in the configuration is wrong.
    """
    config.make_study()  # a wrong setting is named as such, before it differs from an earlier run's
    return build_study_matrix(config, earlier_cells(config, options))


def execute(config: StudyConfig, options: RunOptions, matrix: StudyMatrix) -> bool:
    """Run what is missing, write all files of the run, return whether every cell is done or skipped by rule."""
    from benchmark.pipeline.display import console

    store = Store(options.store)
    store.sweep()
    options.out.mkdir(parents=True, exist_ok=True)
    _write_environment(config, options, matrix, signature="")
    outcome = run_missing(matrix, options, store)
    if not up_to_date(options.out, signature_of(matrix, outcome), FILES):
        write_tables(matrix, outcome, store, options.out)
        write_page([options.out], options.out / "site", options.out / "leaderboard.csv")
        _write_environment(config, options, matrix, signature_of(matrix, outcome))
    _print_summary(options.out)
    console.print(f"leaderboard: {(options.out / 'site' / 'index.html').resolve()}", highlight=False, soft_wrap=True)
    return not outcome.failed


def write_tables(matrix: StudyMatrix, outcome: Outcome, store: Store, out: Path) -> None:
    """cells.parquet and results.parquet, with the columns that runs of text suites have."""
    cells: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for cell in matrix.cells:
        stage = cell.stages.get(KIND)
        identity = _identity(cell)
        if stage is None or not stage.done(store):
            status = "skipped" if cell.skipped else "failed"
            reason = cell.skipped or (outcome.failed.get(stage.key, "not run") if stage else "")
            cells.append({**identity, "status": status, "reason": reason})
            continue
        meta = store.meta(stage.kind, stage.key)
        share = meta["seconds"] / len(matrix.suite.scenarios)  # one stage makes the cells of all scenarios
        cost = {f"seconds_{KIND}": share, f"peak_memory_mb_{KIND}": meta["peak_memory_mb"]}
        cells.append({**identity, "status": "done", "reason": "", **cost, "versions": json.dumps(meta["versions"])})
        for record in read_records(stage.folder(store))[cell.train_shift]:
            results.append({**identity, "eval_shift": "", **record.__dict__})
    types = {"seed": "int64", "value": "float64", "n": "int64"}
    _write(pd.DataFrame(cells), out / "cells.parquet")
    _write(pd.DataFrame(results, columns=RESULT_COLUMNS).astype(types), out / "results.parquet")


def _identity(cell: StudyCell) -> dict[str, Any]:
    return {
        "suite": cell.suite,
        "method": cell.name,
        "hparams": json.dumps(cell.hparams),
        "train_shift": cell.train_shift,
        "seed": cell.seed,
        "cell_id": cell.cell_id,
    }


def _write(frame: pd.DataFrame, file: Path) -> None:
    """Write beside, then rename: a reader never sees half a file."""
    partial = file.with_suffix(".partial")
    frame.to_parquet(partial, index=False, compression="zstd")
    partial.rename(file)


def _write_environment(config: StudyConfig, options: RunOptions, matrix: StudyMatrix, signature: str) -> None:
    earlier = read_environment(options.out) or {}
    here = provenance()
    methods = {type(cell.method) for cell in matrix.cells if not isinstance(cell.method, str)}
    environment = {
        **here,
        "commands": list(dict.fromkeys([*earlier.get("commands", []), here["command"]])),
        "suite": matrix.suite.name,
        "analytic": True,
        "preset": config.preset,
        "suite_facts": matrix.suite.describe(),
        "seeds": sorted({cell.seed for cell in matrix.cells}),
        "plugins": [str(plugin) for plugin in options.plugins],
        "contributor": options.contributor or earlier.get("contributor", ""),
        "code": {**code_versions(methods), "study": matrix.suite.version},
        "config": fixed_settings(config, options.backend),
        "cells": [{"method": str(c.method), "train_shift": c.train_shift, "seed": c.seed} for c in matrix.cells],
        "signature": signature or earlier.get("signature", ""),
    }
    save_environment(options.out, environment)


def _print_summary(out: Path) -> None:
    """The headline, and what was skipped or failed."""
    from benchmark.measure.analytic.runs import load_studies
    from benchmark.pipeline.display import console

    for study in load_studies([out]):
        report = study.report()
        for row in report.rows:
            if row.status != "done":
                console.print(f"{row.label} ({row.scenario}) {row.status}: {row.reason}", markup=False, highlight=False)
        console.print(report.headline, markup=False, highlight=False)
