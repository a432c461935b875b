"""Estimates as text: value, interval and n, or a dash with the reason why there is none."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from benchmark.measure.columns import METRICS, Metric
from benchmark.measure.report import Estimate, Row

MINUS, MISSING = "\N{MINUS SIGN}", "\N{EN DASH}"
NO_REASON = "not measured"

# Which columns stand together; the headline column is in every view.
VIEWS: dict[str, tuple[str, ...]] = {
    "Main": (
        "over_envelope_ungated",
        "nominal",
        "worst_case",
        "robustness_gap",
        "auc",
        "quality",
        "kl_to_reference",
        "step_ratio_to_dpo",
    ),
    "Ungated and gold": ("over_envelope_ungated", "nominal_ungated", "worst_case_ungated", "gold_worst_case"),
    "KL and price": ("nominal", "kl_to_reference", "kl_median", "kl_saving", "price"),
    "Text": ("quality", "win_rate", "preference_accuracy", "length", "eos_rate", "distinct_2"),
    "Cost": ("train_seconds", "step_ratio_to_dpo", "peak_memory_mb"),
    "All": tuple(metric.name for metric in METRICS),
}


@dataclass(frozen=True)
class Cell:
    """One cell of the main table, ready to print.

    order: the number to sort by, None (last) where there is none; kind: how the cell is marked.
    """

    text: str
    interval: str
    n: str
    note: str
    order: float | None
    kind: Literal["value", "clears", "below", "missing"]


def finite(value: float | None) -> float | None:
    """The value, or None where it is missing or not a number."""
    return value if value is not None and math.isfinite(value) else None


def number(value: float | None, decimals: int, signed: bool = False) -> str:
    """A number with a fixed count of decimals and a true minus sign; an en dash where it is missing."""
    if finite(value) is None:
        return MISSING
    text = f"{value:{'+' if signed else ''},.{decimals}f}"
    return text.replace("-", MINUS)


def interval(estimate: Estimate, decimals: int) -> str:
    """`[low, high]`, or nothing where there is no interval."""
    if finite(estimate.low) is None or finite(estimate.high) is None:
        return ""
    return f"[{number(estimate.low, decimals)}, {number(estimate.high, decimals)}]"


def usual_n(row: Row) -> int | None:
    """The n behind most numbers of a row: printed once, and in a cell only where the cell's own n differs."""
    counts = Counter(estimate.n for estimate in row.metrics.values() if finite(estimate.value) is not None)
    return counts.most_common(1)[0][0] if counts else None


def cell(row: Row, metric: Metric) -> Cell:
    """The cell of `row` in the column of `metric`."""
    estimate = row.metrics.get(metric.name, Estimate(None))
    if (value := finite(estimate.value)) is None:
        return Cell(MISSING, "", "", estimate.note or NO_REASON, None, "missing")
    n = "" if estimate.n == usual_n(row) else f"n {estimate.n:,}"
    text = number(value, metric.decimals, signed=metric.headline)
    return Cell(text, interval(estimate, metric.decimals), n, estimate.note, value, _kind(estimate, metric))


def _kind(estimate: Estimate, metric: Metric) -> Literal["value", "clears", "below"]:
    """Only the headline is compared with 0, and only where it has an interval."""
    if metric.headline and estimate.low is not None and estimate.low > 0:
        return "clears"
    return "below" if metric.headline and estimate.high is not None and estimate.high < 0 else "value"


def notes(row: Row) -> list[tuple[str, str]]:
    """(columns, note) for every note of a row, columns that share a note together; missing numbers always have one."""
    columns: dict[str, list[str]] = {}
    for metric in METRICS:
        if note := cell(row, metric).note:
            columns.setdefault(note, []).append(metric.label)
    return [(", ".join(labels), note) for note, labels in columns.items()]
