"""Batches of texts of like length: little padding, so little work that is thrown away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmark.core.data import Ints

_CHUNK = 32  # batches among which lengths are sorted while training


def sorted_batches(lengths: Sequence[int], batch_size: int) -> Iterator[Ints]:
    """Rows in batches, longest first, so that a batch that does not fit memory fails at once."""
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def shuffled_batches(lengths: Sequence[int], batch_size: int, generator: np.random.Generator) -> Iterator[Ints]:
    """Rows of one epoch in batches of like length, in random order.

    Rows are shuffled, sorted by length within chunks of 32 batches, and the batches are shuffled again: the
    composition of a batch stays random, its padding small.
    """
    order = generator.permutation(len(lengths))
    length = np.asarray(lengths, dtype=np.int64)
    batches: list[Ints] = []
    for start in range(0, len(order), batch_size * _CHUNK):
        chunk = order[start : start + batch_size * _CHUNK]
        chunk = chunk[np.argsort(length[chunk], kind="stable")]
        batches += [chunk[at : at + batch_size] for at in range(0, len(chunk), batch_size)]
    yield from (batches[row] for row in generator.permutation(len(batches)))
