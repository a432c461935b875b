"""Figures as plotly's JSON, with a sentence on how to read each and a summary in words. Layout only: colours of text
and grid, fonts and sizes come from the page's own style when a figure is drawn."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmark.report import Arena, Curve, Estimate, EvalShift, Row
from leaderboard.palette import Palette
from leaderboard.tables import finite, number

Trace = dict[str, Any]
SUMMARY_ROWS = 15  # rows in the words of a figure
BANDS_AT_MOST = 8  # more bands than this hide each other: then they show for chosen rows only


@dataclass(frozen=True)
class Figure:
    """One figure: `data` and `layout` are plotly's; `columns` head the CSV, whose rows are the traces of rows."""

    id: str
    title: str
    how: str
    summary: str
    height: int
    columns: tuple[str, ...]
    data: list[Trace] = field(default_factory=list)
    layout: dict[str, Any] = field(default_factory=dict)

    def spec(self) -> dict[str, Any]:
        """What the page's script needs, as JSON."""
        return {"title": self.title, "columns": self.columns, "data": self.data, "layout": self.layout}


def plain(text: str, limit: int = 30) -> str:
    """Text for a figure's label: shortened, on one line, without invisible characters, not read as markup."""
    shown = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    shown = " ".join(shown.split())
    shown = shown if len(shown) <= limit else shown[: limit - 1] + "…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def compact(value: float | None) -> float | None:
    """A number as a figure needs it: three significant digits, and all before the point; None where it is missing."""
    if (value := finite(value)) is None:
        return None
    return float(f"{value:.3g}") if abs(value) < 1000 else round(value)


def in_words(texts: Sequence[str]) -> str:
    """A figure in words: a sentence with what stands for each row, of many rows the first."""
    more = f"; {len(texts) - SUMMARY_ROWS} more in the data" if len(texts) > SUMMARY_ROWS else ""
    return "; ".join(texts[:SUMMARY_ROWS]) + f"{more}."


def curve(arena: Arena, palette: Palette, gated: bool) -> Figure | None:
    """Utility over the evaluation shifts, one line with its band per row; None where no row has a curve."""
    rows = [(row, row.curve) for row in arena.rows if row.curve is not None]
    if not rows:
        return None
    positions, axis = _axis(arena.eval_shifts)
    traces = [
        _curve_trace(row, _view(points, gated), positions, palette, len(rows) <= BANDS_AT_MOST) for row, points in rows
    ]
    linear = " The sweep is linear: all its points hold two numbers, the two ends." if arena.linear else ""
    name = "gated by language quality" if gated else "ungated"
    return Figure(
        "curve-gated" if gated else "curve-ungated",
        f"Robustness curve, {name}",
        "Utility as the preference moves from the training shift (dotted upright line); bands are 95% intervals. A "
        "robust method is flat, and high." + linear,
        in_words([_curve_words(row, _view(points, gated), arena) for row, points in rows]),
        380,
        ("row", "shift", "utility", "low", "high", "n"),
        traces,
        {
            "xaxis": axis,
            "yaxis": {"title": {"text": f"utility, {name}"}},
            "hovermode": "closest",
            "shapes": [
                _upright(position)
                for position, shift in zip(positions, arena.eval_shifts, strict=True)
                if shift.is_training
            ],
        },
    )


def _view(points: Curve, gated: bool) -> tuple[Estimate, ...]:
    return points.gated if gated else points.ungated


def _axis(shifts: tuple[EvalShift, ...]) -> tuple[list[float], dict[str, Any]]:
    """Where each shift stands, and the axis: numbers where every shift has a position, else names in order."""
    positions = [shift.position for shift in shifts if shift.position is not None]
    if len(positions) == len(shifts):
        ends = {
            min(positions): shifts[positions.index(min(positions))].label,
            max(positions): shifts[positions.index(max(positions))].label,
        }
        both = " to ".join(plain(label) for label in ends.values())
        return positions, {"title": {"text": f"evaluation shift, {both}"}, "zeroline": False}
    positions = [float(index) for index in range(len(shifts))]
    labels = [plain(shift.label, 14) for shift in shifts]
    return positions, {
        "title": {"text": "evaluation shift"},
        "tickvals": positions,
        "ticktext": labels,
        "tickangle": -45,
        "zeroline": False,
    }


def _upright(position: float) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": position,
        "x1": position,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"dash": "dot", "width": 1},
    }


def _curve_trace(row: Row, points: tuple[Estimate, ...], x: list[float], palette: Palette, bands: bool) -> Trace:
    """A line; the page's script draws the band between the first two of `customdata`, at once if `bands`."""
    look = palette.look(row)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "meta": {"row": row.key, "bounds": bands},
        "name": plain(row.label),
        "x": x,
        "y": [compact(e.value) for e in points],
        "customdata": [[compact(e.low), compact(e.high), e.n] for e in points],
        "hovertemplate": "%{y:.3f} [%{customdata[0]}, %{customdata[1]}]",
        "line": {"color": look.colour, "dash": look.dash, "width": 2},
        "marker": {"symbol": look.symbol, "size": 7},
    }


def _curve_words(row: Row, points: tuple[Estimate, ...], arena: Arena) -> str:
    ends = [(arena.eval_shifts[i].label, number(points[i].value, 2)) for i in (0, len(points) - 1)]
    return f"{row.label}: " + ", ".join(f"{value} at {label}" for label, value in ends)
