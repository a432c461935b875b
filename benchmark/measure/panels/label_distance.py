"""Distances between the labels that two shifts give to the same pairs: every shift on one axis, whatever its family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.suites.labelled import OWN_LABELS
from shifts.base import Rewards, Shift
from shifts.labels import LUCE, Labelling, log_label_chances


@dataclass(frozen=True)
class LabelDistance:
    """Means over pairs; p is P(first is chosen) under a shift, p0 under the training shift.

    flip_rate: p (1 - p0) + (1 - p) p0, the chance that two labels drawn apart differ. Of the training shift with itself
        it is what label noise alone does, 2 p0 (1 - p0).
    kl: KL(Bernoulli(p) || Bernoulli(p0)), nats; None where it is infinite, as where noise-free labels differ.
    w1: |p - p0|, the Wasserstein-1 distance of the two label distributions, with distance 1 between the two labels.
    new_labels: share of pairs that get a label under the shift that training never gives; above 0 where kl is None.
    """

    flip_rate: float
    kl: float | None
    w1: float
    new_labels: float = 0.0


def label_distance(shift: Shift, train: Shift, first: Rewards, second: Rewards, labelling: Labelling) -> LabelDistance:
    """The distance between labels under `shift` and under `train`, over pairs of completions.

    Args:
        shift: the evaluation shift.
        train: the training shift.
        first: rewards of the first completion of each pair, shape [pairs] per objective.
        second: of the second.
        labelling: how annotators choose between two utilities.
    """
    log_p, log_p0 = (log_label_chances(point, first, second, labelling) for point in (shift, train))
    p, p0 = np.exp(log_p), np.exp(log_p0)
    with np.errstate(invalid="ignore"):  # 0 log 0: a label that is never given costs nothing
        kl = float(np.where(p > 0, p * (log_p - log_p0), 0.0).sum(axis=0).mean())
    flipped = float((p * p0[::-1]).sum(axis=0).mean())
    w1 = float(np.abs(p - p0)[0].mean())
    if np.isfinite(kl):
        return LabelDistance(flipped, kl, w1)
    never = (p > 0) & (p0 == 0)
    return LabelDistance(flipped, None, w1, float(never.any(axis=0).mean()))


def labelling_of(environments: Sequence[Mapping[str, Any]], train: str) -> Labelling | None:
    """How the runs that have the training shift `train` drew its labels; None where one does not say, or two differ."""
    recorded = [environment.get("labelling") for environment in environments if train in environment["eval_shifts"]]
    if not recorded or recorded[0] is None or any(other != recorded[0] for other in recorded):
        return None
    if recorded[0] == OWN_LABELS:
        return Labelling(LUCE)  # a share of people's labels is the chance of a label
    return Labelling(**recorded[0])
