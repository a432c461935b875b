"""What the measurement hands to the page: every number that is shown, with its interval, its n and its words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["done", "failed", "skipped"]
RowRole = Literal["method", "baseline", "positive control", "negative control"]


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


@dataclass(frozen=True)
class PathPoint:
    """One checkpoint of a method, averaged over seeds: a point of its path."""

    step: int
    kl: float  # nats per completion
    rewards: tuple[float, ...]  # gated utility per eval shift, in the group's order
    objectives: dict[str, float]  # mean learned reward per objective
    gold: dict[str, float]
    quality: float  # share that passes the gate


@dataclass(frozen=True)
class Curve:
    """Utility over the evaluation shifts, in the group's order."""

    gated: tuple[Estimate, ...]
    ungated: tuple[Estimate, ...]


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


@dataclass(frozen=True)
class Report:
    """The whole page."""

    title: str
    groups: tuple[Group, ...]
    suites: dict[str, dict[str, str]]  # Suite.describe() by suite
    provenance: tuple[dict[str, Any], ...]  # environment.json of every run
    settings: dict[str, str]  # how numbers were made: replicates, splits, labels, sampling, selection


@dataclass(frozen=True)
class Metric:
    """A column of the main table."""

    name: str
    label: str
    unit: str
    definition: str
    decimals: int
    higher_is_better: bool | None  # None: neither
    headline: bool = False


METRICS: tuple[Metric, ...] = (
    Metric(
        "over_envelope",
        "Over DPO envelope",
        "utility",
        "Gated worst-case reward minus the best worst case of any mixture of DPO policies (all betas, all "
        "checkpoints, the reference) with at least the same nominal reward. Above 0: robustness that early-stopped, "
        "re-tuned, mixed DPO does not have.",
        3,
        True,
        headline=True,
    ),
    Metric("over_envelope_ungated", "Envelope, ungated", "utility", "The same without the language gate.", 3, True),
    Metric("nominal", "Nominal", "utility", "Gated reward at the training shift.", 3, True),
    Metric("worst_case", "Worst case", "utility", "Least gated reward over the evaluation shifts.", 3, True),
    Metric("robustness_gap", "Gap", "utility", "Nominal minus worst case.", 3, False),
    Metric("auc", "AUC", "utility", "Mean gated reward over the evaluation shifts.", 3, True),
    Metric("nominal_ungated", "Nominal, ungated", "utility", "Reward at the training shift without the gate.", 3, True),
    Metric("worst_case_ungated", "Worst case, ungated", "utility", "Least reward without the gate.", 3, True),
    Metric(
        "gold_worst_case",
        "Worst case, gold",
        "utility",
        "Least gated reward over the evaluation shifts as the gold judge sees it.",
        3,
        True,
    ),
    Metric("quality", "Quality", "share", "Share of completions that pass the language gate.", 2, True),
    Metric(
        "kl_to_reference",
        "KL",
        "nats",
        "KL(policy || reference) per completion, summed over exact next-token distributions along sampled "
        "prefixes; mean. Of best-of-n: the bound log n - (n - 1) / n.",
        2,
        None,
    ),
    Metric("kl_median", "KL, median", "nats", "The same, median over completions.", 2, None),
    Metric(
        "kl_saving",
        "KL saving",
        "nats",
        "Least KL of a DPO mixture that reaches the same nominal reward, minus this method's KL.",
        2,
        True,
    ),
    Metric("price", "Price", "utility", "DPO's nominal reward minus this method's.", 3, False),
    Metric(
        "win_rate",
        "Win rate",
        "share",
        "P(beats a reference completion of the same prompt and seed), gated, at the training shift; ties count half.",
        2,
        True,
    ),
    Metric(
        "preference_accuracy",
        "Pref. accuracy",
        "share",
        "Implicit-reward accuracy on held-out pairs labelled at the training shift.",
        2,
        True,
    ),
    Metric("length", "Length", "tokens", "Mean completion length.", 1, None),
    Metric("eos_rate", "EOS rate", "share", "Share of completions that end by themselves.", 2, None),
    Metric(
        "distinct_2", "Distinct-2", "share", "Distinct bigrams over bigrams in a fixed number of completions.", 2, None
    ),
    Metric("train_seconds", "Train", "s", "Seconds of training per run, without set-up.", 1, False),
    Metric(
        "step_ratio_to_dpo",
        "Step / DPO",
        "ratio",
        "Median step time over that of the DPO run of the same seed on the same machine.",
        2,
        False,
    ),
    Metric("peak_memory_mb", "Memory", "MB", "Peak resident memory of the process while training.", 0, False),
)
