"""Learned utility against the gold judge's along KL: where training goes on and what it was for no longer rises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmark.report import Arena, Row, TrajectoryPoint
from leaderboard.figures import Figure, compact
from leaderboard.palette import Palette
from leaderboard.panels.base import Panel
from leaderboard.panels.lines import Line, bare, line_figure, row_line
from leaderboard.tables import finite

LEAD = (
    "Annotators act on a learned reward model; the gold judge says what that was worth. A row is over-optimised where "
    "its learned utility rises with KL and its gold utility does not. All at the training shift, without the language "
    "gate."
)
KL = "KL to the reference, nats"
MORE = ("step", "learned", "gold")


def over_optimisation(arena: Arena, palette: Palette) -> Panel | None:
    """Learned, gold, and their difference over KL; None where no checkpoint has a gold utility and a KL."""
    rows = [
        row
        for row in arena.rows
        if any(finite(point.gold_nominal) is not None and finite(point.kl) is not None for point in row.trajectory)
    ]
    if not rows:
        return None
    axis = {"range": _range(rows)}
    figures = (
        _figure(rows, palette, "learned", "Learned utility", "What training pushes up.", lambda p: p.nominal, axis),
        _figure(rows, palette, "gold", "Gold utility", "The same axes as beside it.", lambda p: p.gold_nominal, axis),
        _figure(
            rows,
            palette,
            "gap",
            "Learned minus gold",
            "What the learned model promises and the gold judge does not see. Rising with KL is over-optimisation; "
            "the height at KL 0 is how the two models differ to begin with.",
            _gap,
            {"zeroline": True},
        ),
    )
    return Panel("over-optimisation", "Over-optimisation", LEAD, figures)


def _figure(
    rows: list[Row],
    palette: Palette,
    id_: str,
    title: str,
    how: str,
    value: Callable[[TrajectoryPoint], float | None],
    axis: dict[str, Any],
) -> Figure:
    lines = [_line(row, palette, value) for row in rows]
    return line_figure(
        f"over-optimisation-{id_}", title, how, lines, KL, title.lower(), MORE, intervals=False, yaxis=axis
    )


def _line(row: Row, palette: Palette, value: Callable[[TrajectoryPoint], float | None]) -> Line:
    return row_line(
        row,
        palette,
        [point.kl for point in row.trajectory],
        bare([value(point) for point in row.trajectory]),
        "step %{customdata[0]}, KL %{x}",
        [[point.step, compact(point.nominal), compact(point.gold_nominal)] for point in row.trajectory],
    )


def _gap(point: TrajectoryPoint) -> float | None:
    learned, gold = finite(point.nominal), finite(point.gold_nominal)
    return None if learned is None or gold is None else learned - gold


def _range(rows: list[Row]) -> list[float]:
    """One axis for both utilities, so that the two figures can be compared by eye."""
    utilities = [utility for row in rows for point in row.trajectory for utility in (point.nominal, point.gold_nominal)]
    known = [utility for utility in utilities if utility is not None and finite(utility) is not None]
    room = 0.06 * (max(known) - min(known)) or 0.1
    return [min(known) - room, max(known) + room]
