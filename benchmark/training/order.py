"""The order of pairs where a batch is split: micro-batches of about equally long pairs waste little on padding.

Which pairs make a global batch stays as it is without splitting, so what is trained does not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from accelerate.data_loader import SeedableRandomSampler
from torch.utils.data import Sampler


class SortedWithinBatches(Sampler[int]):
    """The random order that accelerate draws from the seed and the epoch, every global batch of it sorted by length,
    longest first."""

    def __init__(self, rows: Any, lengths: Sequence[int], batch_size: int) -> None:
        self._random = SeedableRandomSampler(rows)
        self._lengths = lengths
        self._batch_size = batch_size

    def set_epoch(self, epoch: int) -> None:
        """The epoch from which the next order is drawn."""
        self._random.set_epoch(epoch)

    def __iter__(self) -> Iterator[int]:
        order = list(self._random)
        for start in range(0, len(order), self._batch_size):
            yield from sorted(order[start : start + self._batch_size], key=lambda row: -self._lengths[row])

    def __len__(self) -> int:
        return len(self._random)
