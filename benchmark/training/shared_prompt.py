"""Prompt, chosen and rejected completion in one row, so that the prompt is computed once for both sides.

A row is [prompt, chosen, rejected, padding]; the rejected completion does not see the chosen one, and its positions
start where the prompt ends, so every log-probability is what it is in a row of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from benchmark.core.data import Pairs
from benchmark.training.batch import ReferenceLogps, per_pair_columns
from benchmark.training.forward import at_least_float32, pair_batch
from methods import PairBatch

ATTENTIONS = ("eager", "sdpa")  # those that take a mask of their own per row
CHOSEN, REJECTED = 1, 2  # segments of a row; 0 is the prompt, 3 the padding


class SharedPromptCollator:
    """Turns row numbers into a training batch with one row per pair, padded on the right.

    A batch holds `input_ids`, `segments` (0 prompt, 1 chosen, 2 rejected, 3 padding) and `positions`, all of shape
    [pairs, width], `first_completion`, and what `PairCollator` gives per pair.
    """

    def __init__(self, pairs: Pairs, reference: ReferenceLogps, pad_token_id: int) -> None:
        parts = list(zip(pairs.prompts, pairs.chosen, pairs.rejected, strict=True))
        width = max(sum(len(part) for part in row) for row in parts)
        self._ids = np.full((len(parts), width), pad_token_id, dtype=np.int32)
        self._segments = np.full((len(parts), width), 3, dtype=np.int8)
        self._positions = np.zeros((len(parts), width), dtype=np.int32)
        for number, row in enumerate(parts):
            prompt, chosen, rejected = (len(part) for part in row)
            end = prompt + chosen + rejected
            self._ids[number, :end] = [token for part in row for token in part]
            self._segments[number, :end] = np.repeat([0, CHOSEN, REJECTED], [prompt, chosen, rejected])
            self._positions[number, : prompt + chosen] = np.arange(prompt + chosen)
            self._positions[number, prompt + chosen : end] = prompt + np.arange(rejected)
        self._prompts = np.array([len(prompt) for prompt in pairs.prompts])
        self._ends = np.array([sum(len(part) for part in row) for row in parts])
        self._per_pair = per_pair_columns(pairs, reference)

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        """The batch of the given rows, each `{"pair": number}`."""
        index = np.array([row["pair"] for row in rows])
        width = int(self._ends[index].max())
        tables: dict[str, Any] = {"input_ids": self._ids, "segments": self._segments, "positions": self._positions}
        return {
            **{name: torch.from_numpy(table[index, :width]).long() for name, table in tables.items()},
            "first_completion": int(self._prompts[index].min()),
            **{name: column[index] for name, column in self._per_pair.items()},
        }


def forward_shared(model: Any, inputs: dict[str, Any]) -> PairBatch:
    """Run the policy over a batch of `SharedPromptCollator`."""
    ids, segments = inputs["input_ids"], inputs["segments"]
    first = inputs["first_completion"]
    kept = torch.arange(first - 1, ids.shape[1], device=ids.device)
    logits = model(
        input_ids=ids,
        attention_mask=block_mask(segments, next(model.parameters()).dtype),
        position_ids=inputs["positions"],
        use_cache=False,
        logits_to_keep=kept,
    ).logits
    scores = at_least_float32(logits)
    # Position t predicts token t + 1 of its own segment. The first rejected token is predicted by the prompt's end.
    follows = segments[:, first:]
    inside = (follows == CHOSEN) | ((follows == REJECTED) & (segments[:, first - 1 : -1] == REJECTED))
    nll = _nll(scores[:, :-1], ids[:, first:].masked_fill(~inside, -100))
    rows = torch.arange(len(ids), device=ids.device)
    prompts, chosen_lengths = (segments == 0).sum(1), (segments == CHOSEN).sum(1)
    opening = ids[rows, (prompts + chosen_lengths).clamp_max(ids.shape[1] - 1)]
    has_rejected = (segments == REJECTED).any(1)
    first_rejected = cross_entropy(scores[rows, prompts - first], opening, reduction="none") * has_rejected
    chosen = -(nll * (follows == CHOSEN)).sum(1)
    rejected = -(nll * (follows == REJECTED)).sum(1) - first_rejected
    return pair_batch(inputs, chosen, rejected, chosen_lengths, (segments == REJECTED).sum(1))


def block_mask(segments: Tensor, dtype: torch.dtype) -> Tensor:
    """What each position may see: nothing after itself, and neither side the other; an additive mask of shape
    [pairs, 1, width, width]."""
    width = segments.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool, device=segments.device).tril()
    crosses = (segments[:, :, None] == REJECTED) & (segments[:, None, :] == CHOSEN)
    seen = causal & ~crosses
    return torch.zeros(seen.shape, dtype=dtype, device=segments.device).masked_fill(~seen, -torch.inf)[:, None]


def _nll(scores: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
