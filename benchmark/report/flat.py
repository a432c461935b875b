"""leaderboard.csv: the rows of a report as one flat table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmark.report import words
from benchmark.report.columns import METRICS, TO_DPO
from benchmark.report.estimates import Estimate
from benchmark.report.page import Arena, Report
from benchmark.report.rows import Row
from benchmark.report.studies import StudyRow


def leaderboard_rows(report: Report) -> pd.DataFrame:
    """leaderboard.csv: one row per method and training shift, in the order of the page; missing numbers are NaN.

    Columns: who it is, its rank, then METRIC, METRIC_low and METRIC_high for every metric and for
    gated_difference_to_dpo, whose verdict and corrected p follow, then n (seeds), the corrected p and the least
    detectable lift of gated_over_envelope, failed checks of the contract, verdict (a word of `rows.Verdict`, or of an
    analytic suite's own), sentence (the verdict in words), status and reason.
    """
    rows = [_flat(arena, row) for arena in report.arenas for row in arena.rows]
    rows += [_flat_study(study.suite, row) for study in report.studies for row in study.rows]
    table = pd.DataFrame(rows)
    return table.astype({"rank": "Int64"}) if "rank" in table else table


def _flat(arena: Arena, row: Row) -> dict[str, Any]:
    compared = row.comparison
    numbers = {metric.name: row.metrics.get(metric.name) for metric in METRICS}
    numbers[TO_DPO.name] = compared.difference if compared else None
    return {
        "suite": arena.suite,
        "train_shift": arena.train_shift,
        "method": row.method,
        "key": row.key,
        "hparams": json.dumps(row.hparams),
        "label": row.label,
        "role": row.role,
        "rank": _number(row.rank),
        **_columns(numbers),
        "gated_verdict_to_dpo": compared.verdict if compared else "",
        "gated_p_holm_to_dpo": _number(compared.p_holm if compared else None),
        "n": row.seeds_done,
        "gated_p_holm_over_envelope": _number(row.p_holm),
        "gated_least_detectable": _number(row.least_detectable),
        "broken_checks": "; ".join(row.broken),
        "verdict": str(row.verdict),
        "sentence": words.row_verdict(row),
        "status": row.status,
        "reason": row.reason,
    }


def _flat_study(suite: str, row: StudyRow) -> dict[str, Any]:
    """As a row of a text suite, with the study's own metrics."""
    return {
        "suite": suite,
        "train_shift": row.scenario,
        "method": row.method,
        "key": row.key,
        "hparams": json.dumps(row.hparams),
        "label": row.label,
        "role": row.role,
        **_columns(row.metrics),
        "n": row.seeds_done,
        "verdict": row.verdict,
        "sentence": row.sentence,
        "status": row.status,
        "reason": row.reason,
    }


def _columns(numbers: Mapping[str, Estimate | None]) -> dict[str, float]:
    columns = {}
    for name, estimate in numbers.items():
        for suffix, bound in (("", "value"), ("_low", "low"), ("_high", "high")):
            columns[name + suffix] = _number(getattr(estimate, bound) if estimate else None)
    return columns


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
