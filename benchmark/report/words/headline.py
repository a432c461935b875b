"""One sentence on an arena: who clears the envelope, who does not, on how many seeds, and whether controls behave."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.report.caveats import Controls, controls
from benchmark.report.page import Arena
from benchmark.report.rows import Row, Status, Verdict
from benchmark.report.words.numbers import listed, verb
from benchmark.report.words.verdicts import reasons

CONTROLS = {
    Controls.BEHAVE: "controls behave",
    Controls.FAIL: "controls fail, so this is not evidence",
    Controls.SOME_FAIL: "not all controls behave",
    Controls.NOT_ALL_JUDGED: "not all controls were judged",
}


def headline(arena: Arena) -> str:
    """The sentence that stands above the arena."""
    if not any(row.metrics for row in arena.rows):
        return nothing_done([(row.label, row.status, row.reason) for row in arena.rows])
    methods = [row for row in arena.rows if row.role == "method" and row.metrics]
    controls_alone = not methods
    if controls_alone:
        methods = [row for row in arena.rows if row.role == "positive control" and row.metrics]
    if not methods:
        return _no_method(arena.rows)
    if arena.seeds == 1:
        return "One seed: what clears the DPO envelope cannot be judged over seeds."
    alone = "only controls were trained here: " if controls_alone else ""
    standing = CONTROLS[controls(arena.caveats)]
    sentence = f"{alone}{'; '.join(_parts(methods, controls_alone))} ({arena.seeds} seeds; {standing})."
    return sentence[0].upper() + sentence[1:]


def nothing_done(rows: Sequence[tuple[str, Status, str]]) -> str:
    """That no cell was finished, and why.

    Args:
        rows: label, status and reason of every row.
    """
    if not rows:
        return "Nothing was run."
    statuses = {status for _, status, _ in rows}
    happened = "failed or was skipped" if len(statuses) > 1 else "failed" if "failed" in statuses else "was skipped"
    return f"Every cell {happened}: {reasons(rows)}."


def _no_method(rows: Sequence[Row]) -> str:
    """Baselines were finished, and no method."""
    lost = [row for row in rows if row.role in ("method", "positive control")]
    if not lost:
        return "No method was run beside the baselines."
    return f"No method finished: {reasons((row.label, row.status, row.reason) for row in lost)}."


def _parts(methods: Sequence[Row], controls_alone: bool) -> list[str]:
    """Who shows what, everyone once."""
    labels: dict[Verdict, list[str]] = {}
    for row in methods:
        labels.setdefault(row.outcome(), []).append(row.label)
    said = []
    if clearing := labels.get(Verdict.CLEARS):
        said.append(f"{listed(clearing)} {verb(clearing, 'clears', 'clear')} the DPO envelope")
    if others := labels.get(Verdict.DOES_NOT_CLEAR):
        lead = "" if clearing or controls_alone else "no method clears the DPO envelope: "
        said.append(f"{lead}{listed(others)} {verb(others, 'is', 'are')} no more than early-stopped DPO")
    if winning := labels.get(Verdict.NOMINAL_WIN):
        said.append(f"{listed(winning)} {verb(winning, 'reaches', 'reach')} a nominal utility that DPO does not")
    if at_edge := labels.get(Verdict.EDGE):
        said.append(f"{listed(at_edge)} {verb(at_edge, 'stands', 'stand')} at the edge of DPO's nominal utilities")
    if unjudged := labels.get(Verdict.NOT_JUDGED):
        said.append(f"{listed(unjudged)} could not be judged")
    return said
