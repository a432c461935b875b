"""What the templates print: rows and arenas with their text, looks and figures."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from benchmark.report import Arena, Row, words
from leaderboard.cells import CellView, cell_view
from leaderboard.figures import Figure, curve
from leaderboard.order import in_order
from leaderboard.palette import Look, Palette
from leaderboard.panels import Panel, arena_panels
from leaderboard.picture import Picture, picture
from leaderboard.tables import COLUMNS, Cell, cell, is_still, notes, usual_n
from leaderboard.trajectories import plane_figure, utility_kl

# A mark before the words of a verdict, so that nothing rests on colour; of any other verdict the words alone.
VERDICT_MARKS = {"clears": "✓", "does_not": "✕", "cannot_tell": "?"}
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
    own: CellView
    mark: str
    verdict: str
    collapse: str
    still: bool

    @property
    def headline(self) -> Cell:
        """The cell of the headline."""
        return next(made for made, column in zip(self.cells, COLUMNS, strict=True) if column.headline)


@dataclass(frozen=True)
class ArenaView:
    """An arena as the template prints it; `name` stands for it in the address, `file` in names of downloads.

    figures: those that are seen at once; more: those that are folded.
    """

    id: str
    name: str
    file: str
    arena: Arena
    rows: list[RowView]
    headline: str
    conflict: str
    caveats: list[str]
    picture: Picture | None
    figures: list[Figure]
    more: list[Figure]
    panels: list[Panel]

    @property
    def all_figures(self) -> list[Figure]:
        """All figures but those of single rows."""
        return [*self.figures, *self.more, *(figure for panel in self.panels for figure in panel.figures)]


def arena_view(id_: str, arena: Arena, palette: Palette) -> ArenaView:
    """`arena` as it is printed, its rows in the page's order; `id_` is unique on the page."""
    arena = replace(arena, rows=in_order(arena.rows))
    first = (curve(arena, palette, True), plane_figure(arena, palette))
    second = (
        curve(arena, palette, False),
        utility_kl(arena, palette, "training"),
        utility_kl(arena, palette, "farthest"),
    )
    name = f"{arena.suite}/{arena.train_shift}"
    return ArenaView(
        id_,
        name,
        re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] or id_,
        arena,
        _rows(arena, palette),
        words.headline(arena),
        words.conflict(arena),
        [*words.control_sentences(arena), *(words.caveat(caveat) for caveat in arena.caveats)],
        picture(arena.rows, arena.judging.margin if arena.judging else None),
        [figure for figure in first if figure],
        [figure for figure in second if figure],
        arena_panels(arena, palette),
    )


def _rows(arena: Arena, palette: Palette) -> list[RowView]:
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
            cell_view(row, palette.look(row)),
            VERDICT_MARKS.get(row.verdict, ""),
            words.row_verdict(row),
            words.collapse(row.collapse) if row.collapse else "",
            is_still(row),
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
