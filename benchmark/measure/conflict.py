"""How far an evaluation shift is from the training shift, as the pairs that were trained on see it.

Where annotators of both shifts want the same, no method can show robustness, and the page has to say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.data import Bools, Floats
from benchmark.measure.names import shift_label
from benchmark.measure.report import EvalShift
from shifts.base import Rewards, Shift, parse_shift

SAME_LABELS = 0.95  # agreement from which two shifts count as one


@dataclass(frozen=True)
class Distance:
    """What separates an evaluation shift from the training shift.

    agreement: P(sign of the utility gap is the same under both), noise-free, ties half.
    target_gap: E[u(chosen) - u(rejected)] of the evaluation shift's u under training labels, units of utility.
    """

    agreement: float
    target_gap: float


def distance(shift: Shift, train: Shift, first: Rewards, second: Rewards, first_chosen: Bools) -> Distance:
    """The distance of `shift` from `train` over pairs of reference completions.

    Args:
        shift: the evaluation shift.
        train: the training shift.
        first: rewards of the first completion of each pair, shape [pairs] per objective.
        second: of the second.
        first_chosen: which one the training label chose, shape [pairs].
    """
    gap = _gap(shift, first, second)
    agreement = 0.5 + 0.5 * np.sign(gap) * np.sign(_gap(train, first, second))
    return Distance(float(agreement.mean()), float(np.where(first_chosen, gap, -gap).mean()))


def distances(
    pairs: pd.DataFrame | None, train: Shift, evaluated: Sequence[Shift], objectives: Sequence[str]
) -> list[Distance | None]:
    """The distance of every evaluation shift, pooled over seeds; None for all where there are no pairs.

    Args:
        pairs: rows of conflict.parquet of one training shift: `first_OBJECTIVE`, `second_OBJECTIVE`, `first_chosen`.
        train: the training shift.
        evaluated: the evaluation shifts.
        objectives: of the suite.
    """
    if pairs is None or pairs.empty:
        return [None] * len(evaluated)
    first, second = (
        Rewards({name: pairs[f"{side}_{name}"].to_numpy() for name in objectives}) for side in ("first", "second")
    )
    chosen = pairs["first_chosen"].to_numpy(dtype=bool)
    return [distance(shift, train, first, second, chosen) for shift in evaluated]


def label_sentence(pairs: pd.DataFrame | None, train: Shift, objectives: Sequence[str]) -> str:
    """How often the training labels are the noise-free choice, ties counting half; "" where there are no pairs."""
    if pairs is None or pairs.empty:
        return ""
    sides = [Rewards({name: pairs[f"{side}_{name}"].to_numpy() for name in objectives}) for side in ("first", "second")]
    chosen = np.where(pairs["first_chosen"].to_numpy(dtype=bool), 1, -1)
    agree = 0.5 + 0.5 * np.sign(_gap(train, *sides)) * chosen
    return f" Training labels are the noise-free choice on {agree.mean():.0%} of {len(pairs):,} pairs."


def conflict_sentence(shifts: Sequence[EvalShift]) -> str:
    """Whether there is a conflict that robustness could show in, judged at the shift of least target gap."""
    known = [
        (shift, shift.agreement, shift.target_gap)
        for shift in shifts
        if shift.agreement is not None and shift.target_gap is not None
    ]
    if not known:
        return "Conflict not measured: the run has no reference pairs."
    shift, agreement, gap = min(known, key=lambda entry: entry[2])
    where = f"under {shift_label(parse_shift(shift.name)[0])}"
    shares = f"annotators agree with the training labels on {agreement:.0%} of pairs"
    if gap >= 0:
        return (
            f"No conflict: even {where}, where {shares}, the chosen completion is better by {gap:.3f}; "
            "robustness can hardly show here."
        )
    if agreement >= SAME_LABELS:
        return f"Hardly a conflict: {where} {shares}; robustness can hardly show here."
    return f"Conflict: {where} {shares}, and the chosen completion is worse by {-gap:.3f}."


def _gap(shift: Shift, first: Rewards, second: Rewards) -> Floats:
    return shift.utility(first) - shift.utility(second)
