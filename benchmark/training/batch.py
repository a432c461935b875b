"""Pairs as padded tensors, made once and sliced per batch: collating row by row costs as much as a small model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from benchmark.core.data import Pairs


@dataclass(frozen=True)
class ReferenceLogps:
    """Log-probabilities under the reference, sums over completion tokens in nats, shape [pairs]."""

    chosen: NDArray[np.float64]
    rejected: NDArray[np.float64]


class PairCollator:
    """Turns row numbers into a training batch: chosen completions stacked on rejected ones, padded on the right.

    A batch holds `input_ids` and `completion_mask` of shape [2 pairs, width], `first_completion` (the least prompt
    length in the batch, before which no position is a label), and per pair `ref_chosen_logps`, `ref_rejected_logps`,
    `margins`, where the shift has groups `groups`, and where it has times `times`. No attention mask is needed: under
    causal attention no real token sees the padding behind it.
    """

    def __init__(self, pairs: Pairs, reference: ReferenceLogps, pad_token_id: int) -> None:
        sides = [[p + c for p, c in zip(pairs.prompts, side, strict=True)] for side in (pairs.chosen, pairs.rejected)]
        width = max(len(row) for side in sides for row in side)
        self._chosen, self._chosen_lengths = _padded(sides[0], width, pad_token_id)
        self._rejected, self._rejected_lengths = _padded(sides[1], width, pad_token_id)
        longer = torch.maximum(self._chosen_lengths, self._rejected_lengths)
        self.lengths: list[int] = longer.tolist()  # of every row, in tokens
        self._prompt_lengths = torch.tensor([len(prompt) for prompt in pairs.prompts])
        self._per_pair = per_pair_columns(pairs, reference)

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        """The batch of the given rows, each `{"pair": number}`."""
        index = torch.tensor([row["pair"] for row in rows])
        lengths = torch.cat([self._chosen_lengths[index], self._rejected_lengths[index]])
        width = int(lengths.max())
        columns = torch.arange(width)
        starts = self._prompt_lengths[index].repeat(2)
        return {
            "input_ids": torch.cat([self._chosen[index, :width], self._rejected[index, :width]]).long(),
            "completion_mask": (columns >= starts[:, None]) & (columns < lengths[:, None]),
            "first_completion": int(starts.min()),
            **{name: column[index] for name, column in self._per_pair.items()},
        }


_FILL = {"segments": 3}  # what stands in the padding of a column; 0 elsewhere


def merged(batches: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One batch of the pairs of several, in order, for a pass that needs so little memory that it can be wider."""
    pairs = [len(batch["ref_chosen_logps"]) for batch in batches]
    # Prompts that share a row with their completions end where completions start; others begin in the first column.
    ends = [batch["first_completion"] for batch in batches]
    shared = "segments" in batches[0]
    starts = [max(ends) - end if shared else 0 for end in ends]
    whole: dict[str, Any] = {"first_completion": max(ends) if shared else min(ends)}
    for name in (name for name, column in batches[0].items() if isinstance(column, Tensor)):
        columns = [batch[name] for batch in batches]
        if columns[0].dim() == 2:
            columns = _aligned(columns, starts, _FILL.get(name, 0))
        if len(columns[0]) == pairs[0]:
            whole[name] = torch.cat(columns)
        else:  # chosen rows stacked on rejected ones
            sides = [column.chunk(2) for column in columns]
            whole[name] = torch.cat([side[number] for number in (0, 1) for side in sides])
    return whole


def of_pairs(batch: dict[str, Any], rows: Tensor) -> dict[str, Any]:
    """The batch of some of its pairs, as wide as before; `rows`: which, shape [pairs], bool."""
    pairs = len(rows)
    return {
        name: column[rows if len(column) == pairs else rows.repeat(2)] if isinstance(column, Tensor) else column
        for name, column in batch.items()
    }


def _aligned(columns: Sequence[Tensor], starts: Sequence[int], fill: int) -> list[Tensor]:
    """Tables of equal width, each with so many columns of padding before it."""
    width = max(start + column.shape[1] for start, column in zip(starts, columns, strict=True))
    return [
        pad(column, (start, width - start - column.shape[1]), value=fill)
        for start, column in zip(starts, columns, strict=True)
    ]


def per_pair_columns(pairs: Pairs, reference: ReferenceLogps) -> dict[str, Tensor]:
    """What a batch holds per pair beside its tokens, shape [pairs] each."""
    columns = {
        "ref_chosen_logps": torch.tensor(reference.chosen, dtype=torch.float32),
        "ref_rejected_logps": torch.tensor(reference.rejected, dtype=torch.float32),
    }
    if pairs.margins is not None:
        columns["margins"] = torch.tensor(pairs.margins, dtype=torch.float32)
    if pairs.groups is not None:
        columns["groups"] = torch.tensor(pairs.groups, dtype=torch.int64)
    if pairs.times is not None:
        columns["times"] = torch.tensor(pairs.times, dtype=torch.float32)
    return columns


def _padded(rows: list[list[int]], width: int, pad: int) -> tuple[Tensor, Tensor]:
    padded = np.full((len(rows), width), pad, dtype=np.int32)
    for place, row in zip(padded, rows, strict=True):
        place[: len(row)] = row
    return torch.from_numpy(padded), torch.tensor([len(row) for row in rows])
