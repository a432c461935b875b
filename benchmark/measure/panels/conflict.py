"""How far an evaluation shift is from the training shift, as the pairs that were trained on see it.

Where annotators of both shifts want the same, no method can show robustness, and the page has to say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from benchmark.core.data import Bools, Floats
from benchmark.measure.panels.label_distance import label_distance
from benchmark.measure.runs.names import shift_label
from benchmark.report.types import EvalShift
from shifts.base import Rewards, Shift, parse_shift
from shifts.labels import Labelling

SAME_LABELS = 0.95  # agreement from which two shifts count as one
MOST_CORRELATIONS = 6  # that are told; of many objectives those that conflict most


@dataclass(frozen=True)
class Distance:
    """What separates an evaluation shift from the training shift.

    agreement: P(sign of the utility gap is the same under both), noise-free, ties half; of a population of annotators
        the utility is its mean.
    target_gap: E[u(chosen) - u(rejected)] of the evaluation shift's u under training labels, units of utility.
    correlation: Pearson, of the two utilities over all completions; None where one of them is constant.
    flip_rate, label_kl, label_w1: see `label_distance`; None where it is not known how labels are drawn.
    note: why a distance of labels is missing.
    """

    agreement: float
    target_gap: float
    correlation: float | None
    flip_rate: float | None
    label_kl: float | None
    label_w1: float | None
    note: str


def distance(
    shift: Shift, train: Shift, first: Rewards, second: Rewards, first_chosen: Bools, labelling: Labelling | None
) -> Distance:
    """The distance of `shift` from `train` over pairs of reference completions.

    Args:
        shift: the evaluation shift.
        train: the training shift.
        first: rewards of the first completion of each pair, shape [pairs] per objective.
        second: of the second.
        first_chosen: which one the training label chose, shape [pairs].
        labelling: how annotators choose; None where the run does not say.
    """
    gap = _gap(shift, first, second)
    agreement = 0.5 + 0.5 * np.sign(gap) * np.sign(_gap(train, first, second))
    utilities = [np.concatenate([point.utility(side) for side in (first, second)]) for point in (shift, train)]
    labels = None if labelling is None else label_distance(shift, train, first, second, labelling)
    return Distance(
        agreement=float(agreement.mean()),
        target_gap=float(np.where(first_chosen, gap, -gap).mean()),
        correlation=_correlation(*utilities),
        flip_rate=labels.flip_rate if labels else None,
        label_kl=labels.kl if labels else None,
        label_w1=labels.w1 if labels else None,
        note=labels.note if labels else "the run does not say how labels were drawn",
    )


def distances(
    pairs: pd.DataFrame | None,
    train: Shift,
    evaluated: Sequence[Shift],
    objectives: Sequence[str],
    labelling: Labelling | None,
) -> list[Distance | None]:
    """The distance of every evaluation shift, pooled over seeds; None for all where there are no pairs.

    Args:
        pairs: rows of pair_rewards.parquet of a training shift: `first_OBJECTIVE`, `second_OBJECTIVE`, `first_chosen`.
        train: the training shift.
        evaluated: the evaluation shifts.
        objectives: of the suite.
        labelling: how annotators choose; None where the run does not say.
    """
    if pairs is None or pairs.empty:
        return [None] * len(evaluated)
    first, second = _sides(pairs, objectives)
    chosen = pairs["first_chosen"].to_numpy(dtype=bool)
    return [distance(shift, train, first, second, chosen, labelling) for shift in evaluated]


def label_sentence(pairs: pd.DataFrame | None, train: Shift, objectives: Sequence[str]) -> str:
    """How often the training labels are the choice of the training utility, ties half; "" where there are no pairs."""
    if pairs is None or pairs.empty:
        return ""
    chosen = np.where(pairs["first_chosen"].to_numpy(dtype=bool), 1, -1)
    agree = 0.5 + 0.5 * np.sign(_gap(train, *_sides(pairs, objectives))) * chosen
    choice = "the choice of the population's mean utility" if _population(train) else "the noise-free choice"
    return f" Training labels are {choice} on {agree.mean():.0%} of {len(pairs):,} pairs."


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
    (point,) = parse_shift(shift.name)
    where = f"under {shift_label(point)}"
    shares = f"annotators agree with the training labels on {agreement:.0%} of pairs"
    if _population(point):
        shares = f"the population's mean choice is that of training on {agreement:.0%} of pairs"
    told = "" if shift.correlation is None else f" The two utilities have correlation {_signed(shift.correlation)}."
    if gap >= 0:
        return (
            f"No conflict: even {where}, where {shares}, the chosen completion is better by {gap:.3f}; "
            f"robustness can hardly show here.{told}"
        )
    if agreement >= SAME_LABELS:
        return f"Hardly a conflict: {where} {shares}; robustness can hardly show here.{told}"
    return f"Conflict: {where} {shares}, and the chosen completion is worse by {-gap:.3f}.{told}"


def objective_correlations(pairs: pd.DataFrame | None, objectives: Sequence[str]) -> str:
    """Correlations of the objectives' rewards over the completions of the pairs, least first, such as `joy and sadness
    −0.31`; of many the least ones, and out of how many. "" where there are no pairs, or no two objectives vary."""
    if pairs is None or pairs.empty:
        return ""
    sides = _sides(pairs, objectives)
    rewards = {name: np.concatenate([side[name] for side in sides]) for name in objectives}
    found = {(a, b): _correlation(rewards[a], rewards[b]) for a, b in combinations(objectives, 2)}
    known = sorted((value, names) for names, value in found.items() if value is not None)
    told = ", ".join(f"{a} and {b} {_signed(value)}" for value, (a, b) in known[:MOST_CORRELATIONS])
    return f"{told} (the least of {len(known)})" if len(known) > MOST_CORRELATIONS else told


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _population(shift: Shift) -> bool:
    """Whether its labels come from several groups of annotators, so that nobody holds its utility."""
    return len(shift.annotators()) > 1


def _sides(pairs: pd.DataFrame, objectives: Sequence[str]) -> tuple[Rewards, Rewards]:
    first, second = (
        Rewards({name: pairs[f"{side}_{name}"].to_numpy() for name in objectives}) for side in ("first", "second")
    )
    return first, second


def _gap(shift: Shift, first: Rewards, second: Rewards) -> Floats:
    return shift.utility(first) - shift.utility(second)


def _correlation(one: Floats, other: Floats) -> float | None:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])
