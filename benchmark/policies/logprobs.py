"""Exact log-probabilities of completions, and exact next-token divergences along them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from benchmark.core.data import Floats

_LOGITS_BYTES = 16 * 2**20  # of one float32 logits tensor; five live at once; larger ones cost page faults
_IGNORE = -1

Tokens = Sequence[Sequence[int]]


@dataclass(frozen=True)
class PolicyComparison:
    """A policy beside a reference on completions, each shape [completions], in nats, summed over completion tokens.

    kl: sum_t KL(pi(.|x, y_<t) || pi_ref(.|x, y_<t)), exact over the vocabulary. Where y ~ pi its mean is the KL of
        the two distributions over completions, with less variance than log-ratios (Rao-Blackwell).
    policy_logps, reference_logps: log pi(y|x) and log pi_ref(y|x).
    entropy: sum_t of the entropy of pi(.|x, y_<t).
    """

    kl: Floats
    policy_logps: Floats
    reference_logps: Floats
    entropy: Floats


def completion_logps(
    model: PreTrainedModel, prompts: Tokens, completions: Tokens, pad_token_id: int, batch_size: int = 128
) -> Floats:
    """log pi(completion | prompt) of every completion.

    Args:
        model: the policy; dropout is off while it is asked, whatever its mode.
        prompts: tokens, at least one each, without padding.
        completions: tokens, one list beside each prompt; an empty one has log-probability 0.
        pad_token_id: fills short rows; never seen by a real token.
        batch_size: rows per forward pass at most; fewer where the vocabulary is large.

    Returns:
        Nats, shape [completions].

    Raises:
        ValueError: lists of unequal length, or an empty prompt.
    """
    result = np.zeros(len(completions))

    def measure(inputs: Tensor, targets: Tensor, rows: list[int]) -> None:
        scores = torch.log_softmax(_logits(model, inputs, targets), dim=-1)
        result[rows] = _row_sums(_picked(scores, targets), targets)

    with _evaluating(model):
        _for_batches(model, prompts, completions, pad_token_id, batch_size, measure)
    return result


def compare_policies(
    policy: PreTrainedModel,
    reference: PreTrainedModel,
    prompts: Tokens,
    completions: Tokens,
    pad_token_id: int,
    batch_size: int = 128,
) -> PolicyComparison:
    """Divergence, log-probabilities and entropy along given completions; arguments as in `completion_logps`.

    Raises:
        ValueError: as in `completion_logps`, or the two models have different vocabularies.
    """
    if policy.config.vocab_size != reference.config.vocab_size:
        raise ValueError(f"vocabularies differ: {policy.config.vocab_size} tokens beside {reference.config.vocab_size}")
    result = np.zeros((4, len(completions)))

    def measure(inputs: Tensor, targets: Tensor, rows: list[int]) -> None:
        ours = torch.log_softmax(_logits(policy, inputs, targets), dim=-1)
        theirs = torch.log_softmax(_logits(reference, inputs, targets), dim=-1)
        chosen = _picked(ours, targets), _picked(theirs, targets)
        probabilities = ours.exp()
        entropy = -torch.linalg.vecdot(probabilities, ours)
        # In place, for speed. Rounding can leave -1e-8 of equal distributions; no divergence is negative.
        divergence = torch.linalg.vecdot(probabilities, ours.sub_(theirs)).clamp(min=0)
        result[:, rows] = [_row_sums(value, targets) for value in (divergence, *chosen, entropy)]

    with _evaluating(policy, reference):
        _for_batches(policy, prompts, completions, pad_token_id, batch_size, measure)
    return PolicyComparison(*result)


@contextmanager
def _evaluating(*models: PreTrainedModel) -> Iterator[None]:
    """Evaluation mode inside, each model's own mode afterwards."""
    modes = [model.training for model in models]
    for model in models:
        model.eval()
    try:
        yield
    finally:
        for model, training in zip(models, modes, strict=True):
            model.train(training)


@torch.inference_mode()
def _for_batches(
    model: PreTrainedModel,
    prompts: Tokens,
    completions: Tokens,
    pad_token_id: int,
    batch_size: int,
    measure: Callable[[Tensor, Tensor, list[int]], None],
) -> None:
    if len(prompts) != len(completions):
        raise ValueError(f"{len(prompts)} prompts beside {len(completions)} completions")
    if not all(len(prompt) for prompt in prompts):
        raise ValueError("a prompt is empty: its first token would have nothing to be predicted from")
    for rows in _batches(prompts, completions, batch_size, model.config.vocab_size):
        inputs, targets = _padded([prompts[row] for row in rows], [completions[row] for row in rows], pad_token_id)
        measure(inputs.to(model.device), targets.to(model.device), rows)


def _batches(prompts: Tokens, completions: Tokens, batch_size: int, vocabulary: int) -> Iterator[list[int]]:
    """Rows of similar length together; as many as keep one logits tensor within its budget, at least one."""
    budget = _LOGITS_BYTES // (4 * vocabulary)  # positions
    rows = [row for row in range(len(prompts)) if len(completions[row])]
    rows.sort(key=lambda row: (len(prompts[row]) + len(completions[row]), row), reverse=True)
    batch: list[int] = []
    longest = shortest_prompt = 0
    for row in rows:
        longest = longest if batch else len(prompts[row]) + len(completions[row])
        shortest_prompt = min(shortest_prompt, len(prompts[row])) if batch else len(prompts[row])
        if batch and (len(batch) == batch_size or (len(batch) + 1) * (longest - shortest_prompt) > budget):
            yield batch
            batch, longest, shortest_prompt = [], len(prompts[row]) + len(completions[row]), len(prompts[row])
        batch.append(row)
    if batch:
        yield batch


def _padded(prompts: Tokens, completions: Tokens, pad_token_id: int) -> tuple[Tensor, Tensor]:
    """Right-padded inputs [rows, length] and the completion tokens that the last positions predict [rows, kept].

    Under causal attention a real token never sees the padding to its right, so no mask is needed.
    """
    length = max(len(prompt) + len(completion) for prompt, completion in zip(prompts, completions, strict=True)) - 1
    kept = length + 1 - min(len(prompt) for prompt in prompts)
    inputs = np.full((len(prompts), length + 1), pad_token_id)
    targets = np.full((len(prompts), length), _IGNORE)
    for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        end = len(prompt) + len(completion)
        inputs[row, :end] = [*prompt, *completion]
        targets[row, len(prompt) - 1 : end - 1] = completion
    return torch.from_numpy(inputs[:, :-1].copy()), torch.from_numpy(targets[:, length - kept :].copy())


def _logits(model: PreTrainedModel, inputs: Tensor, targets: Tensor) -> Tensor:
    """Float32 logits at the positions that predict a completion token, shape [completion tokens, vocabulary]."""
    logits = model(input_ids=inputs, use_cache=False, logits_to_keep=targets.shape[1]).logits
    return logits[targets != _IGNORE].float()


def _picked(scores: Tensor, targets: Tensor) -> Tensor:
    return scores.gather(1, targets[targets != _IGNORE].unsqueeze(1)).squeeze(1)


def _row_sums(values: Tensor, targets: Tensor) -> Floats:
    """Sums over each row's completion tokens, shape [rows]; added in double precision."""
    per_token = torch.zeros(targets.shape, dtype=torch.float64, device=values.device)
    per_token[targets != _IGNORE] = values.double()
    return per_token.sum(dim=1).cpu().numpy()
