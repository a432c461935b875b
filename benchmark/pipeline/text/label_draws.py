"""Whose labels train: which of the given labels a mix of groups takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.core.data import Floats, Ints
from benchmark.core.errors import UserError
from benchmark.core.seeds import generator as seeded
from benchmark.measure.records.linear import linear_weights
from benchmark.suites.labelled import Labels
from shifts import Shift
from shifts.labels import draw_annotators


def members(shift: Shift, objectives: Sequence[str]) -> list[int]:
    """The objective of every group of annotators of `shift`, by number.

    Raises:
        UserError: a group of annotators is no single group of the data: nobody gave its labels.
    """
    found = []
    for _, annotator in shift.annotators():
        weights = linear_weights(annotator) or {}
        alone = [name for name, weight in weights.items() if weight]
        if len(alone) != 1 or weights[alone[0]] != 1:
            raise UserError(
                f"{shift}: labels are people's own, so whoever labels is one of the groups {', '.join(objectives)}. "
                "Mix them as annotator_groups(groups=a/b,fractions=0.9/0.1)."
            )
        found.append(list(objectives).index(alone[0]))
    return found


def draw(labels: Labels, objectives: Sequence[str], shift: Shift, count: int, seed: int) -> tuple[Ints, Ints]:
    """Draw `count` labels: their rows, and the number of the annotators' group in `shift`; each of shape [count].

    The group of each is drawn by its share of the population; a group gives its labels in an order that seed and group
    alone decide, each once before any comes again. So a larger share takes the labels that a smaller one takes, and
    more.

    Raises:
        UserError: a group with a share of the population has no label.
    """
    numbers = members(shift, objectives)
    shares = [share for share, _ in shift.annotators()]
    drawn = draw_annotators(shares, count, seeded("groups", seed))
    rows = np.zeros(count, dtype=np.int64)
    for annotators, number in enumerate(numbers):
        places, own = np.flatnonzero(drawn == annotators), np.flatnonzero(labels.groups == number)
        if len(places) and not len(own):
            raise UserError(f"{shift}: {objectives[number]} has no label to train on.")
        order = seeded("labels", seed, objectives[number]).permutation(own)
        rows[places] = order[np.arange(len(places)) % max(1, len(own))]
    return rows, drawn


def shares_for_chosen(labels: Labels, objectives: int) -> Floats:
    """Of every label's pair the share of each group's labels that chose what this one chose, shape [labels,
    objectives]; NaN where nobody of the group labelled the pair."""
    sides = list(zip(labels.prompts, labels.chosen, labels.rejected, strict=True))
    places: dict[tuple[str, str, str], int] = {}
    chosen = np.array([places.setdefault(side, len(places)) for side in sides])
    opposite = np.array([places.setdefault((prompt, other, this), len(places)) for prompt, this, other in sides])
    counts = np.zeros((len(places), objectives))
    np.add.at(counts, (chosen, labels.groups), 1)
    agree, differ = counts[chosen], counts[opposite]
    with np.errstate(invalid="ignore"):  # 0 / 0: nobody of the group labelled it
        return np.asarray(agree / (agree + differ))
