"""What happens to log-probabilities and to the text while a method trains, and which policies have collapsed."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.report import Arena, DiagnosticPoint, Row, words
from leaderboard.figures import Figure, compact
from leaderboard.palette import Palette
from leaderboard.panels.base import Panel, PanelTable, TableCell
from leaderboard.panels.lines import bare, line_figure, row_line
from leaderboard.panels.printing import text_cell

LEAD = (
    "Three properties that pairwise losses may show: the rejected completions drop drastically, the chosen ones "
    "degrade after them, and probability disperses to completions that are in no pair. Steps are of training; of "
    "best-of-n, candidates."
)
CAPTION = "Collapse at the last checkpoint, by one rule for all rows; its terms are printed with their numbers."


@dataclass(frozen=True)
class Quantity:
    """One figure: a diagnostic by its name in `DiagnosticPoint`."""

    name: str
    title: str
    unit: str
    how: str


CHANGE = "change of log-probability, nats per completion"
QUANTITIES = (
    Quantity(
        "logp_chosen", "Chosen", CHANGE, "On chosen completions of training pairs. Degradation: it falls below 0."
    ),
    Quantity("logp_rejected", "Rejected", CHANGE, "On rejected completions of training pairs. Drop: it keeps falling."),
    Quantity("logp_unseen", "Unseen", CHANGE, "On fresh reference samples of training prompts, which are in no pair."),
    Quantity("logp_heldout", "Held out", CHANGE, "On reference samples of test prompts."),
    Quantity(
        "gradient_ratio",
        "Gradient ratio",
        "log10 of pi(chosen) / pi(rejected)",
        "By how much the gradient on the rejected side is larger: at 3, it pulls a thousand times as hard.",
    ),
    Quantity(
        "entropy", "Entropy", "nats per token", "How open the next token is. Near 0, one text is all that is left."
    ),
    Quantity("eos_rate", "Completions that end", "share", "A policy that no longer stops has lost its language."),
    Quantity("distinct_2", "Distinct-2", "share", "Distinct bigrams over bigrams: low where texts repeat themselves."),
    Quantity("longest_repeat", "Longest repeat", "words", "The longest passage that occurs twice in a completion."),
)


def three_d(arena: Arena, palette: Palette) -> Panel | None:
    """One figure per quantity that any row has, one line per row; None where there is nothing."""
    figures = tuple(figure for quantity in QUANTITIES if (figure := _figure(arena, palette, quantity)))
    known = [row for row in arena.rows if row.collapse is not None]
    tables = (_collapses(known),) if known else ()
    if not figures and not tables:
        return None
    title = "While it trains: drop, degradation, dispersion"
    return Panel("three-d", title, LEAD, figures, tables, gist=_collapsed(known))


def _figure(arena: Arena, palette: Palette, quantity: Quantity) -> Figure | None:
    rows = [row for row in arena.rows if any(_value(point, quantity) is not None for point in row.diagnostics)]
    if not rows:
        return None
    lines = [
        row_line(
            row,
            palette,
            [point.step for point in row.diagnostics],
            bare([_value(point, quantity) for point in row.diagnostics]),
            "step %{x}, KL %{customdata[0]}",
            [[compact(point.kl)] for point in row.diagnostics],
        )
        for row in rows
    ]
    id_ = f"three-d-{quantity.name.replace('_', '-')}"
    return line_figure(id_, quantity.title, quantity.how, lines, "step", quantity.unit, ("KL",), intervals=False)


def _value(point: DiagnosticPoint, quantity: Quantity) -> float | None:
    return point.values.get(quantity.name)


def _collapsed(known: list[Row]) -> str:
    """Which rows have collapsed."""
    if not known:
        return ""
    collapsed = [row.label for row in known if row.collapse is not None and row.collapse.collapsed]
    if not collapsed:
        return f"By one rule for all, none of {len(known)} rows has collapsed."
    return f"By one rule for all, {len(collapsed)} of {len(known)} rows collapsed: {', '.join(collapsed)}."


def _collapses(known: list[Row]) -> PanelTable:
    """Every row with the rule's sentence; those that have collapsed stand first."""
    first = sorted(known, key=lambda row: not (row.collapse and row.collapse.collapsed))
    return PanelTable(CAPTION, ("Row", "Collapsed", "By the rule"), tuple(_collapse(row) for row in first))


def _collapse(row: Row) -> tuple[TableCell, ...]:
    assert row.collapse is not None
    verdict = TableCell("✕ yes", kind="below") if row.collapse.collapsed else TableCell("✓ no")
    return text_cell(row.label, hint=row.key), verdict, text_cell(words.collapse(row.collapse))
