"""Analytic suites: no text; a scenario takes the place of a training shift, figures are the result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from benchmark.core.graph import Progress
from benchmark.core.store import Store
from benchmark.pipeline.analytic.cells import AnalyticMatrix, build_matrix
from benchmark.pipeline.analytic.config import AnalyticConfig
from benchmark.pipeline.analytic.tables import write_tables
from benchmark.pipeline.execute.base import Outcome
from benchmark.pipeline.kind import Column, SuiteKind
from benchmark.pipeline.matrix import CellCall
from benchmark.suites.analytic import AnalyticSuite


class AnalyticKind(SuiteKind[AnalyticConfig]):
    """Suites that follow a formula exactly in a small world."""

    name = "analytic"
    family = AnalyticSuite
    config = AnalyticConfig
    tables: ClassVar[tuple[str, ...]] = ("cells.parquet", "results.parquet")
    arena = "scenario"

    def instead_of_shifts(self, suite: type[AnalyticSuite]) -> str:
        """Its scenarios."""
        return f"it is an analytic suite, and its scenarios are {', '.join(suite.scenarios)}."

    def check(self, config: AnalyticConfig) -> None:
        """The suite's own settings."""
        config.make_suite()

    def build(self, config: AnalyticConfig, backend: str, earlier: Sequence[CellCall] = ()) -> AnalyticMatrix:
        """Methods and comparisons, in every scenario."""
        return build_matrix(config, earlier)

    def write_tables(
        self, matrix: AnalyticMatrix, outcome: Outcome, store: Store, out: Path, progress: Progress
    ) -> None:
        """cells.parquet and results.parquet."""
        write_tables(matrix, outcome, store, out, progress)

    def facts(self, config: AnalyticConfig, matrix: AnalyticMatrix) -> dict[str, Any]:
        """Nothing more: there are no objectives and no shifts."""
        return {}

    def code(self, matrix: AnalyticMatrix) -> dict[str, Any]:
        """The version of what the suite computes."""
        return {"study": matrix.suite.version}

    def columns(self, table: pd.DataFrame) -> Sequence[Column]:
        """Every number that the suite reports; a suite chooses them itself."""
        metrics = [name for name in map(str, table) if {f"{name}_low", f"{name}_high"} <= set(table)]
        return [Column(metric, metric.replace("_", " ")) for metric in metrics]

    def sentences(self, out: Path) -> Sequence[str]:
        """The headline."""
        from benchmark.measure.analytic.runs import load_studies

        return [study.report().headline for study in load_studies([out])]
