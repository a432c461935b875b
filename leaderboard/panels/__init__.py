"""Panels: what the page shows below the main table, one file each."""

from __future__ import annotations

from benchmark.report import Arena, Report
from leaderboard.palette import Palette
from leaderboard.panels.adversarial import adversarial
from leaderboard.panels.base import Panel, PanelTable, TableCell
from leaderboard.panels.claims import claims
from leaderboard.panels.controls import controls
from leaderboard.panels.cost import cost
from leaderboard.panels.distance import distance
from leaderboard.panels.over_optimisation import over_optimisation
from leaderboard.panels.selection import selection
from leaderboard.panels.studies import studies
from leaderboard.panels.tasks import tasks
from leaderboard.panels.three_d import three_d
from leaderboard.panels.variance import variance

__all__ = ["Panel", "PanelTable", "TableCell", "group_panels", "report_panels"]


def arena_panels(arena: Arena, palette: Palette) -> list[Panel]:
    """The panels of one arena, in the order of the page; a panel that has nothing to show is left out."""
    made = (
        controls(arena),
        selection(arena, palette),
        distance(arena, palette),
        adversarial(arena, palette),
        three_d(arena, palette),
        over_optimisation(arena, palette),
        tasks(arena, palette),
        cost(arena, palette),
        variance(arena),
    )
    return [panel for panel in made if panel]


def report_panels(report: Report, palette: Palette) -> list[Panel]:
    """The panels that belong to no arena: claims and studies."""
    return [*claims(report), *studies(report, palette)]
