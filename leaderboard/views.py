"""What the templates print: rows and groups with their text, looks and figures."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from benchmark.report.types import Group, Row
from leaderboard.cells import CellView, cell_view
from leaderboard.figures import Figure, curve, forest
from leaderboard.palette import Look, Palette
from leaderboard.panels import Panel, group_panels
from leaderboard.paths import reward_kl, trajectory
from leaderboard.tables import COLUMNS, Cell, cell, notes, usual_n

_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


@dataclass(frozen=True)
class RowView:
    """A row as the main table and its own page print it."""

    row: Row
    look: Look
    cells: list[Cell]
    n: int | None
    notes: list[tuple[str, str]]
    links: list[tuple[str, str | None]]
    starts_controls: bool
    own: CellView


@dataclass(frozen=True)
class GroupView:
    """A group as the template prints it; `name` stands for it in the address, `file` in names of downloads."""

    id: str
    name: str
    file: str
    group: Group
    rows: list[RowView]
    forest: Figure
    curves: list[Figure]
    paths: list[Figure]
    panels: list[Panel]

    @property
    def figures(self) -> list[Figure]:
        """All figures but those of single rows."""
        return [self.forest, *self.curves, *self.paths, *(f for panel in self.panels for f in panel.figures)]


def group_view(id_: str, group: Group, palette: Palette) -> GroupView:
    """`group` as it is printed; `id_` is unique on the page."""
    curves = [curve(group, palette, gated) for gated in (True, False)]
    paths = [trajectory(group, palette), reward_kl(group, palette, "training"), reward_kl(group, palette, "farthest")]
    name = f"{group.suite}/{group.train_shift}"
    return GroupView(
        id_,
        name,
        re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] or id_,
        group,
        _rows(group, palette),
        forest(group, palette),
        [figure for figure in curves if figure],
        [figure for figure in paths if figure],
        group_panels(group, palette),
    )


def _rows(group: Group, palette: Palette) -> list[RowView]:
    first = next((row.key for row in group.rows if row.role.endswith("control")), None)
    ranks = Counter(row.rank for row in group.rows if row.rank is not None)
    shared = {rank for rank, count in ranks.items() if count > 1}
    return [
        RowView(
            row,
            palette.look(row),
            [cell(row, column, shared) for column in COLUMNS],
            usual_n(row),
            notes(row),
            _links(row.paper),
            row.key == first,
            cell_view(row, palette.look(row)),
        )
        for row in group.rows
    ]


def _links(paper: str) -> list[tuple[str, str | None]]:
    """A citation cut at its arXiv numbers: (text, address or None)."""
    parts: list[tuple[str, str | None]] = []
    end = 0
    for match in _ARXIV.finditer(paper):
        parts += [(paper[end : match.start()], None), (match[0], f"https://arxiv.org/abs/{match[1]}")]
        end = match.end()
    return [part for part in [*parts, (paper[end:], None)] if part[0]]
