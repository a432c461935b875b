"""Estimates as text: value, interval and n, or a dash with the reason why there is none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from benchmark.report import METRICS, RANK, TO_DPO, Absent, Estimate, Metric, Row, Standing, Verdict, words

MISSING = "\N{EN DASH}"
SAID = {  # where no number is a finding, and no lack of one
    Absent.MAKES_ENVELOPE: "makes the envelope",
    Absent.IS_IN_ENVELOPE: "in the envelope",
    Absent.IS_DPO: "is DPO",
    Absent.IS_REFERENCE: "is the reference",
    Absent.IS_PRICE_BASE: "is DPO",
    Absent.NOMINAL_WIN: "nominal win",
    Absent.EDGE: "at the edge",
}
STILL = 0.01  # nats of KL to the reference, at most: such a policy is the reference by another name
DOES_NOT_MOVE = "does not move"

COLUMNS = (RANK, METRICS[0], TO_DPO, *METRICS[1:])  # in the order of the page, behind a row's name and its seeds
ALWAYS = (RANK, METRICS[0])
SIGNED = (METRICS[0], TO_DPO)  # printed with + or -

# Which columns stand together, beside those that are always there.
VIEWS: dict[str, tuple[str, ...]] = {
    "Main": (
        "gated_difference_to_dpo",
        "over_envelope",
        "gated_nominal",
        "gated_worst_case",
        "gated_robustness_gap",
        "gated_auc",
        "quality",
        "kl_to_reference",
        "step_ratio_to_dpo",
    ),
    "Ungated and gold": (
        "over_envelope",
        "nominal",
        "worst_case",
        "robustness_gap",
        "auc",
        "gated_gold_worst_case",
        "gold_worst_case",
    ),
    "KL and price": ("gated_nominal", "kl_to_reference", "kl_median", "gated_kl_saving", "gated_price", "price"),
    "Tasks": ("gated_nominal", "gated_worst_case", "kl_to_reference", "lm_eval"),
    "Text": ("quality", "gated_win_rate", "win_rate", "preference_accuracy", "length", "eos_rate", "distinct_2"),
    "Labels": (
        "preference_accuracy",
        "length_controlled_accuracy",
        "worst_group_accuracy",
        "worst_group_length_controlled_accuracy",
        "implicit_margin",
        "length_controlled_margin",
        "calibration_error",
    ),
    "Cost": ("train_seconds", "step_ratio_to_dpo", "peak_memory_mb"),
    "All": tuple(column.name for column in COLUMNS),
}


@dataclass(frozen=True)
class Cell:
    """One cell of the main table, ready to print.

    order: the number behind the text, None where there is none; kind: how the cell is marked ("said": words in the
    place of a number); word: a verdict in a word or two, nothing in most columns; hint: what the word rests on.
    """

    text: str
    interval: str
    n: str
    note: str
    order: float | None
    kind: Literal["value", "clears", "below", "said", "missing"]
    word: str = ""
    hint: str = ""


def finite(value: float | None) -> float | None:
    """The value, or None where it is missing or not a number."""
    return value if value is not None and math.isfinite(value) else None


def number(value: float | None, decimals: int, signed: bool = False) -> str:
    """A number with a fixed count of decimals and a true minus sign (zero has none); a dash where it is missing."""
    if finite(value) is None:
        return MISSING
    text = f"{value:{'+' if signed else ''},.{decimals}f}"
    return text.replace("-", words.MINUS) if float(text.replace(",", "")) else text.lstrip("+-")


def interval(estimate: Estimate, decimals: int) -> str:
    """`[low, high]`, or nothing where there is no interval."""
    if finite(estimate.low) is None or finite(estimate.high) is None:
        return ""
    return f"[{number(estimate.low, decimals)}, {number(estimate.high, decimals)}]"


def usual_n(row: Row) -> int | None:
    """The n behind most numbers of a row: printed once, and in a cell only where the cell's own n differs."""
    counts = Counter(estimate.n for estimate in row.metrics.values() if finite(estimate.value) is not None)
    return counts.most_common(1)[0][0] if counts else None


def is_still(row: Row) -> bool:
    """Whether the policy has not moved from the reference: its KL is at most `STILL`."""
    kl = finite(row.metrics.get("kl_to_reference", Estimate(None)).value)
    return kl is not None and abs(kl) <= STILL


def said(estimate: Estimate) -> str:
    """What stands in the place of a number: words where that is a finding, else a dash."""
    return MISSING if estimate.absent is None else SAID.get(estimate.absent, MISSING)


def cell(row: Row, column: Metric, shared: Collection[int] = ()) -> Cell:
    """The cell of `row` in `column`; `shared` are the ranks that several rows have."""
    if column is RANK:
        return _rank(row, shared)
    if column is TO_DPO:
        return _to_dpo(row)
    return _estimate(row, column, row.metrics.get(column.name, Estimate(None)))


def _rank(row: Row, shared: Collection[int]) -> Cell:
    if row.rank is None:
        return _missing(words.not_ranked(row))
    return Cell(f"={row.rank}" if row.rank in shared else str(row.rank), "", "", "", row.rank, "value")


def _to_dpo(row: Row) -> Cell:
    compared = row.comparison
    if compared is None:
        return _missing(words.not_compared(row), SAID[Absent.IS_DPO] if row.method == "dpo" else MISSING)
    made = _estimate(row, TO_DPO, compared.difference)
    if made.order is None or compared.verdict == "not compared":
        return made
    kind: dict[Standing, Literal["clears", "below"]] = {"better": "clears", "worse": "below"}
    hint = words.comparison_values(compared)
    if is_still(row):
        return replace(made, word=DOES_NOT_MOVE, hint=hint)
    return replace(made, kind=kind.get(compared.verdict, "value"), word=compared.verdict, hint=hint)


def _missing(note: str, text: str = MISSING) -> Cell:
    return Cell(text, "", "", note, None, "missing" if text == MISSING else "said")


def _estimate(row: Row, column: Metric, estimate: Estimate) -> Cell:
    if (value := finite(estimate.value)) is None:
        return _missing(words.note(replace(estimate, value=None)), said(estimate))
    n = "" if estimate.n == usual_n(row) else f"n {estimate.n:,}"
    text = number(value, column.decimals, signed=column in SIGNED)
    return Cell(text, interval(estimate, column.decimals), n, words.note(estimate), value, _kind(row, estimate, column))


def _kind(row: Row, estimate: Estimate, column: Metric) -> Literal["value", "clears", "below"]:
    """Only the headline is marked, and only as its verdict says: one seed clears nothing."""
    if column.headline and row.verdict == Verdict.CLEARS:
        return "clears"
    under = estimate.n > 1 and estimate.high is not None and estimate.high < 0
    return "below" if column.headline and under else "value"


def notes(row: Row) -> list[tuple[str, str]]:
    """(columns, note) for every note of a row, columns that share a note together; missing numbers always have one."""
    columns: dict[str, list[str]] = {}
    for column in COLUMNS:
        if note := cell(row, column).note:
            columns.setdefault(note, []).append(column.label)
    return [(", ".join(labels), note) for note, labels in columns.items()]
