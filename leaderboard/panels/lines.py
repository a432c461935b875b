"""Lines over a numeric axis, with their intervals: what most figures of the panels are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.report import Estimate, Row
from leaderboard.figures import BANDS_AT_MOST, Figure, Trace, compact, in_words, plain
from leaderboard.palette import Look, Palette
from leaderboard.panels.printing import parts, short
from leaderboard.tables import finite

HEIGHT = 340
INTERVAL = " [%{customdata[0]}, %{customdata[1]}], n %{customdata[2]}"


@dataclass(frozen=True)
class Line:
    """Estimates over an axis.

    key: stands in the CSV, and brings the line out where it is a row's; hint: what a point says before its number when
    it is pointed at, as plotly's template; more: further columns of the CSV, per point; names: of the points, `%{text}`
    in the template.
    """

    key: str
    label: str
    look: Look
    x: Sequence[float | None]
    y: Sequence[Estimate]
    hint: str
    more: Sequence[Sequence[Any]] = ()
    names: Sequence[str] = ()


def row_line(
    row: Row,
    palette: Palette,
    x: Sequence[float | None],
    y: Sequence[Estimate],
    hint: str,
    more: Sequence[Sequence[Any]] = (),
    names: Sequence[str] = (),
) -> Line:
    """A line of a row of the main table."""
    return Line(row.key, row.label, palette.look(row), x, y, hint, more, names)


def bare(values: Sequence[float | None]) -> list[Estimate]:
    """Numbers without an interval."""
    return [Estimate(value) for value in values]


def line_figure(
    id_: str,
    title: str,
    how: str,
    lines: Sequence[Line],
    x: str,
    y: str,
    more: Sequence[str] = (),
    *,
    intervals: bool = True,
    head: str = "row",
    height: int = HEIGHT,
    **layout: Any,
) -> Figure:
    """The figure of `lines`.

    Args:
        id_: unique on the page's arena.
        title: of the figure.
        how: how to read it.
        lines: at least one.
        x: what the axis shows, with its unit; also a column of the CSV.
        y: the same.
        more: names of the further columns of the CSV.
        intervals: bands, at once where they are at most eight, else when a row is brought out; and columns of the CSV.
        head: the first column of the CSV, which names the line.
        height: in pixels.
        layout: plotly's, added to that of the axes.
    """
    axes = {
        "xaxis": {"title": {"text": plain(x, 60)}, "zeroline": False, **layout.pop("xaxis", {})},
        "yaxis": {"title": {"text": plain(y, 60)}, "zeroline": False, **layout.pop("yaxis", {})},
    }
    return Figure(
        id_,
        title,
        how,
        in_words([_ends(line) for line in lines]),
        height,
        (head, x, y, *(("low", "high", "n") if intervals else ()), *more),
        [drawn(line, len(lines) <= BANDS_AT_MOST if intervals else None) for line in lines],
        {**axes, "hovermode": "closest", **layout},
    )


def drawn(line: Line, bands: bool | None = None) -> Trace:
    """The line; a missing number is a gap in it.

    The page's script draws a band between the first two of `customdata`: at once if `bands`, never if that is None.
    """
    more = line.more or [()] * len(line.y)
    columns = [() if bands is None else parts(estimate) for estimate in line.y]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "meta": {"row": line.key} if bands is None else {"row": line.key, "bounds": bands},
        "name": plain(line.label),
        "x": [compact(x) for x in line.x],
        "y": [compact(estimate.value) for estimate in line.y],
        "customdata": [[*first, *rest] for first, rest in zip(columns, more, strict=True)],
        "hovertemplate": f"{line.hint}: %{{y}}{INTERVAL if any(map(_bounded, line.y)) else ''}",
        "line": {"color": line.look.colour, "dash": line.look.dash, "width": 2},
        "marker": {"symbol": line.look.symbol, "size": 7, "maxdisplayed": 12},
        **({"text": [plain(name) for name in line.names]} if line.names else {}),
    }


def _bounded(estimate: Estimate) -> bool:
    return finite(estimate.low) is not None and finite(estimate.high) is not None


def with_bars(traces: Sequence[Trace], lines: Sequence[Line]) -> list[Trace]:
    """The traces of `lines` with their intervals as bars in place of bands."""
    return [
        {**trace, "meta": {"row": line.key}, "error_y": error_bars(line.y, line.look.colour, 1)}
        for trace, line in zip(traces, lines, strict=True)
    ]


def error_bars(estimates: Sequence[Estimate], colour: str, thickness: float) -> dict[str, Any]:
    """Plotly's error bars; a point without an interval has none."""
    arms = [_arms(estimate) for estimate in estimates]
    return {
        "type": "data",
        "array": [up for _, up in arms],
        "arrayminus": [down for down, _ in arms],
        "thickness": thickness,
        "width": 0,
        "color": colour,
    }


def _arms(estimate: Estimate) -> tuple[float | None, float | None]:
    """How far the interval reaches below and above the value; None twice where there is no interval."""
    value, low, high = (finite(number) for number in (estimate.value, estimate.low, estimate.high))
    if value is None or low is None or high is None:
        return None, None
    return compact(value - low), compact(high - value)


def _ends(line: Line) -> str:
    """The line's two ends in words."""
    known = [
        (x, estimate)
        for x, estimate in zip(line.x, line.y, strict=True)
        if finite(x) is not None and finite(estimate.value) is not None
    ]
    if not known:
        return f"{line.label}: no value"
    ends = dict.fromkeys((0, len(known) - 1))
    return f"{line.label}: " + ", ".join(f"{short(known[i][1].value)} at {short(known[i][0])}" for i in ends)
