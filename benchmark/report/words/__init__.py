"""The one place where kinds become sentences: written last, for the page, the terminal and leaderboard.csv."""

from benchmark.report.words.caveats import caveat, difference, differences, repeats
from benchmark.report.words.claims import VERDICTS, claim_measured, claim_place, finding
from benchmark.report.words.controls import KINDS as CONTROL_KINDS
from benchmark.report.words.controls import MUST as CONTROL_MUST
from benchmark.report.words.controls import (
    control_label,
    control_outcome,
    control_sentences,
    controls_stand,
    judging_sentences,
)
from benchmark.report.words.estimates import absence, empties, note
from benchmark.report.words.headline import headline, nothing_done
from benchmark.report.words.numbers import MINUS, listed, plain_interval, signed, verb, with_interval
from benchmark.report.words.panels import collapse, seeds_needed, selection_note, variance_notes
from benchmark.report.words.settings import correlations, settings
from benchmark.report.words.shifts import conflict, conflict_sentence, label_absence, label_sentence
from benchmark.report.words.verdicts import (
    against_dpo,
    comparison_values,
    not_compared,
    not_ranked,
    reasons,
    row_verdict,
)

__all__ = [
    "CONTROL_KINDS",
    "CONTROL_MUST",
    "MINUS",
    "VERDICTS",
    "absence",
    "against_dpo",
    "caveat",
    "claim_measured",
    "claim_place",
    "collapse",
    "comparison_values",
    "conflict",
    "conflict_sentence",
    "control_label",
    "control_outcome",
    "control_sentences",
    "controls_stand",
    "correlations",
    "difference",
    "differences",
    "empties",
    "finding",
    "headline",
    "judging_sentences",
    "label_absence",
    "label_sentence",
    "listed",
    "not_compared",
    "not_ranked",
    "note",
    "nothing_done",
    "plain_interval",
    "reasons",
    "repeats",
    "row_verdict",
    "seeds_needed",
    "selection_note",
    "settings",
    "signed",
    "variance_notes",
    "verb",
    "with_interval",
]
