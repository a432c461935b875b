"""From next-token logits to tokens, by inverting the distribution function at one given uniform number per row."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benchmark.core.seeds import derive_seed
from benchmark.generation.base import Sampling


def uniforms(rows: int, sampling: Sampling) -> Tensor:
    """One number in [0, 1) for every completion and position, float64 of shape [rows, max_new_tokens].

    They are drawn before anything is batched, so what is sampled does not depend on how rows are batched; the rows of
    the first prompts do not depend on how many prompts follow.
    """
    source = np.random.default_rng(derive_seed("completions", sampling.seed))
    return torch.from_numpy(source.random((rows, sampling.max_new_tokens)))


def next_tokens(logits: Tensor, uniform: Tensor, sampling: Sampling) -> Tensor:
    """The next token of every row, int64 of shape [rows].

    Args:
        logits: unnormalised log-probabilities, shape [rows, vocabulary].
        uniform: numbers in [0, 1), float64 of shape [rows]; unused where the temperature is 0.
        sampling: temperature and truncation.
    """
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    scores = _truncated(logits.double() / sampling.temperature, sampling.top_k, sampling.top_p)
    cumulative = scores.softmax(dim=-1).cumsum(dim=-1)
    # `right=True` finds the first token whose cumulative mass exceeds the threshold: never one without mass.
    threshold = uniform.unsqueeze(1) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, threshold, right=True).squeeze(1).clamp(max=logits.shape[1] - 1)


def _truncated(scores: Tensor, top_k: int, top_p: float) -> Tensor:
    """Scores with -inf outside the `top_k` best, then outside the smallest set of best tokens of mass `top_p`."""
    if 0 < top_k < scores.shape[1]:
        least = scores.topk(top_k, dim=-1).values[:, -1:]
        scores = scores.masked_fill(scores < least, -torch.inf)
    if top_p < 1:
        ordered, order = scores.sort(dim=-1, descending=True)
        mass = ordered.softmax(dim=-1)
        outside = mass.cumsum(dim=-1) - mass >= top_p
        scores = scores.masked_fill(outside.scatter(1, order, outside), -torch.inf)
    return scores
