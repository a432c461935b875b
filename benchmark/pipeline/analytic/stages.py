"""The one kind of stage of an analytic suite: a method with a seed, in all scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.core.data import read_table, write_table
from benchmark.core.graph import Task, stage
from benchmark.suites.analytic import AnalyticSuite, Record
from methods import Method

STUDY = "study"
RECORDS = "records.parquet"


@stage(STUDY, version=1)
def run_study(task: Task, suite: AnalyticSuite, subject: Method | str, seed: int) -> None:
    """Every number of every scenario. They are one stage, since a scenario takes less time than starting a stage."""
    columns: dict[str, list[Any]] = {"scenario": [], "metric": [], "value": [], "n": []}
    for done, scenario in enumerate(suite.scenarios):
        for record in suite.run(subject, scenario, seed):
            for name, value in zip(columns, (scenario, record.metric, record.value, record.n), strict=True):
                columns[name].append(value)
        task.progress(done + 1, len(suite.scenarios))
    write_table(task.folder / RECORDS, columns)


def read_records(folder: Path) -> dict[str, list[Record]]:
    """The records of a finished stage by scenario."""
    table = read_table(folder / RECORDS)
    records: dict[str, list[Record]] = {scenario: [] for scenario in table["scenario"]}
    for scenario, metric, value, n in zip(*(table[name] for name in ("scenario", "metric", "value", "n")), strict=True):
        records[scenario].append(Record(metric, float(value), int(n)))
    return records
