"""One row of the main table: a method with its hyper-parameters on one training shift."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from benchmark.report.estimates import Estimate
from benchmark.report.panels import AdversarialCurve, Variance
from benchmark.report.tasks import TaskScore
from benchmark.report.trajectories import Collapse, DiagnosticPoint, TrainingCurve, TrajectoryPoint

Status = Literal["done", "failed", "skipped"]
RowRole = Literal["method", "baseline", "positive control", "negative control"]
Standing = Literal["better", "worse", "cannot tell", "not compared"]
HEADLINE = "gated_over_envelope"
POWER = 0.8  # at which a lift counts as detectable


class Verdict(StrEnum):
    """What a row shows against the DPO envelope.

    clears: the whole interval, corrected for the number of rows, lies above 0. does_not: the whole interval lies below
    the margin. cannot_tell: neither.
    """

    CLEARS = "clears"
    DOES_NOT = "does_not"
    CANNOT_TELL = "cannot_tell"
    NOMINAL_WIN = "nominal_win"
    EDGE = "edge"
    ONE_SEED = "one_seed"
    NOT_JUDGED = "not_judged"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class ToDecide:
    """What it would take to see a lift of the margin at 80% power, with variances as they are: one of the two is known.

    seeds: in all, None where more prompts are needed first or no thousand seeds do; prompts: of test, and as many of
    validation.
    """

    seeds: int | None = None
    prompts: int | None = None


@dataclass(frozen=True)
class Curve:
    """Utility over the evaluation shifts, in the arena's order."""

    gated: tuple[Estimate, ...]
    ungated: tuple[Estimate, ...]


@dataclass(frozen=True)
class Comparison:
    """A row against plain DPO at its default setting, paired over seeds and prompts, by gated worst case."""

    against: str  # key of the DPO row
    difference: Estimate  # gated worst case of the row minus DPO's
    p: float | None = None  # two-sided, of this comparison alone
    p_holm: float | None = None  # corrected for all comparisons of the table
    verdict: Standing = "not compared"  # from p_holm


@dataclass(frozen=True)
class Row:
    """One method with its hyper-parameters on one training shift."""

    key: str  # the call, e.g. "kldpo(beta=0.1,tau=1)"; unique within an arena
    method: str
    hparams: dict[str, Any]
    label: str  # short, e.g. "KLDPO tau=1"
    role: RowRole
    robust: bool  # claims robustness: drawn solid; plain methods dashed
    summary: str
    paper: str
    status: Status
    reason: str  # why it failed or was skipped, in the run's own words; "" where done
    seeds_done: int
    seeds_planned: int
    metrics: dict[str, Estimate] = field(default_factory=dict)  # see METRICS
    verdict: Verdict = Verdict.NOT_JUDGED
    curve: Curve | None = None
    trajectory: tuple[TrajectoryPoint, ...] = ()
    command: str = ""  # re-runs this row
    p_holm: float | None = None  # that it lies on the envelope, two-sided, corrected for all judged rows of the table
    least_detectable: float | None = None  # lift that would clear at 80% power, were this the only row
    to_decide: ToDecide | None = None  # None where the verdict says something, or nothing was judged
    rank: int | None = None  # 1 + rows of the table that are better beyond the paired interval; None: not ranked
    broken: tuple[str, ...] = ()  # checks of the contract that the method fails
    comparison: Comparison | None = None
    variance: Variance | None = None
    adversarial: tuple[AdversarialCurve, ...] = ()
    diagnostics: tuple[DiagnosticPoint, ...] = ()
    collapse: Collapse | None = None
    training: TrainingCurve | None = None
    tasks: tuple[TaskScore, ...] = ()  # of lm-eval, in its order
    versions: dict[str, str] = field(default_factory=dict)  # of the packages that made it
    runs: tuple[int, ...] = ()  # where it comes from: places, from 1, in Report.provenance

    def outcome(self) -> Verdict:
        """The verdict over seeds, of which one says nothing."""
        over = self.metrics.get(HEADLINE)
        return self.verdict if over is not None and over.n > 1 else Verdict.NOT_JUDGED
