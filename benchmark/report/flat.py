"""leaderboard.csv: the rows of a report as one flat table."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from benchmark.measure.analytic.runs import flat_study_row
from benchmark.report.columns import METRICS
from benchmark.report.types import Group, Report, Row


def leaderboard_rows(report: Report) -> pd.DataFrame:
    """leaderboard.csv: one row per method and training shift, in the order of the page; missing numbers are NaN.

    Columns: who it is, its rank, then METRIC, METRIC_low and METRIC_high for every metric and for difference_to_dpo,
    whose verdict and corrected p follow, then n (seeds), verdict, status and reason.
    """
    rows = [_flat(group, row) for group in report.groups for row in group.rows]
    rows += [flat_study_row(study.suite, row) for study in report.studies for row in study.rows]
    table = pd.DataFrame(rows)
    return table.astype({"rank": "Int64"}) if "rank" in table else table


def _flat(group: Group, row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "suite": group.suite,
        "train_shift": group.train_shift,
        "method": row.method,
        "key": row.key,
        "hparams": json.dumps(row.hparams),
        "label": row.label,
        "role": row.role,
        "rank": float("nan") if row.rank is None else row.rank,
    }
    numbers = {metric.name: row.metrics.get(metric.name) for metric in METRICS}
    numbers["difference_to_dpo"] = row.comparison.difference if row.comparison else None
    for name, told in numbers.items():
        for suffix, value in (("", told and told.value), ("_low", told and told.low), ("_high", told and told.high)):
            flat[name + suffix] = float("nan") if value is None else value
    flat["verdict_to_dpo"] = row.comparison.verdict if row.comparison else ""
    holm = row.comparison.p_holm if row.comparison else None
    flat["p_holm_to_dpo"] = float("nan") if holm is None else holm
    return {**flat, "n": row.seeds_done, "verdict": row.verdict, "status": row.status, "reason": row.reason}
