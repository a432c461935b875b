"""The gold rewards: what a text truly expresses, computed from its words.

    r_k = sigmoid(2.5 (s_k - 0.8)),    s_k = sum over words of intensity * (strength_k - 0.5 * strength of k's opposite)

Strengths stand in `lexicon`. The intensity of a word is that of the modifier directly before it (very: 1.5,
great: 1.5, ...), else 1. Joy and sadness are opposites; no other emotion has one. The rule asks for no grammar, so
a policy can earn reward with a heap of strong words: grammaticality is judged beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.core.data import Floats
from benchmark.suites.grammar.language import split_words
from benchmark.suites.grammar.lexicon import INTENSIFIERS, OBJECTIVES, QUANTITIES, STRENGTHS

SLOPE, THRESHOLD, OPPOSITION = 2.5, 0.8, 0.5
_OPPOSITES = (("joy", "sadness"), ("sadness", "joy"))
_INTENSITY = INTENSIFIERS | QUANTITIES


def _weights() -> dict[str, NDArray[np.float64]]:
    """What one plain occurrence of a word adds to the sums s, shape [objectives]."""
    strengths: dict[str, NDArray[np.float64]] = {}
    for lists in STRENGTHS.values():
        for column, objective in enumerate(OBJECTIVES):
            for word, strength in lists[objective].items():
                strengths.setdefault(word, np.zeros(len(OBJECTIVES)))[column] = strength
    opposition = np.eye(len(OBJECTIVES))
    for one, other in _OPPOSITES:
        opposition[OBJECTIVES.index(one), OBJECTIVES.index(other)] = -OPPOSITION
    return {word: opposition @ strength for word, strength in strengths.items()}


WEIGHTS = _weights()


def sums(text: str) -> NDArray[np.float64]:
    """The sums s of one text, shape [objectives]."""
    words = split_words(text)
    total = np.zeros(len(OBJECTIVES))
    for before, word in zip(["", *words], words, strict=False):
        if word in WEIGHTS:
            total += _INTENSITY.get(before, 1.0) * WEIGHTS[word]
    return total


def gold_rewards(texts: Sequence[str]) -> Floats:
    """Gold rewards in (0, 1), shape [texts, objectives]."""
    if not texts:
        return np.zeros((0, len(OBJECTIVES)))
    return 1 / (1 + np.exp(-SLOPE * (np.stack([sums(text) for text in texts]) - THRESHOLD)))
