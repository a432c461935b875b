"""A row along its training: where its checkpoints stand, what training recorded, whether the policy collapsed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrajectoryPoint:
    """One checkpoint of a method, averaged over seeds."""

    step: int
    kl: float  # nats per completion
    gated_utilities: tuple[float, ...]  # per evaluation shift, in the arena's order
    rewards: dict[str, float]  # mean learned reward per objective
    gold_rewards: dict[str, float]
    quality: float  # share that passes the gate
    nominal: float | None = None  # learned utility at the training shift, without the gate
    gold_nominal: float | None = None  # gold utility at the training shift, without the gate


@dataclass(frozen=True)
class DiagnosticPoint:
    """How the text and the log-probabilities stand at one checkpoint: means over seeds, by name; None: not known.

    Names: logp_chosen, logp_rejected, logp_unseen, logp_heldout (change against the reference, nats per completion),
    gradient_ratio (log10 of pi(chosen) / pi(rejected), which is by how much the rejected side's gradient is larger),
    entropy (nats per token), eos_rate, distinct_2, longest_repeat (words), length (tokens), quality, and nominal and
    gold_nominal (without the gate). The first point is the reference, at step 0.
    """

    step: int
    kl: float
    values: dict[str, float | None]


@dataclass(frozen=True)
class CollapseTerm:
    """One term of the rule: a number at the worst seed as a share of the reference's; below `least` it has fallen."""

    name: str
    share: float | None
    least: float


@dataclass(frozen=True)
class Collapse:
    """Whether a row's policy has collapsed at its last checkpoint, by one rule for all rows.

    seeds_fallen: names of the seeds in which a term has fallen; seeds: number of those in which any term is known.
    """

    seeds_fallen: tuple[str, ...]
    seeds: int
    terms: tuple[CollapseTerm, ...]

    @property
    def collapsed(self) -> bool:
        """A collapse of a single seed is one."""
        return bool(self.seeds_fallen)


@dataclass(frozen=True)
class TrainingCurve:
    """What training recorded, averaged over seeds and thinned to at most 60 steps; names as in curves.parquet."""

    steps: tuple[int, ...]
    values: dict[str, tuple[float, ...]]
