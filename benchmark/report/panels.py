"""What stands below the main table: variance, adversaries, selection, how many seeds would settle the first place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from benchmark.report.estimates import Estimate

SEED, PROMPT, SEED_PROMPT, COMPLETION, REWARD_MODEL = "seed", "prompt", "seed x prompt", "completion", "reward model"


@dataclass(frozen=True)
class Variance:
    """Where the spread of a row's gated worst case comes from, as variances of the mean over everything measured.

    components: by name ("seed", "prompt", "seed x prompt", "completion", "reward model"), squared units of utility, in
    the order in which they are shown; None where one cannot be told apart (one seed, one sample per prompt, no judge).
    worst_shift: the evaluation shift under which they are taken; below_zero: names of those that were estimated below 0
    and are shown as 0; policies: reference policies that the seeds of the row started from, None where not recorded.
    """

    components: dict[str, float | None]
    worst_shift: str = ""
    seeds: int = 1
    samples: int = 1  # per prompt
    below_zero: tuple[str, ...] = ()
    policies: int | None = None


@dataclass(frozen=True)
class AdversarialCurve:
    """Worst mean gated utility inside balls of growing radius, exact for the stored completions."""

    over: Literal["prompts", "objectives"]
    divergence: Literal["KL", "chi-square", "TV"]
    radii: tuple[float, ...]  # the first is 0
    values: tuple[Estimate, ...]


class NothingTaken(StrEnum):
    """Why a selection rule takes nothing."""

    NO_COMMON_SEED = "no_common_seed"
    NO_VALIDATION_SHIFTS = "no_validation_shifts"
    NONE_WITHIN_BUDGET = "none_within_budget"
    NO_TRAINING_PAIRS = "no_training_pairs"
    PAIRS_NOT_COUNTED = "pairs_not_counted"
    NO_BALL = "no_ball"
    LOSSES_NOT_RECORDED = "losses_not_recorded"


@dataclass(frozen=True)
class RadiusChoice:
    """Both radii that the training pairs call for, beside those that settings stand for; nats of KL, None: not known.

    share: of training labels against the annotators' utility; pairs: that were trained on; settings: label and radius
    of each setting of known radius; unknown: number of the others.
    """

    disagreement: float | None
    share: float | None
    chi_square: float | None
    pairs: float | None
    settings: tuple[tuple[str, float], ...]
    unknown: int


@dataclass(frozen=True)
class Selected:
    """What one selection rule takes of one method's settings and checkpoints, and what that gives on test prompts.

    metrics: gated_over_envelope, gated_nominal, gated_worst_case, kl_to_reference; selection noise is in them.
    nothing: why nothing is taken, then `key` is "" and there are no metrics.
    budget: of KL, nats, where the rule has one; lacking: share of replicates in which no policy is within it.
    """

    rule: str  # name of the rule, see `list selection`
    summary: str  # what the rule does, in its own words
    ceiling: bool  # looks at the test shifts: shown grey
    method: str
    candidates: int  # settings x checkpoints that the rule chose from
    key: str = ""  # of the row chosen most often
    step: int = 0  # its checkpoint
    share: float = 0.0  # of replicates that chose exactly this
    metrics: dict[str, Estimate] | None = None
    nothing: NothingTaken | None = None
    budget: float | None = None
    lacking: float = 0.0
    radius: RadiusChoice | None = None


class SeedsKind(StrEnum):
    """What can be said of how many seeds would tell the two best methods apart."""

    TOO_FEW_RANKED = "too_few_ranked"
    TOO_FEW_IN_COMMON = "too_few_in_common"
    SETTLED = "settled"
    ALIKE = "alike"
    PROMPTS = "prompts"
    SEEDS = "seeds"


@dataclass(frozen=True)
class SeedsNeeded:
    """How many seeds would settle the comparison of the two best rows, if they differ by what was observed.

    first, second: their labels; difference: units of utility; seeds: in common; prompts: test prompts behind it;
    needed: seeds (kind SEEDS; None: more than `most`) or prompts (kind PROMPTS) for `power`.
    """

    kind: SeedsKind
    first: str = ""
    second: str = ""
    difference: float = 0.0
    seeds: int = 0
    prompts: int = 0
    needed: int | None = None
    power: float = 0.0
    most: int = 0
