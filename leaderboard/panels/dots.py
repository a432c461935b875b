"""One number per row as a point with its interval, rows from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.report import Estimate, Row
from leaderboard.figures import Figure, Trace, compact, in_words, plain
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
        id_: unique on the page's arena.
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
    heights = [-float(index) for index in range(len(shown))]
    traces = [
        point(row.key, row.label, palette.look(row), estimate, Estimate(height), pointed(estimate), parts(estimate))
        for (row, estimate), height in zip(shown, heights, strict=True)
    ]
    return Figure(
        id_,
        title,
        how,
        in_words([f"{row.label}: {pointed(estimate)}" for row, estimate in shown]),
        80 + ROW_HEIGHT * max(len(shown), 3),
        ("row", x, "height", "low", "high", "n"),
        traces,
        {
            "xaxis": {"title": {"text": plain(x, 60)}, "zeroline": False, "rangemode": "tozero"},
            "yaxis": row_axis([row.label for row, _ in shown], heights),
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


def row_axis(labels: Sequence[str], heights: Sequence[float]) -> dict[str, Any]:
    """The upright axis of a figure with one line per row."""
    return {
        "tickvals": list(heights),
        "ticktext": [plain(label, 22) for label in labels],
        "showgrid": False,
        "zeroline": False,
        "range": [min(heights) - 0.7, max(heights) + 0.7],
    }


def known(estimate: Estimate) -> bool:
    """Whether there is a number."""
    return finite(estimate.value) is not None
