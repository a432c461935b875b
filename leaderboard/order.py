"""The order of rows: one for the first picture, the main table, every figure and every download."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.report import Row
from benchmark.report.rows import HEADLINE, Status
from leaderboard.tables import finite

WITHOUT_NUMBER: dict[Status, int] = {"done": 0, "failed": 1, "skipped": 2}
STATED = "Rows without a number to sort by stand last: finished ones first, then failed, then skipped."


def in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows by the headline, greatest first; those without it last, as `STATED` says. Rows that tie keep their order."""
    return tuple(sorted(rows, key=_place))


def _place(row: Row) -> tuple[int, float]:
    estimate = row.metrics.get(HEADLINE)
    value = finite(estimate.value) if estimate and row.status == "done" else None
    return (0, -value) if value is not None else (1 + WITHOUT_NUMBER[row.status], 0.0)
