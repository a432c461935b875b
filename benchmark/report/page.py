"""The whole report: arenas, in which rows are compared with each other, claims, studies, and how all was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmark.report.caveats import Caveat, Repeats
from benchmark.report.claims import Claim
from benchmark.report.controls import Control
from benchmark.report.estimates import Estimate
from benchmark.report.panels import SeedsNeeded, Selected
from benchmark.report.rows import Row
from benchmark.report.shifts import Conflict, EvalShift, LabelAgreement
from benchmark.report.studies import Study


@dataclass(frozen=True)
class SampleCompletion:
    """One completion in the side-by-side browser."""

    row: str  # key of the row
    text: str
    rewards: dict[str, float]
    gold: dict[str, float]
    quality: bool


@dataclass(frozen=True)
class SamplePrompt:
    """The same prompt answered by every row of an arena (one seed, final checkpoint)."""

    prompt_id: str
    prompt: str
    completions: tuple[SampleCompletion, ...]


@dataclass(frozen=True)
class Judging:
    """By what rows of an arena are judged.

    margin: units of utility, the same share of the range in every run: what lies below it is no gain worth a method;
    rows: that are corrected for each other; level: of the test; least: lift that a row would have to have to clear with
    probability `power` after the correction at its strictest, the median over these rows; None where none is judged.
    """

    margin: float
    rows: int
    level: float
    power: float
    least: float | None


@dataclass(frozen=True)
class Family:
    """The policies of plain DPO, of which the envelope is made.

    policies: how many, the reference among them; halved: with every other checkpoint; gain: by how much the envelope
    rises from the half to the whole, in the mean over the judged rows.
    """

    policies: int
    halved: int
    gain: Estimate


@dataclass(frozen=True)
class Arena:
    """What is compared with what: one suite and one training shift."""

    suite: str
    train_shift: str
    train_label: str
    seeds: int  # that any row finished
    conflict: Conflict
    label_agreement: LabelAgreement | None  # None: the run has no reference pairs
    caveats: tuple[Caveat, ...]
    eval_shifts: tuple[EvalShift, ...]
    objectives: tuple[str, ...]
    rows: tuple[Row, ...]  # methods by gated_over_envelope, descending; then baselines; then controls
    samples: tuple[SamplePrompt, ...]
    linear: bool  # the sweep is linear in its position: it holds two numbers
    selections: tuple[Selected, ...] = ()  # several rules side by side, per method
    seeds_needed: SeedsNeeded | None = None
    judging: Judging | None = None  # None where no seed was finished
    controls: tuple[Control, ...] = ()
    family: Family | None = None  # None without plain DPO


@dataclass(frozen=True)
class MergedRuns:
    """How many runs of a suite were merged, and what cells that several of them hold came to."""

    suite: str
    runs: int
    repeats: Repeats


@dataclass(frozen=True)
class Correlations:
    """Correlations of a suite's objectives over reference completions, least first; `pairs`: of how many these are."""

    suite: str
    least: tuple[tuple[str, str, float], ...]
    pairs: int


@dataclass(frozen=True)
class Settings:
    """How the numbers were made.

    level: of intervals; rules: name and summary of every selection rule; prompts, samples, seeds: the different numbers
    of test prompts, of samples per prompt and of seeds; labelling: how labels were drawn, by setting.
    """

    level: float
    replicates: int
    rules: tuple[tuple[str, str], ...]
    prompts: tuple[int, ...]
    samples: tuple[int, ...]
    seeds: tuple[int, ...]
    merged: tuple[MergedRuns, ...] = ()
    labelling: tuple[tuple[tuple[str, str], ...], ...] = ()
    correlations: tuple[Correlations, ...] = ()


@dataclass(frozen=True)
class Report:
    """The whole page."""

    title: str
    arenas: tuple[Arena, ...]
    suites: dict[str, dict[str, str]]  # Suite.describe() by suite
    provenance: tuple[dict[str, Any], ...]  # environment.json of every run
    settings: Settings | None  # None where there is no arena
    claims: tuple[Claim, ...] = ()
    studies: tuple[Study, ...] = ()
