"""Sentences written from numbers: what a row shows, whether the controls behave, and what the group says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from benchmark.measure.table.comparer import EDGE, EMPTY
from benchmark.report.types import Estimate, Row

Outcome = Literal["clears", "does not", "nominal win", "edge", "unknown"]
FEW_SEEDS = 5
MOST_NAMES = 5  # that a sentence lists
CONTROLS = {  # what the headline says of the controls, by how a caveat begins
    "Controls fail": "controls fail, so this is not evidence",
    "A positive control fails": "not all controls behave",
    "No ": "not all controls were judged",
}


def outcome(over: Estimate | None, seeds: int) -> Outcome:
    """What an `over_envelope` says. One seed says nothing; an interval that touches 0 does not clear it."""
    if over is None or seeds < 2:
        return "unknown"
    if over.value is None or over.low is None:
        return "nominal win" if over.note.startswith(EMPTY) else "edge" if over.note.startswith(EDGE) else "unknown"
    return "clears" if over.low > 0 else "does not"


def row_verdict(row: Row) -> str:
    """A plain sentence about one row."""
    if row.status != "done" and not row.metrics:
        return f"{row.status.capitalize()}: {row.reason}" if row.reason else f"{row.status.capitalize()}."
    over = row.metrics.get("over_envelope")
    if over is None or (over.value is None and not over.note.startswith((EMPTY, EDGE))):
        return f"Not judged: {over.note}." if over and over.note else "Not judged."
    if over.value is None and over.note.startswith(EDGE):
        return f"At the edge of the nominal rewards that DPO reaches: no worst case to compare.{_empties(over)}"
    if over.value is None:
        return (
            "Reaches a nominal reward that no mixture of DPO policies reaches: a nominal win, with no worst case "
            "to compare."
        )
    number = _with_interval(over)
    if over.n < 2:
        return f"Over the DPO envelope by {number} on these prompts; one seed: it cannot be judged over seeds."
    against = " of the other betas" if row.method == "dpo" else ""
    if outcome(over, over.n) == "clears":
        return f"Clears the DPO envelope{against} by {number}.{_ungated(row)}{_empties(over)}"
    if over.high is not None and over.high < 0:
        return f"No more than early-stopped DPO: below the envelope{against} ({number}).{_empties(over)}"
    return f"No more than early-stopped DPO: not separable from the envelope{against} ({number}).{_empties(over)}"


def _ungated(row: Row) -> str:
    over = row.metrics.get("over_envelope_ungated")
    if over is None or over.value is None or over.low is None or over.low > 0:
        return ""
    return f" Without the language gate it does not ({_with_interval(over)})."


def _empties(over: Estimate) -> str:
    told = next((part for part in over.note.split("; ") if part.endswith("empty")), "")
    return f" {told[0].upper()}{told[1:]}." if told else ""


def _with_interval(over: Estimate) -> str:
    bounds = "" if over.low is None or over.high is None else f" [{signed(over.low)}, {signed(over.high)}]"
    return f"{signed(over.value or 0.0)}{bounds}"


def signed(value: float) -> str:
    """Three decimals with a sign; what rounds to zero has none."""
    text = f"{value:+.3f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else "0.000"


def control_caveats(rows: Sequence[Row]) -> tuple[str, ...]:
    """What is wrong with the controls, nothing where they behave.

    Positive: an oracle must clear the envelope. Negative: plain DPO at a beta inside the sweep, left out of it, must
    not (the ends of the sweep may: without them the others reach less far).
    """
    if not any(row.metrics for row in rows):
        return ()
    caveats = []
    positive = [row for row in rows if row.role == "positive control"]
    judged = [row for row in positive if _outcome(row) not in ("unknown", "nominal win", "edge")]
    if not judged:
        caveats.append(
            "No positive control was judged (oracle): a method that does not clear may only show that nothing could."
        )
    elif missed := [row.label for row in judged if _outcome(row) != "clears"]:
        failing = f"{_listed(missed)}, which {_verb(missed, 'knows', 'know')} more than a method does,"
        clear = f"{_verb(missed, 'does', 'do')} not clear the DPO envelope"
        caveats.append(
            f"Controls fail: {failing} {clear}. Not evidence about robustness."
            if len(missed) == len(judged)
            else f"A positive control fails: {failing} {clear}, while another does."
        )
    inside = inner_dpo(rows)
    caveats += [
        f"Controls fail: {row.label}, plain DPO, clears the envelope of the other betas. Not evidence about robustness."
        for row in inside
        if _outcome(row) == "clears"
    ]
    if not [row for row in inside if _outcome(row) != "unknown"]:
        caveats.append("No negative control was judged: it takes plain DPO at three values of beta or more.")
    return tuple(caveats)


def inner_dpo(rows: Sequence[Row]) -> list[Row]:
    """Plain DPO rows whose beta lies strictly inside the sweep."""
    dpo = sorted(
        (row for row in rows if row.method == "dpo" and "beta" in row.hparams and row.seeds_done),
        key=lambda row: float(row.hparams["beta"]),
    )
    return dpo[1:-1]


def seed_caveats(seeds: int) -> tuple[str, ...]:
    """What few seeds do to the intervals."""
    if seeds == 1:
        return ("One seed only: intervals are over prompts, and nothing can be said over seeds.",)
    if 1 < seeds < FEW_SEEDS:
        return (
            f"{seeds} seeds: intervals allow for it and are wide where seeds differ; five or more tell more apart.",
        )
    return ()


def headline(rows: Sequence[Row], caveats: Sequence[str], seeds: int) -> str:
    """One sentence: which methods clear the envelope, which do not, on how many seeds, and whether controls behave."""
    methods = [row for row in rows if row.role == "method" and row.metrics]
    controls_alone = not methods
    if controls_alone:
        methods = [row for row in rows if row.role == "positive control" and row.metrics]
    if not methods:
        return "No method has finished yet."
    if seeds == 1:
        return "One seed: what clears the DPO envelope cannot be judged over seeds."
    names = {
        kind: [row.label for row in methods if _outcome(row) == kind]
        for kind in ("clears", "does not", "nominal win", "edge", "unknown")
    }
    parts = []
    if names["clears"]:
        parts.append(f"{_listed(names['clears'])} {_verb(names['clears'], 'clears', 'clear')} the DPO envelope")
    if names["does not"]:
        lead = "" if names["clears"] or controls_alone else "no method clears the DPO envelope: "
        parts.append(
            f"{lead}{_listed(names['does not'])} {_verb(names['does not'], 'is', 'are')} no more than early-stopped DPO"
        )
    if names["nominal win"]:
        parts.append(
            f"{_listed(names['nominal win'])} {_verb(names['nominal win'], 'reaches', 'reach')} a nominal "
            "reward that DPO does not"
        )
    if names["edge"]:
        stand = _verb(names["edge"], "stands", "stand")
        parts.append(f"{_listed(names['edge'])} {stand} at the edge of DPO's nominal rewards")
    if names["unknown"]:
        parts.append(f"{_listed(names['unknown'])} could not be judged")
    controls = next(
        (told for start, told in CONTROLS.items() if any(c.startswith(start) for c in caveats)), "controls behave"
    )
    alone = "only controls were trained here: " if controls_alone else ""
    sentence = f"{alone}{'; '.join(parts)} ({seeds} seeds; {controls})."
    return sentence[0].upper() + sentence[1:]


def _outcome(row: Row) -> Outcome:
    over = row.metrics.get("over_envelope")
    return outcome(over, over.n if over else 0)


def _listed(names: Sequence[str]) -> str:
    """In words; of many the first ones, and how many more."""
    if len(names) > MOST_NAMES:
        names = [*names[: MOST_NAMES - 1], f"{len(names) - MOST_NAMES + 1} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _verb(names: Sequence[str], one: str, many: str) -> str:
    return one if len(names) == 1 else many
