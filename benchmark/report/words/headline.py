"""A sentence on an arena: who clears the envelope, who does not, of whom one cannot tell, and how sure one can be."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.report.page import Arena, Judging
from benchmark.report.rows import HEADLINE, Row, Status, Verdict
from benchmark.report.words.controls import controls_stand
from benchmark.report.words.numbers import listed, signed, verb
from benchmark.report.words.verdicts import reasons


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
    facts = [f"{arena.seeds} seeds", *_seen(arena.judging), controls_stand(arena)]
    sentence = f"{alone}{'; '.join(_parts(methods, controls_alone))} ({'; '.join(facts)}).{_collapsed(arena)}"
    return sentence[0].upper() + sentence[1:]


def _seen(judging: Judging | None) -> list[str]:
    """The least lift that would most likely be seen."""
    if judging is None or judging.least is None:
        return []
    return [f"a lift of {signed(judging.least)} would be seen in {judging.power:.0%} of runs"]


def _collapsed(arena: Arena) -> str:
    """Whose seeds collapsed, which an average would hide."""
    fallen = [
        f"seed {', '.join(row.collapse.seeds_fallen)} of {row.label}"
        for row in arena.rows
        if row.collapse is not None and row.collapse.seeds_fallen
    ]
    return f" Collapsed: {listed(fallen)}." if fallen else ""


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
        label = f"{row.label} (which breaks the contract)" if row.broken else row.label
        labels.setdefault(row.outcome(), []).append(label)
    said = []
    if clearing := labels.get(Verdict.CLEARS):
        said.append(f"{listed(clearing)} {verb(clearing, 'clears', 'clear')} the DPO envelope")
    elif not controls_alone:
        said.append("no method is shown to clear the DPO envelope")
    if others := labels.get(Verdict.DOES_NOT):
        said.append(f"{listed(others)} {verb(others, 'does', 'do')} not clear it")
    if unsure := labels.get(Verdict.CANNOT_TELL):
        said.append(f"one cannot tell of {listed(unsure)}{_compatible(methods)}")
    if winning := labels.get(Verdict.NOMINAL_WIN):
        said.append(f"{listed(winning)} {verb(winning, 'reaches', 'reach')} a nominal utility that DPO does not")
    if at_edge := labels.get(Verdict.EDGE):
        said.append(f"{listed(at_edge)} {verb(at_edge, 'stands', 'stand')} at the edge of DPO's nominal utilities")
    if unjudged := labels.get(Verdict.NOT_JUDGED):
        said.append(f"{listed(unjudged)} could not be judged")
    return said


def _compatible(methods: Sequence[Row]) -> str:
    """The greatest lift that is compatible with what was seen, over the rows of which one cannot tell."""
    highs = [
        row.metrics[HEADLINE].high for row in methods if row.verdict is Verdict.CANNOT_TELL and HEADLINE in row.metrics
    ]
    known = [high for high in highs if high is not None]
    return f" (lifts up to {signed(max(known))} are compatible)" if known else ""
