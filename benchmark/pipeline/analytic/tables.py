"""From finished stages of an analytic suite to the files of a run: cells and results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core.graph import Progress
from benchmark.core.store import Store
from benchmark.pipeline.analytic.cells import AnalyticMatrix
from benchmark.pipeline.analytic.stages import STUDY, read_records
from benchmark.pipeline.execute.base import Outcome
from benchmark.pipeline.tables import RESULT_COLUMNS, identity, stage_costs, status, write_frame

TYPES = {"seed": "int64", "value": "float64", "n": "int64"}


def write_tables(matrix: AnalyticMatrix, outcome: Outcome, store: Store, out: Path, progress: Progress) -> None:
    """cells.parquet and results.parquet, with the columns that runs of text suites have."""
    cells: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for done, cell in enumerate(matrix.cells):
        became, reason = status(cell, outcome, store)
        costs = stage_costs(cell, store)
        if became == "done":
            costs[f"seconds_{STUDY}"] /= len(matrix.suite.scenarios)  # one stage makes the cells of all scenarios
            records = read_records(cell.stages[STUDY].folder(store))[cell.train_shift]
            results += [{**identity(cell), "eval_shift": "", **record.__dict__} for record in records]
        cells.append({**identity(cell), "status": became, "reason": reason, **costs})
        progress(done + 1, len(matrix.cells))
    write_frame(pd.DataFrame(cells), out / "cells.parquet")
    write_frame(pd.DataFrame(results, columns=RESULT_COLUMNS).astype(TYPES), out / "results.parquet")
