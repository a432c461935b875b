"""What there is to know of a preference set before it is used: sizes, lengths, duplicates, agreement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmark.suites.preferences.groups import sizes_of, slugs
from benchmark.suites.preferences.judgements import TIE, Judgement, Pair
from benchmark.suites.preferences.splits import plain, position
from benchmark.suites.preferences.understood import Understood

EXAMPLES = 3
MOST_AGREEMENTS = 10  # between two groups that are shown, those with most pairs in common


@dataclass(frozen=True)
class GroupFacts:
    """name: in calls. Lengths are mean words; longer: share of the labels that chose the longer response, by words, of
    those whose responses differ in length, NaN where none does."""

    name: str
    original: str
    labels: int
    pairs: int
    prompts: int
    chosen_words: float
    rejected_words: float
    longer: float


@dataclass(frozen=True)
class Agreement:
    """Chance that two labels of the same pair agree, over the pairs that have two: of one group, or one of each."""

    groups: str
    pairs: int
    chance: float


@dataclass(frozen=True)
class Overview:
    """splits: labels by the file's own names of splits; shared: number of prompts that two of them have; ties: share of
    the labels that prefer neither response."""

    understood: Understood
    groups: list[GroupFacts]
    prompt_words: tuple[float, float]  # mean, greatest
    splits: dict[str, int]
    shared: dict[str, int]
    repeated: int  # labels of a pair that the same group labelled before
    agreements: list[Agreement]
    ties: float
    examples: list[Judgement]


def overview(read: Understood) -> Overview:
    """The facts of what was understood."""
    labels = read.labels
    sizes = sizes_of(labels)
    names = slugs(list(sizes))
    by_group: dict[str, list[Judgement]] = defaultdict(list)
    for label in labels:
        by_group[label.group].append(label)
    words = [_words(prompt) for prompt in {label.prompt for label in labels}]
    tied = read.left_out[TIE]
    by_hash = sorted(labels, key=lambda label: position("\n".join(label.pair)))
    return Overview(
        understood=read,
        groups=[_facts(names[group], group, by_group[group]) for group in sizes],
        prompt_words=(float(np.mean(words)), float(max(words))),
        splits=dict(Counter(label.split for label in labels if label.split)),
        shared=_shared(labels),
        repeated=len(labels) - len({(label.pair, label.group) for label in labels}),
        agreements=_agreements(by_group),
        ties=tied / (tied + len(labels)),
        examples=by_hash[:EXAMPLES],
    )


def _facts(name: str, group: str, labels: Sequence[Judgement]) -> GroupFacts:
    chosen, rejected = (np.array([_words(getattr(label, side)) for label in labels]) for side in ("chosen", "rejected"))
    differ = chosen != rejected
    return GroupFacts(
        name,
        group,
        len(labels),
        len({label.pair for label in labels}),
        len({label.prompt for label in labels}),
        float(chosen.mean()),
        float(rejected.mean()),
        float((chosen > rejected)[differ].mean()) if differ.any() else float("nan"),
    )


def _shared(labels: Iterable[Judgement]) -> dict[str, int]:
    prompts: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        if label.split:
            prompts[label.split].add(plain(label.opening))
    return {f"{one}, {other}": len(prompts[one] & prompts[other]) for one, other in combinations(prompts, 2)}


def _agreements(by_group: dict[str, list[Judgement]]) -> list[Agreement]:
    """Of every group whose people labelled a pair twice, and of any two groups that have pairs in common."""
    counts = {group: _counts(labels) for group, labels in by_group.items()}
    found = [Agreement(group, *_within(its)) for group, its in counts.items()]
    found += [
        Agreement(f"{one} and {other}", *_between(counts[one], counts[other])) for one, other in combinations(counts, 2)
    ]
    return sorted((known for known in found if known.pairs), key=lambda known: -known.pairs)[:MOST_AGREEMENTS]


def _counts(labels: Iterable[Judgement]) -> dict[Pair, tuple[int, int]]:
    """By pair, how many labels chose the first and how many the second response."""
    first = Counter(label.pair for label in labels if label.chosen == label.pair[1])
    second = Counter(label.pair for label in labels if label.chosen != label.pair[1])
    return {pair: (first[pair], second[pair]) for pair in {**first, **second}}


def _within(counts: dict[Pair, tuple[int, int]]) -> tuple[int, float]:
    chances = [(a * (a - 1) + b * (b - 1)) / ((a + b) * (a + b - 1)) for a, b in counts.values() if a + b > 1]
    return len(chances), float(np.mean(chances)) if chances else float("nan")


def _between(one: dict[Pair, tuple[int, int]], other: dict[Pair, tuple[int, int]]) -> tuple[int, float]:
    chances = []
    for pair in one.keys() & other.keys():
        (a, b), (c, d) = one[pair], other[pair]
        chances.append((a * c + b * d) / ((a + b) * (c + d)))
    return len(chances), float(np.mean(chances)) if chances else float("nan")


def _words(text: str) -> int:
    return len(text.split())
