"""Training pairs of a suite of sampled completions: which two of a prompt are compared, and which one is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Bools, Floats, Ints
from benchmark.core.seeds import generator as seeded
from shifts import Rewards, Shift
from shifts.labels import Labelling, draw_annotators, draw_labels, seen_features


@dataclass(frozen=True)
class Sample:
    """Equally many completions per prompt, two at least, all from one policy at one temperature.

    rows: where the first, second, ... completions of the prompts stand, shape [samples, prompts]; tokens: of each
    completion; rewards: by objective, shape [completions].
    """

    rows: Ints
    tokens: list[list[int]]
    rewards: dict[str, Floats]


@dataclass(frozen=True)
class Candidates:
    """The completions of several samples in one table, one below the other.

    tokens: of each completion; lengths: in tokens, shape [completions]; rewards: by objective, shape [completions];
    rows: per sample, where the first, second, ... completions of the prompts stand, shape [samples, prompts].
    """

    tokens: list[list[int]]
    lengths: Ints
    rewards: dict[str, Floats]
    rows: list[Ints]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Candidates:
        """The table of some samples of the same prompts."""
        tokens = [row for sample in samples for row in sample.tokens]
        starts = np.cumsum([0, *(len(sample.tokens) for sample in samples)])
        return cls(
            tokens,
            np.array([len(row) for row in tokens]),
            {name: np.concatenate([its.rewards[name] for its in samples]) for name in samples[0].rewards},
            [start + sample.rows for start, sample in zip(starts, samples, strict=False)],
        )

    def seen(self, rows: Ints, shift: Shift, times: Floats | None) -> Rewards:
        """What annotators of `shift` see of the completions in these rows."""
        columns = {name: self.rewards[name][rows] for name in shift.objectives}
        return Rewards(columns, seen_features(self.lengths[rows], times))

    def differ(self, first: Ints, second: Ints) -> Bools:
        """Whether the completions in these rows differ, shape [pairs]."""
        return np.array([self.tokens[one] != self.tokens[other] for one, other in zip(first, second, strict=True)])


@dataclass(frozen=True)
class SampledPairs:
    """Labelled pairs, each array of shape [pairs]: numbers of prompts, and rows of the candidates.

    margins: the annotator's utility of chosen minus rejected; groups: the number of the annotator's group; times: when
    the pair was labelled, in [0, 1], or None where annotators do not change.
    """

    prompt: Ints
    first: Ints
    second: Ints
    first_chosen: Bools
    margins: Floats
    groups: Ints
    times: Floats | None

    @property
    def chosen(self) -> Ints:
        """Row of the chosen completion."""
        return np.where(self.first_chosen, self.first, self.second)

    @property
    def rejected(self) -> Ints:
        """Row of the other one."""
        return np.where(self.first_chosen, self.second, self.first)


def draw(candidates: Candidates, shift: Shift, labelling: Labelling, seed: int) -> SampledPairs:
    """One pair per prompt, labelled under a shift; pairs of equal completions say nothing and are dropped. Where a
    sample has more than two completions of a prompt, the best and the worst in the eyes of whoever labels are compared.

    Where the chosen and the rejected side come from different samples (`Shift.heats`: the last sample is the hotter
    one), a prompt has two candidates: the first completion of one sample with the second of the other, either way. The
    first candidate whose label is as wanted is kept, so every label is the annotators' own; a prompt where neither is
    has no pair. Where both sides come from one sample the candidates are one pair, and just one of them fits.
    """
    prompts = candidates.rows[0].shape[1]
    times = np.asarray(seeded("times", seed).random(prompts)) if shift.timed else None
    groups = draw_annotators([share for share, _ in shift.annotators()], prompts, seeded("groups", seed))
    compared = [_compared(candidates, rows, shift, groups, times) for rows in candidates.rows]
    chosen, rejected = (compared[-1 if heat != 1 else 0] for heat in shift.heats)

    def labelled(first: Ints, second: Ints) -> tuple[Bools, Floats]:
        one, other = (candidates.seen(rows, shift, times) for rows in (first, second))
        return draw_labels(shift, one, other, groups, labelling, seeded("labels", seed))

    first_chosen, margins = labelled(chosen[0], rejected[1])  # fits where the first is chosen
    not_second, other_margins = labelled(rejected[0], chosen[1])  # fits where the second is
    first = np.where(first_chosen, chosen[0], rejected[0])
    second = np.where(first_chosen, rejected[1], chosen[1])
    kept = (first_chosen | ~not_second) & candidates.differ(first, second)
    return SampledPairs(
        np.flatnonzero(kept),
        first[kept],
        second[kept],
        first_chosen[kept],
        np.where(first_chosen, margins, other_margins)[kept],
        groups[kept],
        None if times is None else times[kept],
    )


def _compared(candidates: Candidates, rows: Ints, shift: Shift, groups: Ints, times: Floats | None) -> Ints:
    """Rows of the two completions of every prompt that are compared, in the order of their sampling, shape
    [2, prompts]: the only two, or the best and the worst to the annotator of the prompt's group."""
    if len(rows) == 2:
        return rows
    own = np.stack(
        [
            np.stack([annotator.utility(candidates.seen(row, shift, times)) for _, annotator in shift.annotators()])[
                groups, np.arange(len(groups))
            ]
            for row in rows
        ]
    )
    ends = np.sort(np.stack([own.argmax(axis=0), own.argmin(axis=0)]), axis=0)
    return np.take_along_axis(rows, ends, axis=0)
