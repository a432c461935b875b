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
    ends = np.cumsum(sizes)
    columns = np.concatenate(list(rewards))
    everything = Rewards({name: columns[:, number] for number, name in enumerate(objectives)})
    shares, annotators = zip(*shift.annotators(), strict=True)
    utilities = [annotator.utility(everything) for annotator in annotators]
    groups = draw_annotators(shares, count, seeded("groups", seed))
    where, which = seeded("questions", seed).random(count), seeded("answers", seed).random((2, count))
    question = np.zeros(count, dtype=np.int64)
    for group, (share, utility) in enumerate(zip(shares, utilities, strict=True)):
        asked = np.flatnonzero(~np.isnan(np.minimum.reduceat(utility, ends - sizes)))
        if share and not len(asked):
            raise UserError(f"{shift}: group {group + 1} of the annotators was asked no training question.")
        mine = groups == group
        question[mine] = asked[(where[mine] * len(asked)).astype(np.int64)] if len(asked) else 0
    answers = sizes[question]
    first = (which[0] * answers).astype(np.int64)
    second = (which[1] * (answers - 1)).astype(np.int64)
    second += second >= first
    start = (ends - sizes)[question]
    by_group = np.stack(utilities)
    of_first, of_second = by_group[groups, start + first], by_group[groups, start + second]
    first_chosen = labelling.choose_first(of_first, of_second, seeded("labels", seed))
    margins = np.where(first_chosen, of_first - of_second, of_second - of_first)
    return AnswerPairs(question, first, second, first_chosen, margins, groups)
