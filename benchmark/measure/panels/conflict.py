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
from benchmark.report import Absent, Conflict, ConflictKind, Correlations, EvalShift, LabelAgreement
from shifts.base import LENGTH, TIME, Rewards, Shift, parse_shift
from shifts.labels import Labelling

SAME_LABELS = 0.95  # agreement from which two shifts count as one
MOST_CORRELATIONS = 6  # that are shown; of many objectives those that conflict most


@dataclass(frozen=True)
class Distance:
    """What separates an evaluation shift from the training shift.

    agreement: P(sign of the utility gap is the same under both), noise-free, ties half; of a population of annotators
        the utility is its mean.
    target_gap: E[u(chosen) - u(rejected)] of the evaluation shift's u under training labels, units of utility.
    correlation: Pearson, of the two utilities over all completions; None where one of them is constant.
    flip_rate, label_kl, label_w1: see `label_distance`; None where it is not known how labels are drawn.
    label_absent: why a distance of labels is missing; new_labels: see `label_distance`.
    """

    agreement: float
    target_gap: float
    correlation: float | None
    flip_rate: float | None
    label_kl: float | None
    label_w1: float | None
    label_absent: Absent | None
    new_labels: float


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
        labelling: how annotators choose; None where the run does not say. Nor does it where it did not keep what the
            annotators see.
    """
    first, second, first_chosen = _known_to(shift, train, first, second, first_chosen)
    gap = _gap(shift, first, second)
    agreement = 0.5 + 0.5 * np.sign(gap) * np.sign(_gap(train, first, second))
    utilities = [np.concatenate([point.utility(side) for side in (first, second)]) for point in (shift, train)]
    seen = {*shift.features, *train.features} <= first.features
    labels = label_distance(shift, train, first, second, labelling) if labelling is not None and seen else None
    return Distance(
        agreement=float(agreement.mean()),
        target_gap=float(np.where(first_chosen, gap, -gap).mean()),
        correlation=_correlation(*utilities),
        flip_rate=labels.flip_rate if labels else None,
        label_kl=labels.kl if labels else None,
        label_w1=labels.w1 if labels else None,
        label_absent=(Absent.NEW_LABELS if labels.new_labels else None) if labels else Absent.LABELLING_NOT_RECORDED,
        new_labels=labels.new_labels if labels else 0.0,
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
        pairs: rows of pair_rewards.parquet of one training shift: `first_OBJECTIVE`, `second_OBJECTIVE`,
            `first_chosen`.
        train: the training shift.
        evaluated: the evaluation shifts.
        objectives: of the suite.
        labelling: how annotators choose; None where the run does not say.
    """
    if pairs is None or pairs.empty:
        return [None] * len(evaluated)
    first, second = _sides(pairs, objectives)
    chosen = pairs["first_chosen"].to_numpy(dtype=bool)
    return [
        distance(shift, train, first, second, chosen, labelling) if _share_pairs(shift, train, first, second) else None
        for shift in evaluated
    ]


def label_agreement(pairs: pd.DataFrame | None, train: Shift, objectives: Sequence[str]) -> LabelAgreement | None:
    """How often the training labels are the choice of the training utility, ties half; None without pairs."""
    if pairs is None or pairs.empty:
        return None
    chosen = np.where(pairs["first_chosen"].to_numpy(dtype=bool), 1, -1)
    gap = _gap(train, *_sides(pairs, objectives))
    known = ~np.isnan(gap)
    if not known.any():
        return None
    agree = 0.5 + 0.5 * np.sign(gap[known]) * chosen[known]
    return LabelAgreement(float(agree.mean()), int(known.sum()), _population(train))


def conflict(shifts: Sequence[EvalShift]) -> Conflict:
    """Whether there is a conflict that robustness could show in, seen at the shift of least target gap."""
    known = [
        (shift, shift.agreement, shift.target_gap)
        for shift in shifts
        if shift.agreement is not None and shift.target_gap is not None
    ]
    if not known:
        return Conflict(ConflictKind.NOT_MEASURED)
    shift, agreement, gap = min(known, key=lambda entry: entry[2])
    kind = ConflictKind.CONFLICT
    if gap >= 0:
        kind = ConflictKind.NONE
    elif agreement >= SAME_LABELS:
        kind = ConflictKind.HARDLY
    (point,) = parse_shift(shift.name)
    return Conflict(kind, shift_label(point), agreement, gap, shift.correlation, _population(point))


def objective_correlations(suite: str, pairs: pd.DataFrame | None, objectives: Sequence[str]) -> Correlations:
    """Correlations of the objectives' rewards over the completions of the pairs, least first; of many the least ones.
    None where there are no pairs, or no two objectives vary."""
    if pairs is None or pairs.empty:
        return Correlations(suite, (), 0)
    sides = _sides(pairs, objectives)
    rewards = {name: np.concatenate([side[name] for side in sides]) for name in objectives}
    of_two = {(a, b): _correlation(rewards[a], rewards[b]) for a, b in combinations(objectives, 2)}
    known = sorted((value, names) for names, value in of_two.items() if value is not None)
    return Correlations(suite, tuple((a, b, value) for value, (a, b) in known[:MOST_CORRELATIONS]), len(known))


def _population(shift: Shift) -> bool:
    """Whether its labels come from several groups of annotators, so that nobody holds its utility."""
    return len(shift.annotators()) > 1


def _sides(pairs: pd.DataFrame, objectives: Sequence[str]) -> tuple[Rewards, Rewards]:
    """What annotators saw of both completions. Whoever labels at no time of the training period labels now, at its
    end."""
    times = pairs["time"].fillna(1.0).to_numpy() if "time" in pairs else np.ones(len(pairs))
    first, second = (
        Rewards(
            {name: pairs[f"{side}_{name}"].to_numpy() for name in objectives}, {TIME: times, **_lengths(pairs, side)}
        )
        for side in ("first", "second")
    )
    return first, second


def _lengths(pairs: pd.DataFrame, side: str) -> dict[str, Floats]:
    """Lengths in tokens, where the run kept them."""
    column = f"length_{side}"
    return {LENGTH: pairs[column].to_numpy()} if column in pairs and pairs[column].notna().all() else {}


def _known(shift: Shift, train: Shift, first: Rewards, second: Rewards) -> Bools:
    """Pairs whose utilities both shifts know, shape [pairs]: not every group of annotators is asked everything."""
    return ~np.isnan(_gap(shift, first, second) + _gap(train, first, second))


def _share_pairs(shift: Shift, train: Shift, first: Rewards, second: Rewards) -> bool:
    return bool(_known(shift, train, first, second).any())


def _known_to(
    shift: Shift, train: Shift, first: Rewards, second: Rewards, first_chosen: Bools
) -> tuple[Rewards, Rewards, Bools]:
    known = _known(shift, train, first, second)
    if known.all():
        return first, second, first_chosen
    return first.taken(known), second.taken(known), first_chosen[known]


def _gap(shift: Shift, first: Rewards, second: Rewards) -> Floats:
    return shift.utility(first) - shift.utility(second)


def _correlation(one: Floats, other: Floats) -> float | None:
    known = ~np.isnan(one + other)
    one, other = one[known], other[known]
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])
