"""Training texts of the reward models: disjoint halves of the data, and texts that express several emotions."""

from __future__ import annotations

import hashlib

import numpy as np

from benchmark.suites.emotion.data import Texts

MOST_JOINED = 3  # arXiv:2502.01930, Experiment 1


def halves(texts: Texts) -> tuple[Texts, Texts]:
    """Two disjoint halves, split by a hash of the text, so that a text that occurs twice stands in one half only."""
    first = [hashlib.sha256(text.encode()).digest()[0] % 2 == 0 for text in texts.texts]
    return texts.take(np.flatnonzero(first)), texts.take(np.flatnonzero(~np.array(first)))


def concatenate(texts: Texts, count: int, generator: np.random.Generator) -> Texts:
    """`count` texts, each one to three random texts joined by a space, with the union of their labels.

    The number that is joined is uniform on {1, 2, 3}; texts are drawn with replacement. Completions are longer than
    most texts and may change their mood: a scorer trained on single texts has never seen such ones.
    """
    drawn = generator.integers(len(texts), size=(count, MOST_JOINED))
    joined = generator.integers(1, MOST_JOINED + 1, size=count)
    rows = [row[:number] for row, number in zip(drawn, joined, strict=True)]
    labels = np.stack([texts.labels[row].max(axis=0) for row in rows])
    return Texts([" ".join(texts.texts[i] for i in row) for row in rows], labels)
