"""A number with its interval, or the kind of reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Absent(StrEnum):
    """Why there is no number; `words.estimates` says it in words."""

    NOT_RECORDED = "not_recorded"
    NOT_RUN = "not_run"
    FAILED = "failed"
    SKIPPED = "skipped"
    NO_DPO = "no_dpo"
    NO_OTHER_DPO = "no_other_dpo"
    NO_COMMON_SEED = "no_common_seed"
    NO_SEED_WITH_DPO = "no_seed_with_dpo"
    NO_SEED_WITH_REFERENCE = "no_seed_with_reference"
    IS_DPO = "is_dpo"
    IS_REFERENCE = "is_reference"
    IS_PRICE_BASE = "is_price_base"
    IS_IN_ENVELOPE = "is_in_envelope"
    MAKES_ENVELOPE = "makes_envelope"
    NOMINAL_WIN = "nominal_win"
    EDGE = "edge"
    NOT_REACHED = "not_reached"
    NOT_PLANTED = "not_planted"
    HELD_AT_REFERENCE = "held_at_reference"
    NO_REFERENCE_PAIRS = "no_reference_pairs"
    LABELLING_NOT_RECORDED = "labelling_not_recorded"
    NEW_LABELS = "new_labels"
    NOTHING_SAMPLED = "nothing_sampled"
    NO_COMMON_ROWS = "no_common_rows"
    NO_TASKS = "no_tasks"


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval. Missing is None, never 0, and `absent` says of what kind the reason is.

    n: seeds behind it; with one seed the interval knows nothing of other seeds.
    empty_share: of replicates in which no mixture of DPO policies reaches the nominal utility, in [0, 1].
    against: key of the row that it was compared with, "" where there is none.
    reason: of a run that failed or was skipped, in the run's own words.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    absent: Absent | None = None
    empty_share: float = 0.0
    against: str = ""
    reason: str = ""


def missing(kind: Absent, n: int = 0, *, empty_share: float = 0.0, reason: str = "") -> Estimate:
    """A number that is not there, and why."""
    return Estimate(None, n=n, absent=kind, empty_share=empty_share, reason=reason)
