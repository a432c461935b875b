"""What the measurement hands to the page: every number that is shown, with its interval, its n and its words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["done", "failed", "skipped"]
RowRole = Literal["method", "baseline", "positive control", "negative control"]
Standing = Literal["better", "worse", "not separable", "not compared"]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval. Missing is None, never 0; `note` says why something is missing."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0  # seeds behind it
    note: str = ""


@dataclass(frozen=True)
class EvalShift:
    """One evaluation shift and what makes it a shift away from the training shift (see `conflict`)."""

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
    label_note: str = ""  # why a distance of labels is missing


@dataclass(frozen=True)
class PathPoint:
    """One checkpoint of a method, averaged over seeds: a point of its path."""

    step: int
    kl: float  # nats per completion
    rewards: tuple[float, ...]  # gated utility per eval shift, in the group's order
    objectives: dict[str, float]  # mean learned reward per objective
    gold: dict[str, float]
    quality: float  # share that passes the gate
    nominal: float | None = None  # learned utility at the training shift, without the gate
    gold_nominal: float | None = None  # gold utility at the training shift, without the gate


@dataclass(frozen=True)
class Curve:
    """Utility over the evaluation shifts, in the group's order."""

    gated: tuple[Estimate, ...]
    ungated: tuple[Estimate, ...]


@dataclass(frozen=True)
class Comparison:
    """A row against plain DPO at its default setting, paired over seeds and prompts, by gated worst case."""

    against: str  # key of the DPO row
    difference: Estimate  # worst case of the row minus DPO's
    p: float | None = None  # two-sided, of this comparison alone
    p_holm: float | None = None  # corrected for all comparisons of the table
    verdict: Standing = "not compared"  # from p_holm


@dataclass(frozen=True)
class Variance:
    """Where the spread of a row's gated worst case comes from, as variances of the mean over everything measured.

    components: by name ("seed", "prompt", "seed x prompt", "completion", "reward model"), squared units of utility, in
    the order in which they are shown; None where one cannot be told apart (one seed, one sample per prompt, no judge).
    """

    components: dict[str, float | None]
    note: str = ""


@dataclass(frozen=True)
class AdversarialCurve:
    """Worst mean gated reward inside balls of growing radius, exact for the stored completions."""

    over: Literal["prompts", "objectives"]
    divergence: Literal["KL", "chi-square", "TV"]
    radii: tuple[float, ...]  # the first is 0
    values: tuple[Estimate, ...]


@dataclass(frozen=True)
class DiagnosticPoint:
    """How the text and the log-probabilities stand at one checkpoint: means over seeds, by name; None: not known.

    Names: logp_chosen, logp_rejected, logp_unseen, logp_heldout (change against the reference, nats per completion),
    gradient_ratio (log10 of pi(chosen) / pi(rejected), which is by how much the rejected side's gradient is larger),
    entropy (nats per token), eos_rate, distinct_2, longest_repeat (words), length (tokens), quality, and nominal and
    gold_nominal (ungated). The first point is the reference, at step 0.
    """

    step: int
    kl: float
    values: dict[str, float | None]


@dataclass(frozen=True)
class Collapse:
    """Whether a row's policy has collapsed at its last checkpoint, by one rule for all rows."""

    collapsed: bool
    sentence: str  # the rule's terms with their numbers


@dataclass(frozen=True)
class TrainingCurve:
    """What training recorded, averaged over seeds and thinned to at most 60 steps; names as in curves.parquet."""

    steps: tuple[int, ...]
    values: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Selected:
    """What one selection rule takes of one method's settings and checkpoints, and what that gives on test prompts."""

    rule: str  # name of the rule, see `list selection`
    method: str
    candidates: int  # settings x checkpoints that the rule chose from
    key: str  # of the row chosen most often; "" where nothing can be chosen
    step: int  # its checkpoint
    share: float  # of replicates that chose exactly this
    metrics: dict[str, Estimate]  # over_envelope, nominal, worst_case, kl_to_reference; selection noise is in them
    ceiling: bool  # looks at the test shifts: shown grey
    note: str = ""  # why nothing could be chosen; for the data-driven radius, how it came about


@dataclass(frozen=True)
class Claim:
    """A statement of a paper, and what the runs on this page say to it."""

    id: str
    paper: str
    source: str  # section, table or figure
    text: str
    where: str  # suite and training shift of the re-run, "" where there is none
    measured: str  # the re-run number in words, with its interval
    verdict: Literal["reproduced", "not reproduced", "not separable", "not run here"]


@dataclass(frozen=True)
class StudyFigure:
    """One figure of an analytic suite: lines with intervals over a numeric axis."""

    id: str
    title: str
    how: str  # how to read it, a sentence or two
    x_label: str
    y_label: str
    log_axes: bool
    lines: tuple[StudyLine, ...]


@dataclass(frozen=True)
class StudyLine:
    """One line; `method` decides its colour, `dash` marks what is drawn for comparison (a proven rate, say)."""

    label: str
    method: str
    x: tuple[float, ...]
    y: tuple[Estimate, ...]
    dashed: bool = False


@dataclass(frozen=True)
class Study:
    """An analytic suite: no text is generated, its figures are the result."""

    suite: str
    headline: str  # one sentence from the numbers
    facts: dict[str, str]
    figures: tuple[StudyFigure, ...]
    tables: tuple[StudyTable, ...] = ()
    rows: tuple[StudyRow, ...] = ()  # what leaderboard.csv shows


@dataclass(frozen=True)
class StudyRow:
    """One method in one scenario of an analytic suite, by the study's headline numbers."""

    scenario: str
    key: str  # the call
    method: str
    hparams: dict[str, Any]
    label: str
    status: Status
    reason: str  # why it failed or was skipped, "" where done
    seeds_done: int
    metrics: dict[str, Estimate] = field(default_factory=dict)
    verdict: str = ""


@dataclass(frozen=True)
class StudyTable:
    """A small table: column heads, and rows of text or of estimates."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Estimate, ...], ...]


@dataclass(frozen=True)
class Row:
    """One method with its hyper-parameters on one training shift."""

    key: str  # the call, e.g. "kldpo(beta=0.1,tau=1)"; unique within a group
    method: str
    hparams: dict[str, Any]
    label: str  # short, e.g. "KLDPO tau=1"
    role: RowRole
    robust: bool  # claims robustness: drawn solid; plain methods dashed
    summary: str
    paper: str
    status: Status
    reason: str  # why it failed or was skipped, "" where done
    seeds_done: int
    seeds_planned: int
    metrics: dict[str, Estimate] = field(default_factory=dict)  # see METRICS
    verdict: str = ""  # a plain sentence
    curve: Curve | None = None
    path: tuple[PathPoint, ...] = ()
    command: str = ""  # re-runs this row
    rank: int | None = None  # 1 + rows of the table that are better beyond the paired interval; None: not ranked
    comparison: Comparison | None = None
    variance: Variance | None = None
    adversarial: tuple[AdversarialCurve, ...] = ()
    diagnostics: tuple[DiagnosticPoint, ...] = ()
    collapse: Collapse | None = None
    training: TrainingCurve | None = None
    versions: dict[str, str] = field(default_factory=dict)  # of the packages that made it
    runs: tuple[int, ...] = ()  # where it comes from: places, from 1, in Report.provenance


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
    """The same prompt answered by every row of a group (one seed, final checkpoint)."""

    prompt_id: str
    prompt: str
    completions: tuple[SampleCompletion, ...]


@dataclass(frozen=True)
class Group:
    """What is compared with what: one suite and one training shift."""

    suite: str
    train_shift: str
    train_label: str
    headline: str  # one sentence written from the numbers
    conflict: str  # one sentence: is there a conflict that robustness could show in?
    caveats: tuple[str, ...]  # e.g. controls that fail, one seed only
    eval_shifts: tuple[EvalShift, ...]
    objectives: tuple[str, ...]
    rows: tuple[Row, ...]  # methods by over_envelope, descending; then baselines; then controls
    samples: tuple[SamplePrompt, ...]
    linear: bool  # the sweep is linear in its position: it holds two numbers
    selections: tuple[Selected, ...] = ()  # several rules side by side, per method
    seeds_needed: str = ""  # how many seeds would settle the comparison of the two best, in a sentence


@dataclass(frozen=True)
class Report:
    """The whole page."""

    title: str
    groups: tuple[Group, ...]
    suites: dict[str, dict[str, str]]  # Suite.describe() by suite
    provenance: tuple[dict[str, Any], ...]  # environment.json of every run
    settings: dict[str, str]  # how numbers were made: replicates, splits, labels, sampling, selection
    claims: tuple[Claim, ...] = ()
    studies: tuple[Study, ...] = ()
