"""Statements of papers, and what the runs say to each: numbers and kinds, no sentences but the papers'."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from benchmark.report.estimates import Estimate


class ClaimVerdict(StrEnum):
    """What an interval says to a claim.

    by_training_less: it holds as stated, and not at equal KL: a rival that was trained less would do the same.
    """

    REPRODUCED = "reproduced"
    BY_TRAINING_LESS = "by_training_less"
    NOT_REPRODUCED = "not_reproduced"
    CANNOT_TELL = "cannot_tell"
    NOT_RUN_HERE = "not_run_here"


@dataclass(frozen=True)
class Subject:
    """What a number is of: the label of a setting, or a method's title with the number of settings that it averages."""

    label: str
    settings: int = 1


@dataclass(frozen=True)
class Measured:
    """The number that a claim is checked by: of `subject`, minus that of `rival`, where there is one.

    metric: its name; far_shift: label of the evaluation shift that lies farthest, where the metric speaks of one;
    rival_scenario: of an analytic suite, where the same method is compared with itself in another scenario; gated: the
    same number with the language gate, where `estimate` is without; matched_kl: the same number against the rival
    stopped where it has the subject's KL, of claims that training less can meet; claimed, threshold: the claim's side.
    """

    metric: str
    subject: Subject
    estimate: Estimate
    claimed: Literal["above", "below"]
    threshold: float = 0.0
    rival: Subject | None = None
    rival_scenario: str = ""
    far_shift: str = ""
    gated: Estimate | None = None
    matched_kl: Estimate | None = None


class NotChecked(StrEnum):
    """Why there is no number to check a claim by."""

    NO_AXIS = "no_axis"
    NOT_FINISHED = "not_finished"
    NO_COMMON_SEED = "no_common_seed"
    NO_SUITE = "no_suite"
    NO_TRAINING_SHIFT = "no_training_shift"
    NO_TASK = "no_task"
    CANNOT_BE_RUN = "cannot_be_run"


@dataclass(frozen=True)
class Unchecked:
    """Why there is no number, with its facts.

    method: title of the one that was not finished; metric, subject, rival: of what no seed has, or metric
    alone, of lm-eval, which no run was held to; suite; family, mixing:
    of the training shift that is missing; reason: of a claim that no suite can check, in the catalogue's own words.
    """

    kind: NotChecked
    method: str = ""
    metric: str = ""
    subject: Subject | None = None
    rival: Subject | None = None
    suite: str = ""
    family: str = ""
    mixing: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Place:
    """Where a claim was checked: a suite, and the label of a training shift or the name of a scenario ("": none)."""

    suite: str
    where: str = ""


@dataclass(frozen=True)
class Finding:
    """What the runs of one place say to one check; `place` is None where nothing was run."""

    place: Place | None
    verdict: ClaimVerdict
    evidence: Measured | Unchecked


@dataclass(frozen=True)
class Claim:
    """A statement of a paper, and what the runs of one place say to it; or why no run does, with all reasons."""

    id: str
    paper: str
    source: str  # section, table or figure
    text: str
    verdict: ClaimVerdict
    findings: tuple[Finding, ...]

    @property
    def place(self) -> Place | None:
        """Where it was checked; None where it was not."""
        return None if self.verdict is ClaimVerdict.NOT_RUN_HERE else self.findings[0].place
