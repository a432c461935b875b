"""Exact distributions of a policy over finite sets of answers, with one pass over a question for all of its answers.

A row is [question, answer, answer, ..., padding]; no answer sees another, and the positions of each start where the
question ends, so every log-probability is what it is in a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import logsumexp
from torch import Tensor

from benchmark.core.data import Floats
from benchmark.policies.logprobs import completion_logps

ATTENTIONS = ("eager", "sdpa")  # those that take a mask of their own per row
QUESTION, PADDING = -1, -2  # segments of a row that are no answer
ROWS = 64  # questions of a batch
_LOGITS_BYTES = 64 * 2**20  # of one float32 logits tensor


@dataclass(frozen=True)
class AnswerRows:
    """Tokens of questions with their answers, without padding; an answer ends with the end-of-sequence token."""

    questions: list[list[int]]
    answers: list[list[list[int]]]

    def flat(self) -> tuple[list[list[int]], list[list[int]]]:
        """A question and an answer per row, question by question."""
        prompts = [question for question, its in zip(self.questions, self.answers, strict=True) for _ in its]
        return prompts, [answer for its in self.answers for answer in its]

    def counts(self) -> list[int]:
        """Answers of every question."""
        return [len(its) for its in self.answers]


def answer_logps(model: Any, rows: AnswerRows, pad_token_id: int) -> list[Floats]:
    """log pi(answer | question) of every answer, summed over its tokens, in nats; per question of shape [answers].

    Args:
        model: the policy; dropout is off while it is asked, whatever its mode.
        rows: the questions and their answers.
        pad_token_id: fills short rows; never seen by a real token.

    Raises:
        ValueError: a question without tokens.
    """
    if not all(rows.questions):
        raise ValueError("a question is empty: the first token of an answer would have nothing to be predicted from")
    if getattr(model.config, "_attn_implementation", "") not in ATTENTIONS:
        flat = completion_logps(model, *rows.flat(), pad_token_id)
        return np.split(flat, np.cumsum(rows.counts())[:-1])
    training = model.training
    model.eval()
    try:
        return _shared(model, rows, pad_token_id)
    finally:
        model.train(training)


def answer_distribution(logps: Floats) -> Floats:
    """The policy among the answers: pi(answer) / sum of pi over the answers, shape [answers], from `answer_logps`."""
    return np.exp(logps - logsumexp(logps))


@torch.inference_mode()
def _shared(model: Any, rows: AnswerRows, pad_token_id: int) -> list[Floats]:
    lengths = [len(question) + sum(map(len, its)) for question, its in zip(rows.questions, rows.answers, strict=True)]
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    result: list[Floats] = [np.zeros(0)] * len(lengths)
    start = 0
    while start < len(order):
        fits = max(1, _LOGITS_BYTES // (4 * model.config.vocab_size * lengths[order[start]]))
        batch = order[start : start + min(ROWS, fits)]
        for row, logps in zip(batch, _batch(model, rows, batch, pad_token_id), strict=True):
            result[row] = logps
        start += len(batch)
    return result


def _batch(model: Any, rows: AnswerRows, batch: Sequence[int], pad_token_id: int) -> list[Floats]:
    ids, segments, positions, before = _table(rows, batch, pad_token_id)
    device = model.device
    segment = torch.from_numpy(segments).to(device)
    logits = model(
        input_ids=torch.from_numpy(ids).to(device),
        attention_mask=_mask(segment, next(model.parameters()).dtype),
        position_ids=torch.from_numpy(positions).to(device),
        use_cache=False,
    ).logits
    at = np.nonzero(segments >= 0)  # every answer token: its row and its place
    scores = torch.log_softmax(logits[at[0], before[at]].float(), dim=-1)
    picked = scores.gather(1, torch.from_numpy(ids[at]).to(device)[:, None])[:, 0].double().cpu().numpy()
    summed = np.zeros((len(batch), 1 + segments.max(initial=0)))
    np.add.at(summed, (at[0], segments[at]), picked)
    return [summed[place, : len(rows.answers[row])] for place, row in enumerate(batch)]


def _table(rows: AnswerRows, batch: Sequence[int], pad_token_id: int) -> tuple[Any, Any, Any, Any]:
    """Tokens, segments (number of the answer), positions, and the place from which each token is predicted; each of
    shape [questions, width]."""
    width = max(len(rows.questions[row]) + sum(map(len, rows.answers[row])) for row in batch)
    ids = np.full((len(batch), width), pad_token_id)
    segments = np.full((len(batch), width), PADDING)
    positions = np.zeros((len(batch), width), dtype=np.int64)
    before = np.zeros((len(batch), width), dtype=np.int64)
    for place, row in enumerate(batch):
        end = asked = len(rows.questions[row])
        ids[place, :asked], segments[place, :asked] = rows.questions[row], QUESTION
        positions[place, :asked] = np.arange(asked)
        for number, answer in enumerate(rows.answers[row]):
            here = slice(end, end + len(answer))
            ids[place, here], segments[place, here] = answer, number
            positions[place, here] = asked + np.arange(len(answer))
            before[place, here] = [asked - 1, *range(end, end + len(answer) - 1)]
            end += len(answer)
    return ids, segments, positions, before


def _mask(segments: Tensor, dtype: torch.dtype) -> Tensor:
    """What each position may see: the question and its own answer, up to itself; additive, [rows, 1, width, width]."""
    width = segments.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool, device=segments.device).tril()
    same = segments[:, :, None] == segments[:, None, :]
    seen = causal & (same | (segments == QUESTION)[:, None, :])
    return torch.zeros(seen.shape, dtype=dtype, device=segments.device).masked_fill(~seen, -torch.inf)[:, None]
