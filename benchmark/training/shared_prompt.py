"""Prompt, chosen and rejected completion in one row, so that the prompt is computed once for both sides.

A row is [padding, prompt, chosen, rejected, padding]; the rejected completion does not see the chosen one, and its
positions start where the prompt ends, so every log-probability is what it is in a row of its own. Prompts end in the
same column, so that logits are computed for completions alone, however much prompts differ in length.
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
PROMPT, CHOSEN, REJECTED, PADDING = range(4)  # segments of a row


class SharedPromptCollator:
    """Turns row numbers into a training batch with one row per pair, padded on both sides.

    A batch holds `input_ids`, `segments` (0 prompt, 1 chosen, 2 rejected, 3 padding) and `positions`, all of shape
    [pairs, width], `first_completion` (the column in which all completions start), and what `PairCollator` gives per
    pair.
    """

    def __init__(self, pairs: Pairs, reference: ReferenceLogps, pad_token_id: int) -> None:
        parts = list(zip(pairs.prompts, pairs.chosen, pairs.rejected, strict=True))
        self._start = max(len(prompt) for prompt in pairs.prompts)
        width = self._start + max(len(chosen) + len(rejected) for _, chosen, rejected in parts)
        self._ids = np.full((len(parts), width), pad_token_id, dtype=np.int32)
        self._segments = np.full((len(parts), width), PADDING, dtype=np.int8)
        self._positions = np.zeros((len(parts), width), dtype=np.int32)
        for number, row in enumerate(parts):
            prompt, chosen, rejected = (len(part) for part in row)
            filled = slice(self._start - prompt, self._start + chosen + rejected)
            self._ids[number, filled] = [token for part in row for token in part]
            self._segments[number, filled] = np.repeat([PROMPT, CHOSEN, REJECTED], [prompt, chosen, rejected])
            self._positions[number, filled] = [*range(prompt + chosen), *range(prompt, prompt + rejected)]
        self._prompts = np.array([len(prompt) for prompt in pairs.prompts])
        self._completions = np.array([len(chosen) + len(rejected) for _, chosen, rejected in parts])
        self.lengths: list[int] = (self._prompts + self._completions).tolist()  # of every row, in tokens
        self._per_pair = per_pair_columns(pairs, reference)

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        """The batch of the given rows, each `{"pair": number}`."""
        index = np.array([row["pair"] for row in rows])
        longest_prompt, longest = int(self._prompts[index].max()), int(self._completions[index].max())
        columns = slice(self._start - longest_prompt, self._start + longest)
        tables: dict[str, Any] = {"input_ids": self._ids, "segments": self._segments, "positions": self._positions}
        return {
            **{name: torch.from_numpy(table[index, columns]).long() for name, table in tables.items()},
            "first_completion": longest_prompt,
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
    chosen_lengths, has_rejected = (segments == CHOSEN).sum(1), (segments == REJECTED).any(1)
    opening = ids[rows, (first + chosen_lengths).clamp_max(ids.shape[1] - 1)]
    first_rejected = cross_entropy(scores[:, 0], opening, reduction="none") * has_rejected
    chosen = -(nll * (follows == CHOSEN)).sum(1)
    rejected = -(nll * (follows == REJECTED)).sum(1) - first_rejected
    return pair_batch(inputs, chosen, rejected, chosen_lengths, (segments == REJECTED).sum(1))


def block_mask(segments: Tensor, dtype: torch.dtype) -> Tensor:
    """What each position may see: nothing after itself, no padding, and neither side the other; an additive mask of
    shape [pairs, 1, width, width]. Padding sees what is before it, since a row of the mask must allow something."""
    width = segments.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool, device=segments.device).tril()
    looking, seen_at = segments[:, :, None], segments[:, None, :]
    crosses = (looking == REJECTED) & (seen_at == CHOSEN)
    padded = (looking != PADDING) & (seen_at == PADDING)
    seen = causal & ~crosses & ~padded
    return torch.zeros(seen.shape, dtype=dtype, device=segments.device).masked_fill(~seen, -torch.inf)[:, None]


def _nll(scores: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
