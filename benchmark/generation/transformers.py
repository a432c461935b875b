"""Batched sampling with transformers: reproducible whatever the batch size, on CPU or CUDA."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from benchmark.core.data import Completions, Prompts
from benchmark.generation.base import (
    Generator,
    Progress,
    Sampling,
    as_completions,
    longest_sequence,
    repeat_prompts,
    silent,
)
from benchmark.generation.sampling import next_tokens, uniforms
from benchmark.policies.checkpoints import end_tokens, load_policy, weights_stamp

_CACHE_BYTES = 512 * 2**20  # of keys and values of one batch
_COMPACT_AT = 0.7  # finished rows are dropped once fewer than this share of a batch is alive


class TransformersGenerator(Generator):
    """Samples with transformers' models and our own loop over positions.

    Every completion has its own uniform numbers, drawn from the seed before batching: up to rounding of the logits,
    completions do not depend on `batch_size`. Rows that have ended leave the batch.
    """

    name = "transformers"

    def __init__(
        self,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
        attention: str | None = None,
        batch_size: int = 256,
    ) -> None:
        """Settings; nothing is loaded yet.

        Args:
            device: None is CUDA where there is one, else the CPU.
            dtype: type of the weights.
            attention: transformers' attention implementation; None is its own choice.
            batch_size: completions per batch at most; fewer where their keys and values would not fit the memory.
        """
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype, self.attention, self.batch_size = dtype, attention, batch_size
        self._stamp: object = None
        self._loaded: tuple[PreTrainedModel, PreTrainedTokenizerBase] | None = None

    def generate(self, policy: Path, prompts: Prompts, sampling: Sampling, progress: Progress = silent) -> Completions:
        """See `Generator.generate`."""
        model, tokenizer = self._load(policy)
        length = longest_sequence(prompts, sampling, model.config)
        ends = end_tokens(policy, tokenizer)
        _, _, sequences = repeat_prompts(prompts, sampling.samples)
        noise = uniforms(len(sequences), sampling).to(self.device)
        tokens: list[list[int]] = [[] for _ in sequences]
        done = 0
        for rows in _batches(sequences, min(self.batch_size, _rows_that_fit(model.config, length))):
            batch = _continue([sequences[row] for row in rows], noise[rows], sampling, model, ends)
            for row, generated in zip(rows, batch, strict=True):
                tokens[row] = generated
            done += len(rows)
            progress(done // sampling.samples, len(prompts))
        return as_completions(prompts, sampling, tokens, ends, tokenizer)

    def lend(self, policy: Path, length: int, borrower: Callable[..., Any], /, **arguments: Any) -> Any:
        """See `Generator.lend`."""
        model, _ = self._load(policy)
        return borrower(model, **arguments)

    def close(self) -> None:
        """Forget the policy that was loaded last."""
        self._stamp = self._loaded = None

    def _load(self, policy: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        stamp = weights_stamp(policy)
        if self._loaded is None or self._stamp != stamp:
            self.close()
            self._loaded = load_policy(policy, self.device, self.attention, self.dtype)
            self._stamp = stamp
        return self._loaded


def _batches(sequences: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Rows by length of prompt, so that little is padded."""
    order = sorted(range(len(sequences)), key=lambda row: len(sequences[row]))
    return (order[start : start + size] for start in range(0, len(order), size))


def _rows_that_fit(config: Any, length: int) -> int:
    """Rows whose keys and values fit the memory, taking every layer as full attention; at least one."""
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    keyed = getattr(config, "num_key_value_heads", None) or heads
    return max(1, _CACHE_BYTES // max(1, length * config.num_hidden_layers * keyed * width * 2 * 4))


@torch.inference_mode()
def _continue(
    prompts: Sequence[Sequence[int]], noise: Tensor, sampling: Sampling, model: PreTrainedModel, ends: Sequence[int]
) -> list[list[int]]:
    """The tokens that follow each prompt; `noise` has shape [prompts, max_new_tokens]."""
    inputs, mask = _left_padded(prompts, model.device)
    stops = torch.tensor(list(ends), dtype=torch.int64, device=model.device)
    produced = torch.zeros((len(prompts), sampling.max_new_tokens), dtype=torch.int64, device=model.device)
    lengths = torch.full((len(prompts),), sampling.max_new_tokens, device=model.device)
    rows = torch.arange(len(prompts), device=model.device)  # those still in the batch
    alive = torch.ones_like(rows, dtype=torch.bool)
    cache = None
    for step in range(sampling.max_new_tokens):
        output = model(inputs, past_key_values=cache, use_cache=True, logits_to_keep=1, **_positions(mask, inputs))
        cache = output.past_key_values
        tokens = next_tokens(output.logits[:, -1], noise[rows, step], sampling)
        produced[rows, step] = tokens
        ending = alive & torch.isin(tokens, stops)
        lengths[rows[ending]] = step + 1
        alive &= ~ending
        survivors = int(alive.sum())
        if survivors == 0:
            break
        inputs = tokens.unsqueeze(1)
        if survivors < _COMPACT_AT * len(rows):
            cache.batch_select_indices(alive.nonzero().squeeze(1))
            inputs, rows, mask = inputs[alive], rows[alive], None if mask is None else mask[alive]
            alive = torch.ones_like(rows, dtype=torch.bool)
        mask = None if mask is None else torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
    return [row[:length] for row, length in zip(produced.tolist(), lengths.tolist(), strict=True)]


def _left_padded(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Inputs [prompts, longest] and their mask, or None where nothing is padded. The padding's ids are never seen."""
    longest = max(len(prompt) for prompt in prompts)
    inputs = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    if all(len(prompt) == longest for prompt in prompts):
        return inputs, None
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
    return inputs, mask


def _positions(mask: Tensor | None, inputs: Tensor) -> dict[str, Tensor]:
    """Mask and positions of padded inputs; unpadded ones need neither, which also keeps the fast attention path."""
    if mask is None:
        return {}
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    return {"attention_mask": mask, "position_ids": positions[:, -inputs.shape[1] :]}
