"""Panels as tests look at them."""

from __future__ import annotations

from typing import Any

from benchmark.report import Arena, Report, Row
from leaderboard.figures import Figure, Trace
from leaderboard.palette import Palette
from leaderboard.panels import Panel, PanelTable, arena_panels, report_panels
from tests.leaderboard.panel_reports import panel_arena
from tests.leaderboard.reports import arena

ORDER = ["selection", "distance", "adversarial", "three-d", "over-optimisation", "cost", "variance"]
FIRST = "group_dro(beta=0.1)"
DASH = "\N{EN DASH}"


def of_arena(made: Arena | None = None) -> dict[str, Panel]:
    shown = panel_arena() if made is None else made
    return {panel.id: panel for panel in arena_panels(shown, Palette(shown.rows))}


def of_report(made: Report) -> list[Panel]:
    return report_panels(made, Palette(row for arena in made.arenas for row in arena.rows))


def figure(panel: Panel, id_: str) -> Figure:
    return next(figure for figure in panel.figures if figure.id == id_)


def lines(figure: Figure) -> dict[str, Trace]:
    """The traces that stand for a row, by its key: all but the entries of a legend."""
    return {trace["meta"]["row"]: trace for trace in figure.data if "meta" in trace}


def column(table: PanelTable, name: str) -> list[str]:
    place = table.columns.index(name)
    return [cells[place].text for cells in table.rows]


def alone(item: Row, **changes: Any) -> Arena:
    return arena(made=(item,), eval_shifts=(), **changes)
