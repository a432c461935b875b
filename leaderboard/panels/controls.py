"""Can this arena be believed? Its controls, by what rows are judged, and what the envelope is made of."""

from __future__ import annotations

from benchmark.report import Arena, Behaviour, Control, words
from leaderboard.panels.base import Kind, Panel, PanelTable, TableCell
from leaderboard.panels.printing import estimated, text_cell
from leaderboard.tables import MISSING

COLUMNS = ("Control", "Must", "Over DPO envelope", "KL, nats", "Feasible lift", "What it did")
LEAD = (
    "Rows whose answer is known before anything is run. The feasible lift is the most that any reweighting of the "
    "reference by the training utility could gain at the same nominal utility and KL: an oracle is told more."
)
LOOKS: dict[Behaviour, tuple[str, Kind]] = {  # a mark with every word, so that nothing rests on colour
    Behaviour.AS_IT_SHOULD: ("✓", "clears"),
    Behaviour.FAILS: ("✕", "below"),
    Behaviour.CANNOT_TELL: ("?", ""),
    Behaviour.NOT_JUDGED: ("○", "muted"),
}


def controls(arena: Arena) -> Panel | None:
    """The controls in a table; None where nothing was finished."""
    if not arena.controls:
        return None
    rows = tuple(_row(control) for control in arena.controls)
    gist = f"{words.controls_stand(arena).capitalize()}."
    lead = " ".join([LEAD, *words.judging_sentences(arena)])
    return Panel("controls", "Can it be believed?", lead, tables=(PanelTable("Controls", COLUMNS, rows),), gist=gist)


def _row(control: Control) -> tuple[TableCell, ...]:
    mark, kind = LOOKS[control.behaviour]
    return (
        text_cell(words.control_label(control), words.CONTROL_KINDS[control.kind]),
        text_cell(words.CONTROL_MUST[control.kind]),
        estimated(control.over, 3, signed=True),
        TableCell(MISSING, kind="missing") if control.kl is None else estimated(control.kl, 2),
        TableCell(MISSING, kind="missing") if control.feasible is None else estimated(control.feasible, 3, signed=True),
        TableCell(f"{mark} {words.control_outcome(control)}", kind=kind),
    )
