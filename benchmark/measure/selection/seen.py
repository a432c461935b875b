"""What a selection rule may look at, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.core.data import Floats, Ints
from benchmark.report import RadiusChoice


@dataclass(frozen=True)
class Candidate:
    """A policy that a rule may take: one setting of a method at one checkpoint."""

    key: str  # of the setting
    label: str  # short
    step: int
    last: bool  # no later checkpoint of this setting exists
    policy: int  # its index in the arrays of the arena


@dataclass(frozen=True)
class Radii:
    """What training says of the radius of a KL ball, in every resample of the seeds; NaN where not known.

    disagreement: share of training labels against the annotators' own utility, shape [resamples].
    pairs: number of training pairs, shape [resamples].
    implied: KL radius of each candidate's setting, nats, shape [resamples, candidates]; of last checkpoints alone.
    balls: whether any of the settings stands for a ball at all.
    """

    disagreement: Floats
    pairs: Floats
    implied: Floats
    balls: bool


@dataclass(frozen=True)
class Seen:
    """The candidates of one method on validation prompts and in training, in every resample; nothing of test prompts.

    nominal: J_s0, shape [resamples, candidates]; kl: nats per completion, same shape.
    held_out: J_s under the validation shifts, shape [resamples, candidates, validation shifts].
    tested: J_s under the evaluation shifts that bind, [resamples, candidates, shifts]; None but for a ceiling.
    """

    candidates: Sequence[Candidate]
    nominal: Floats
    kl: Floats
    held_out: Floats
    radii: Radii
    tested: Floats | None = None


@dataclass(frozen=True)
class Choice:
    """What a rule takes: the index of a candidate in every resample, -1 where none will do, shape [resamples].

    candidates: number of those that it chose from; lacking: share of replicates in which none would do; radius: what a
    choice by radius rests on.
    """

    taken: Ints
    candidates: int
    lacking: float = 0.0
    radius: RadiusChoice | None = None
