"""Evaluation shifts, and whether they conflict with the training shift."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from benchmark.report.estimates import Absent


@dataclass(frozen=True)
class EvalShift:
    """One evaluation shift and what makes it a shift away from the training shift.

    label_absent: why a distance of labels is missing; new_labels: share of pairs that get a label under this shift that
    training never gives, which makes `label_kl` infinite.
    """

    name: str  # the call that makes it
    label: str  # short, for an axis
    position: float | None  # alpha of a mixture, None where there is no axis
    is_training: bool
    agreement: float | None = None  # P(label under this shift = label under the training shift), noise-free
    target_gap: float | None = None  # E[u(chosen) - u(rejected)] under training labels, units of utility
    correlation: float | None = None  # of the two utilities over reference completions
    flip_rate: float | None = None  # P(sampled label under this shift != sampled label under the training shift)
    label_kl: float | None = None  # mean KL(label distribution under this shift || under the training shift), nats
    label_w1: float | None = None  # mean Wasserstein-1 distance of the two label distributions
    label_absent: Absent | None = None
    new_labels: float = 0.0


class ConflictKind(StrEnum):
    """Whether robustness could show."""

    NOT_MEASURED = "not_measured"
    NONE = "none"
    HARDLY = "hardly"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Conflict:
    """The evaluation shift of least target gap, and what it says.

    label: of that shift; agreement, gap, correlation: see `EvalShift`; population: its labels come from several groups
    of annotators, so that nobody holds its utility.
    """

    kind: ConflictKind
    label: str = ""
    agreement: float = 0.0
    gap: float = 0.0
    correlation: float | None = None
    population: bool = False


@dataclass(frozen=True)
class LabelAgreement:
    """How often training labels are the choice of the training utility, ties half, in [0, 1], over so many pairs."""

    share: float
    pairs: int
    population: bool  # the utility is the mean of several groups of annotators
