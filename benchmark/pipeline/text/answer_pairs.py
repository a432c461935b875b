"""Training pairs of a suite of finite answers: who is asked what, and which of two answers is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Bools, Floats, Ints
from benchmark.core.errors import UserError
from benchmark.core.seeds import generator as seeded
from shifts import Rewards, Shift, Utility
from shifts.labels import Labelling, draw_annotators, draw_labels, seen_features


@dataclass(frozen=True)
class AnswerPairs:
    """Pairs of answers, each array of shape [pairs]: rows of questions, and numbers of answers.

    margins: the annotator's utility of chosen minus rejected; groups: the number of the annotator's group; times: when
    the pair was labelled, in [0, 1], or None where annotators do not change.
    """

    question: Ints
    first: Ints
    second: Ints
    first_chosen: Bools
    margins: Floats
    groups: Ints
    times: Floats | None

    @property
    def chosen(self) -> Ints:
        """Number of the chosen answer."""
        return np.where(self.first_chosen, self.first, self.second)

    @property
    def rejected(self) -> Ints:
        """Number of the other one."""
        return np.where(self.first_chosen, self.second, self.first)


def draw(
    rewards: Sequence[Floats],
    lengths: Sequence[Ints],
    objectives: Sequence[str],
    shift: Shift,
    labelling: Labelling,
    count: int,
    seed: int,
) -> AnswerPairs:
    """Draw `count` pairs.

    For each, a group of annotators is drawn by its share of the population, a question evenly from those that it was
    asked, and two of its answers evenly. Every pair uses its own numbers whatever the shift, so that two shifts differ
    in no more pairs than they must.

    Args:
        rewards: per question, shape [answers, objectives]; NaN where an objective was not asked.
        lengths: per question, of its answers in tokens, shape [answers].
        objectives: names of the columns.
        shift: the population of annotators.
        labelling: how they choose.
        count: number of pairs.
        seed: of all draws.

    Raises:
        UserError: a group with a share of the population was asked no question.
    """
    sizes = np.array([len(its) for its in rewards])
    starts = np.cumsum(sizes) - sizes
    answers = _Answers(np.concatenate(list(rewards)), np.concatenate(list(lengths)), tuple(objectives))
    shares, annotators = zip(*shift.annotators(), strict=True)
    groups = draw_annotators(shares, count, seeded("groups", seed))
    times = seeded("times", seed).random(count) if shift.timed else None
    asked = [np.flatnonzero(~np.isnan(np.minimum.reduceat(answers.known(one), starts))) for one in annotators]
    for number, (share, known) in enumerate(zip(shares, asked, strict=True), start=1):
        if share and not len(known):
            raise UserError(f"{shift}: group {number} of the annotators was asked no training question.")
    question = _evenly(asked, groups, seeded("questions", seed).random(count))
    first, second = _two_answers(sizes[question], seeded("answers", seed).random((2, count)))
    one, other = (answers.seen(starts[question] + answer, times) for answer in (first, second))
    first_chosen, margins = draw_labels(shift, one, other, groups, labelling, seeded("labels", seed))
    return AnswerPairs(question, first, second, first_chosen, margins, groups, times)


@dataclass(frozen=True)
class _Answers:
    """All answers to all questions: rewards of shape [answers, objectives], lengths in tokens of shape [answers]."""

    rewards: Floats
    lengths: Ints
    objectives: tuple[str, ...]

    def seen(self, rows: Ints, times: Floats | None) -> Rewards:
        """What annotators see of the answers in these rows, at these times."""
        columns = {name: self.rewards[rows, number] for number, name in enumerate(self.objectives)}
        return Rewards(columns, seen_features(self.lengths[rows], times))

    def known(self, annotator: Utility) -> Floats:
        """The annotator's utility of every answer, early and late added up: NaN where either is not known."""
        rows, ones = np.arange(len(self.lengths)), np.ones(len(self.lengths))
        return annotator.utility(self.seen(rows, 0 * ones)) + annotator.utility(self.seen(rows, ones))


def _evenly(asked: Sequence[Ints], groups: Ints, where: Floats) -> Ints:
    """For every pair one of the questions that its group was asked; `where` in [0, 1) says which."""
    counts = np.array([len(known) for known in asked])
    place = (where * counts[groups]).astype(np.int64)
    return np.array([asked[group][row] for group, row in zip(groups, place, strict=True)], dtype=np.int64)


def _two_answers(answers: Ints, which: Floats) -> tuple[Ints, Ints]:
    """Two different ones of so many answers, each pair alike; `which` in [0, 1), shape [2, pairs], says which."""
    first = (which[0] * answers).astype(np.int64)
    second = (which[1] * (answers - 1)).astype(np.int64)
    return first, second + (second >= first)
