"""What is read off the completions themselves: variety and repetition, in words split at white space."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pandas as pd

DISTINCT_COMPLETIONS = 100  # distinct-2 falls with the number of completions, so that number is fixed


def distinct_2(completions: Sequence[str] | pd.Series, count: int = DISTINCT_COMPLETIONS) -> float:
    """Distinct bigrams over all bigrams of the first `count` completions.

    NaN where there are fewer than `count` completions, since the share falls with their number, or no bigram.
    Source: arXiv:1510.03055.
    """
    if len(completions) < count:
        return float("nan")
    bigrams: Counter[tuple[str, str]] = Counter()
    for text in list(completions)[:count]:
        words = text.split()
        bigrams.update(pairwise(words))
    return len(bigrams) / bigrams.total() if bigrams else float("nan")


def longest_repeat(completion: str) -> int:
    """Words of the longest run that occurs twice in a completion; the two may overlap, so that `a a a a` has 3."""
    words = completion.split()

    def unrepeated(run: int) -> bool:
        starts = range(len(words) - run + 1)
        return len({tuple(words[start : start + run]) for start in starts}) == len(starts)

    # Where a run of some words occurs twice, so do its parts: the first length without a repeat ends the search.
    return bisect_left(range(1, len(words)), True, key=unrepeated)
