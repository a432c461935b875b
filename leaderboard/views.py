"""What the templates print: rows and arenas with their text, looks and figures."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from benchmark.report import Arena, Row, words
from leaderboard.cells import CellView, cell_view
from leaderboard.figures import Figure, curve, forest
from leaderboard.palette import Look, Palette
from leaderboard.panels import Panel, arena_panels
from leaderboard.tables import COLUMNS, Cell, cell, notes, usual_n
from leaderboard.trajectories import plane_figure, utility_kl

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
    verdict: str
    collapse: str


@dataclass(frozen=True)
class ArenaView:
    """An arena as the template prints it; `name` stands for it in the address, `file` in names of downloads."""

    id: str
    name: str
    file: str
    arena: Arena
    rows: list[RowView]
    headline: str
    conflict: str
    caveats: list[str]
    forest: Figure | None
    curves: list[Figure]
    trajectories: list[Figure]
    panels: list[Panel]

    @property
    def figures(self) -> list[Figure]:
        """All figures but those of single rows."""
        return [
            *([self.forest] if self.forest else []),
            *self.curves,
            *self.trajectories,
            *(f for panel in self.panels for f in panel.figures),
        ]


def arena_view(id_: str, arena: Arena, palette: Palette) -> ArenaView:
    """`arena` as it is printed; `id_` is unique on the page."""
    curves = [curve(arena, palette, gated) for gated in (True, False)]
    trajectories = [
        plane_figure(arena, palette),
        utility_kl(arena, palette, "training"),
        utility_kl(arena, palette, "farthest"),
    ]
    name = f"{arena.suite}/{arena.train_shift}"
    return ArenaView(
        id_,
        name,
        re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] or id_,
        arena,
        _rows(arena, palette),
        words.headline(arena),
        words.conflict(arena),
        [words.caveat(caveat) for caveat in arena.caveats],
        forest(arena, palette),
        [figure for figure in curves if figure],
        [figure for figure in trajectories if figure],
        arena_panels(arena, palette),
    )


def _rows(arena: Arena, palette: Palette) -> list[RowView]:
    first = next((row.key for row in arena.rows if row.role.endswith("control")), None)
    ranks = Counter(row.rank for row in arena.rows if row.rank is not None)
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
            words.row_verdict(row),
            words.collapse(row.collapse) if row.collapse else "",
        )
        for row in arena.rows
    ]


def _links(paper: str) -> list[tuple[str, str | None]]:
    """A citation cut at its arXiv numbers: (text, address or None)."""
    parts: list[tuple[str, str | None]] = []
    end = 0
    for match in _ARXIV.finditer(paper):
        parts += [(paper[end : match.start()], None), (match[0], f"https://arxiv.org/abs/{match[1]}")]
        end = match.end()
    return [part for part in [*parts, (paper[end:], None)] if part[0]]
