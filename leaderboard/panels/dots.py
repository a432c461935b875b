"""One number per row as a point with its interval, rows from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.report.types import Estimate, Row
from leaderboard.figures import Figure, Trace, compact, plain, told
from leaderboard.palette import Look, Palette
from leaderboard.panels.lines import error_bars
from leaderboard.panels.printing import parts, pointed
from leaderboard.tables import finite

ROW_HEIGHT = 22


def dot_figure(
    id_: str, title: str, how: str, rows: Sequence[Row], metric: str, x: str, palette: Palette, **layout: Any
) -> Figure | None:
    """`metric` of every row that has a value, in the order of the rows; None where none has.

    Args:
        id_: unique on the page's group.
        title: of the figure.
        how: how to read it.
        rows: from top to bottom.
        metric: name of a metric of the rows.
        x: what the axis shows, with its unit; also a column of the CSV.
        palette: of the page.
        layout: plotly's, added to that of the axes.
    """
    shown = [(row, row.metrics[metric]) for row in rows if metric in row.metrics and known(row.metrics[metric])]
    if not shown:
        return None
    places = [-float(place) for place in range(len(shown))]
    traces = [
        point(row.key, row.label, palette.look(row), estimate, Estimate(place), pointed(estimate), parts(estimate))
        for (row, estimate), place in zip(shown, places, strict=True)
    ]
    return Figure(
        id_,
        title,
        how,
        told([f"{row.label}: {pointed(estimate)}" for row, estimate in shown]),
        80 + ROW_HEIGHT * max(len(shown), 3),
        ("row", x, "place", "low", "high", "n"),
        traces,
        {
            "xaxis": {"title": {"text": plain(x, 60)}, "zeroline": False, "rangemode": "tozero"},
            "yaxis": row_axis([row.label for row, _ in shown], places),
            "hovermode": "closest",
            **layout,
        },
    )


def point(
    key: str, label: str, look: Look, x: Estimate, y: Estimate, text: str, more: Sequence[Any], size: int = 9
) -> Trace:
    """One point with its intervals as bars; `text` is what it says when pointed at, `more` the rest of its CSV."""
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "meta": {"row": key},
        "name": plain(label),
        "x": [compact(x.value)],
        "y": [compact(y.value)],
        "text": [text],
        "customdata": [list(more)],
        "hovertemplate": "%{text}",
        "showlegend": False,
        "marker": {"color": look.colour, "symbol": look.symbol, "size": size},
    }
    for axis, estimate in (("error_x", x), ("error_y", y)):
        if estimate.low is not None and estimate.high is not None:
            trace[axis] = error_bars([estimate], look.colour, 1.5)
    return trace


def row_axis(labels: Sequence[str], places: Sequence[float]) -> dict[str, Any]:
    """The upright axis of a figure with one line per row."""
    return {
        "tickvals": list(places),
        "ticktext": [plain(label, 22) for label in labels],
        "showgrid": False,
        "zeroline": False,
        "range": [min(places) - 0.7, max(places) + 0.7],
    }


def known(estimate: Estimate) -> bool:
    """Whether there is a number."""
    return finite(estimate.value) is not None
