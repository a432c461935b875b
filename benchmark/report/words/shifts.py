"""Whether robustness could show in an arena, and why a distance between labels is missing."""

from __future__ import annotations

from benchmark.report.page import Arena
from benchmark.report.shifts import Conflict, ConflictKind, EvalShift, LabelAgreement
from benchmark.report.words.estimates import ABSENT
from benchmark.report.words.numbers import signed


def conflict(arena: Arena) -> str:
    """Whether there is a conflict that robustness could show in, and how far the labels follow the training utility."""
    return conflict_sentence(arena.conflict) + label_sentence(arena.label_agreement)


def conflict_sentence(seen: Conflict) -> str:
    """The conflict at the shift of least target gap."""
    if seen.kind is ConflictKind.NOT_MEASURED:
        return "Conflict not measured: the run has no reference pairs."
    where = f"under {seen.label}"
    shares = f"annotators agree with the training labels on {seen.agreement:.0%} of pairs"
    if seen.population:
        shares = f"the population's mean choice is that of training on {seen.agreement:.0%} of pairs"
    alike = "" if seen.correlation is None else f" The two utilities have correlation {signed(seen.correlation, 2)}."
    if seen.kind is ConflictKind.NONE:
        return (
            f"No conflict: even {where}, where {shares}, the chosen completion is better by {seen.gap:.3f}; "
            f"robustness can hardly show here.{alike}"
        )
    if seen.kind is ConflictKind.HARDLY:
        return f"Hardly a conflict: {where} {shares}; robustness can hardly show here.{alike}"
    return f"Conflict: {where} {shares}, and the chosen completion is worse by {-seen.gap:.3f}.{alike}"


def label_sentence(agreement: LabelAgreement | None) -> str:
    """How often the training labels are the choice of the training utility; "" where there are no pairs."""
    if agreement is None:
        return ""
    choice = "the choice of the population's mean utility" if agreement.population else "the noise-free choice"
    return f" Training labels are {choice} on {agreement.share:.0%} of {agreement.pairs:,} pairs."


def label_absence(shift: EvalShift) -> str:
    """Why a distance between labels under this shift and under the training shift is missing; "" where none is."""
    if shift.new_labels:
        return f"infinite: {shift.new_labels:.0%} of pairs get a label that training never gives"
    return "" if shift.label_absent is None else ABSENT[shift.label_absent]
