"""What each selection rule takes of each method, and what that gives on the test prompts."""

from __future__ import annotations

from itertools import cycle

from benchmark.report import Arena, Estimate, Selected, words
from benchmark.report.rows import HEADLINE
from leaderboard.figures import Figure, Trace, in_words, plain
from leaderboard.palette import GREY, SHAPES, Look, Palette
from leaderboard.panels.base import Panel, PanelTable, TableCell
from leaderboard.panels.dots import known, point, row_axis
from leaderboard.panels.printing import estimated, parts, pointed, text_cell
from leaderboard.tables import number

LEAD = (
    "The main table selects nothing: every setting is a row of its own at its last checkpoint. Here a rule takes one "
    "setting and checkpoint per method, on validation prompts, anew in every replicate, so that the noise of choosing "
    "is in the interval. Grey is a ceiling: it looks at the test shifts, which no user could."
)
HOW = (
    "A point is what a method gives beyond the DPO envelope when the rule chooses its setting and checkpoint; a bar is "
    "the 95% interval, with the noise of choosing in it. Shapes are rules, grey is the ceiling."
)
CAPTION = (
    "Takes: the choice of most replicates, with their share. Candidates: settings and checkpoints that the rule chose "
    "from. Point at a rule for what it does."
)
COLUMNS = (
    "Method",
    "Rule",
    "Takes",
    "Share",
    "Over DPO envelope",
    "Worst case, gated",
    "Nominal, gated",
    "KL, nats",
    "Candidates",
    "How it came about",
)
METRICS = (
    (HEADLINE, 3, True),
    ("gated_worst_case", 3, False),
    ("gated_nominal", 3, False),
    ("kl_to_reference", 2, False),
)
MISSED = Estimate(None)
FROM_ZERO = {"zeroline": True, "zerolinewidth": 2, "rangemode": "tozero"}


def selection(arena: Arena, palette: Palette) -> Panel | None:
    """The figure and the table of methods and rules; None where nothing was selected."""
    if not arena.selections:
        return None
    labels = {row.key: row.label for row in arena.rows}
    taking = [chosen for chosen in arena.selections if chosen.nothing is None]
    nothing = [chosen for chosen in arena.selections if chosen.nothing is not None]
    figure = _figure(arena, palette, labels)
    tables = [*([_table(taking, labels)] if taking else []), *([_reasons(nothing)] if nothing else [])]
    figures = (figure,) if figure else ()
    return Panel("selection", "If one had to choose: selection rules side by side", LEAD, figures, tuple(tables))


def _table(taking: list[Selected], labels: dict[str, str]) -> PanelTable:
    """One line per method and rule; the last column only where there is something to tell."""
    rows = [_row(chosen, labels) for chosen in taking]
    shown = len(COLUMNS) if any(map(words.selection_note, taking)) else len(COLUMNS) - 1
    ceilings = tuple(chosen.ceiling for chosen in taking)
    return PanelTable(CAPTION, COLUMNS[:shown], tuple(row[:shown] for row in rows), ceilings)


def _reasons(nothing: list[Selected]) -> PanelTable:
    """Why rules take nothing: one line for all methods that share rule and reason."""
    methods: dict[tuple[str, str], list[str]] = {}
    for chosen in nothing:
        methods.setdefault((_rule(chosen), words.selection_note(chosen)), []).append(chosen.method)
    rows = tuple(
        (text_cell(rule), text_cell(", ".join(names)), text_cell(why)) for (rule, why), names in methods.items()
    )
    return PanelTable("Where a rule takes nothing.", ("Rule", "Methods", "Why"), rows)


def _row(chosen: Selected, labels: dict[str, str]) -> tuple[TableCell, ...]:
    return (
        text_cell(chosen.method),
        text_cell(_rule(chosen), hint=chosen.summary),
        text_cell(_taken(chosen, labels), hint=chosen.key),
        TableCell(number(chosen.share, 2), order=chosen.share, kind="value"),
        *(_metric(chosen, *metric) for metric in METRICS),
        TableCell(f"{chosen.candidates:,}", order=chosen.candidates, kind="value"),
        text_cell(words.selection_note(chosen)),
    )


def _rule(chosen: Selected) -> str:
    return f"{chosen.rule} (ceiling)" if chosen.ceiling else chosen.rule


def _taken(chosen: Selected, labels: dict[str, str]) -> str:
    return f"{labels.get(chosen.key, chosen.key)}, step {chosen.step:,}"


def _metric(chosen: Selected, name: str, decimals: int, signed: bool) -> TableCell:
    """Only the headline is compared with 0, and never the ceiling's."""
    against_zero = name == HEADLINE and not chosen.ceiling
    return estimated(_estimate(chosen, name), decimals, signed, against_zero)


def _estimate(chosen: Selected, name: str) -> Estimate:
    return (chosen.metrics or {}).get(name, MISSED)


def _figure(arena: Arena, palette: Palette, labels: dict[str, str]) -> Figure | None:
    """gated_over_envelope under every rule, methods from top to bottom; None where no rule has a number."""
    shown = [chosen for chosen in arena.selections if known(_estimate(chosen, HEADLINE))]
    if not shown:
        return None
    rules = list(dict.fromkeys(chosen.rule for chosen in shown))
    symbols = dict(zip(rules, cycle(SHAPES)))
    methods = list(dict.fromkeys(chosen.method for chosen in shown))
    step = 0.7 / max(1, len(rules) - 1)
    heights = [0.35 - methods.index(chosen.method) - step * rules.index(chosen.rule) for chosen in shown]
    points = [
        _point(chosen, _look(chosen, palette, symbols), height, labels)
        for chosen, height in zip(shown, heights, strict=True)
    ]
    return Figure(
        "selection",
        "Beyond what DPO could do, by rule",
        HOW,
        in_words([f"{chosen.method}: {_takes(chosen, labels)}" for chosen in shown]),
        140 + 16 * max(4, len(rules)) * len(methods),
        ("method", HEADLINE, "height", "low", "high", "n", "rule", "takes", "step"),
        [*(_named(rule, symbol) for rule, symbol in symbols.items()), *points],
        {
            "xaxis": {"title": {"text": "over DPO envelope, units of utility"}, **FROM_ZERO},
            "yaxis": row_axis(methods, [-float(index) for index in range(len(methods))]),
            "showlegend": True,
            "hovermode": "closest",
        },
    )


def _look(chosen: Selected, palette: Palette, symbols: dict[str, str]) -> Look:
    """The method's colour, grey for a ceiling, and the rule's shape."""
    return Look(GREY if chosen.ceiling else palette.method(chosen.method).colour, "solid", symbols[chosen.rule])


def _point(chosen: Selected, look: Look, height: float, labels: dict[str, str]) -> Trace:
    estimate = _estimate(chosen, HEADLINE)
    more = [*parts(estimate), chosen.rule, chosen.key, chosen.step]
    text = plain(_takes(chosen, labels), 120)
    return point(chosen.method, chosen.method, look, estimate, Estimate(height), text, more)


def _takes(chosen: Selected, labels: dict[str, str]) -> str:
    return f"{_rule(chosen)} takes {_taken(chosen, labels)}: {pointed(_estimate(chosen, HEADLINE))}"


def _named(rule: str, symbol: str) -> Trace:
    """A rule's entry in the legend: a shape, in no method's colour."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plain(rule),
        "x": [None],
        "y": [None],
        "hoverinfo": "skip",
        "marker": {"color": GREY, "symbol": symbol, "size": 9},
    }
