"""What a panel is: a question of the page with the figures and small tables that answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leaderboard.figures import Figure

Kind = Literal["", "value", "clears", "below", "missing", "muted"]


@dataclass(frozen=True)
class TableCell:
    """One cell of a panel's table, ready to print.

    text: the value; interval: stands small below it; note: shown when pointed at, and printed small in a missing cell;
    order: the number behind the text, None where there is none; kind: how the cell is marked.
    """

    text: str
    interval: str = ""
    note: str = ""
    order: float | None = None
    kind: Kind = ""


@dataclass(frozen=True)
class PanelTable:
    """A small table; the first cell of a row is its head. `muted`: which rows are greyed, none where it is empty."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    muted: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Panel:
    """A heading, a sentence that answers it, and what the answer rests on.

    id: unique within the arena, as are the ids of all its figures; gist: what was found, beside the heading, also while
    the rest is folded; lead: how to read it; second: tables that are folded once more, under second_title.
    """

    id: str
    title: str
    lead: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[PanelTable, ...] = ()
    gist: str = ""
    second: tuple[PanelTable, ...] = ()
    second_title: str = ""
