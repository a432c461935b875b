"""Where the spread of each row's worst case comes from, and how many seeds would settle the first place."""

from __future__ import annotations

from typing import Any

from benchmark.report import REWARD_MODEL, Arena, Row, Variance, words
from leaderboard.figures import Figure, Trace, compact, in_words, plain
from leaderboard.panels.base import Panel, PanelTable, TableCell
from leaderboard.panels.dots import ROW_HEIGHT, row_axis
from leaderboard.panels.printing import scientific, short, text_cell
from leaderboard.tables import MISSING, finite

LEAD = "More seeds narrow the parts that hold the word seed, more prompts those that hold prompt."
CAPTION = (
    "Variances of a row's gated worst case as a mean over everything measured, squared units of utility. A dash is a "
    "part that cannot be told apart, not one that is 0."
)
HOW = (
    "Parts of the variance of a row's gated worst case, as variances of the mean over seeds, prompts and completions. "
    "A part that cannot be told apart is not drawn."
)
# Parts are no methods, so they have no method's colour: tones of one grey-blue, told apart by their hatching.
TONES = ("#5B7690", "#8CA3B8", "#6E8AA5", "#A0B3C6")
HATCHES = ("", "/", "x", ".")


def variance(arena: Arena) -> Panel | None:
    """Bars of the parts, as they are and as shares, and their table; None where nothing is known."""
    rows = [(row, row.variance) for row in arena.rows if row.variance is not None]
    if not rows and arena.seeds_needed is None:
        return None
    figures = (_bars(rows, shares=False), _bars(rows, shares=True)) if _summed(rows) else ()
    gist = words.seeds_needed(arena.seeds_needed)
    tables = (_table(rows),) if rows else ()
    return Panel("variance", "Where the spread comes from", LEAD, figures, tables, gist=gist)


Parts = list[tuple[Row, Variance]]


def _names(rows: Parts) -> list[str]:
    return list(dict.fromkeys(name for _, parts in rows for name in parts.components))


def _summed(rows: Parts) -> list[str]:
    """Names of the parts that add up, where some row has a number."""
    named = ((name, value) for _, parts in rows for name, value in parts.components.items())
    return list(dict.fromkeys(name for name, value in named if name != REWARD_MODEL and finite(value) is not None))


def _bars(rows: Parts, shares: bool) -> Figure:
    """Stacked bars, one per row; plotly makes shares of them where `shares` is set."""
    heights, names = [-float(index) for index in range(len(rows))], _summed(rows)
    axis: dict[str, Any] = {"title": {"text": "variance of the mean, squared utility"}, "exponentformat": "power"}
    if shares:
        axis = {"title": {"text": "share of the known parts, %"}}
    return Figure(
        "variance-shares" if shares else "variance-parts",
        "As shares" if shares else "As variances",
        "The same, each row's known parts drawn to 100%." if shares else HOW,
        in_words([f"{row.label}: {_values(parts, names)}" for row, parts in rows]),
        120 + ROW_HEIGHT * max(len(rows), 3),
        ("part", "variance", "height", "row"),
        [_part(name, index, rows, heights) for index, name in enumerate(names)],
        {
            "barmode": "relative",
            "bargap": 0.35,
            "showlegend": True,
            "xaxis": {"zeroline": False, **axis},
            "yaxis": row_axis([row.label for row, _ in rows], heights),
            "hovermode": "closest",
            **({"barnorm": "percent"} if shares else {}),
        },
    )


def _part(name: str, index: int, rows: Parts, heights: list[float]) -> Trace:
    values = [parts.components.get(name) for _, parts in rows]
    return {
        "type": "bar",
        "orientation": "h",
        "meta": {"row": name},
        "name": plain(name),
        "x": [compact(value) for value in values],
        "y": heights,
        "text": [f"{plain(row.label)}: {short(value)}" for (row, _), value in zip(rows, values, strict=True)],
        "textposition": "none",
        "customdata": [[row.key] for row, _ in rows],
        "hovertemplate": "%{text}",
        "marker": {
            "color": TONES[index % len(TONES)],
            "line": {"width": 0},
            "pattern": {"shape": HATCHES[index % len(HATCHES)], "fillmode": "replace", "size": 6, "solidity": 0.4},
        },
    }


def _values(parts: Variance, names: list[str]) -> str:
    return ", ".join(f"{name} {short(parts.components.get(name))}" for name in names)


def _table(rows: Parts) -> PanelTable:
    """The parts in numbers; what the notes of all rows say stands once, below the table."""
    names = _names(rows)
    notes = [words.variance_notes(parts) for _, parts in rows]
    shared = [remark for remark in notes[0] if all(remark in note for note in notes)]
    lines = [
        (
            text_cell(row.label, row.key),
            *(_cell(parts.components.get(name)) for name in names),
            text_cell("; ".join(remark for remark in note if remark not in shared)),
        )
        for (row, parts), note in zip(rows, notes, strict=True)
    ]
    caption = f"{CAPTION} Of all rows: {'; '.join(shared)}." if shared else CAPTION
    return PanelTable(caption, ("Row", *names, "Of this row"), tuple(lines))


def _cell(value: float | None) -> TableCell:
    if (known := finite(value)) is None:
        return TableCell(MISSING, kind="missing")
    return TableCell(scientific(known), order=known, kind="value")
