"""Training pairs of a suite of finite answers: who is asked what, and which of two answers is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Bools, Floats, Ints
from benchmark.core.errors import UserError
from benchmark.core.seeds import generator as seeded
from shifts import Rewards, Shift
from shifts.labels import Labelling, draw_annotators


@dataclass(frozen=True)
class AnswerPairs:
    """Pairs of answers, each array of shape [pairs]: rows of questions, and numbers of answers.

    margins: the annotator's utility of chosen minus rejected; groups: the number of the annotator's group.
    """

    question: Ints
    first: Ints
    second: Ints
    first_chosen: Bools
    margins: Floats
    groups: Ints

    @property
    def chosen(self) -> Ints:
        """Number of the chosen answer."""
        return np.where(self.first_chosen, self.first, self.second)

    @property
    def rejected(self) -> Ints:
        """Number of the other one."""
        return np.where(self.first_chosen, self.second, self.first)


def draw(
    rewards: Sequence[Floats], objectives: Sequence[str], shift: Shift, labelling: Labelling, count: int, seed: int
) -> AnswerPairs:
    """Draw `count` pairs.

    For each, a group of annotators is drawn by its share of the population, a question evenly from those that it was
    asked, and two of its answers evenly. Every pair uses its own numbers whatever the shift, so that two shifts differ
    in no more pairs than they must.

    Args:
        rewards: per question, shape [answers, objectives]; NaN where an objective was not asked.
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
    columns = np.concatenate(list(rewards))
    everything = Rewards({name: columns[:, number] for number, name in enumerate(objectives)})
    shares, annotators = zip(*shift.annotators(), strict=True)
    utilities = np.stack([annotator.utility(everything) for annotator in annotators])
    groups = draw_annotators(shares, count, seeded("groups", seed))
    asked = [np.flatnonzero(~np.isnan(np.minimum.reduceat(utility, starts))) for utility in utilities]
    for number, (share, known) in enumerate(zip(shares, asked, strict=True), start=1):
        if share and not len(known):
            raise UserError(f"{shift}: group {number} of the annotators was asked no training question.")
    question = _evenly(asked, groups, seeded("questions", seed).random(count))
    first, second = _two_answers(sizes[question], seeded("answers", seed).random((2, count)))
    of_first, of_second = (utilities[groups, starts[question] + answer] for answer in (first, second))
    first_chosen = labelling.choose_first(of_first, of_second, seeded("labels", seed))
    margins = np.where(first_chosen, of_first - of_second, of_second - of_first)
    return AnswerPairs(question, first, second, first_chosen, margins, groups)


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
