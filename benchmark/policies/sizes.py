"""How large a policy is, read from its config, and what passing tokens through it amounts to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core.hub import located
from benchmark.core.work import Work

PLAIN_MLP = {"bloom", "falcon", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj", "opt", "phi"}  # others are gated
LEARNED_POSITIONS = {"gpt2", "gpt_bigcode", "gpt_neo", "opt"}
TIED = {"gemma", "gemma2", "gemma3_text", *LEARNED_POSITIONS}  # where the config does not say
FLOPS_PER_LOGIT = 100.0  # softmax and its like over the vocabulary, in operations of a matrix product
FLOPS_PER_CHOICE = 500.0  # choosing a token of the vocabulary, likewise
BACKWARD = 3  # forward and backward, in forward passes
BYTES = 4  # of a parameter on disk, float32
ROW_BYTES = 200  # of a completion with its text and numbers, compressed


@dataclass(frozen=True)
class PolicySize:
    """parameters: all of them, a matrix that is both input and output embedding once; layers; vocabulary: tokens."""

    parameters: float
    layers: int
    vocabulary: int

    @property
    def flops_per_token(self) -> float:
        """Of a forward pass: two per parameter, and the softmax over the vocabulary."""
        return 2 * self.parameters + FLOPS_PER_LOGIT * self.vocabulary

    @property
    def checkpoint(self) -> Work:
        """Writing the weights once."""
        return Work(host_seconds=0.02 + self.parameters * BYTES / 1e9, bytes=self.parameters * BYTES)

    def forward(self, rows: float, tokens: float, batch: float) -> Work:
        """Passing `rows` rows of `tokens` tokens, in batches of `batch` rows, without gradients."""
        passes = math.ceil(rows / batch) * self.layers
        return Work(rows * tokens * self.flops_per_token, passes)

    def training(self, rows: float, tokens: float, batch: float) -> Work:
        """The same forward and backward."""
        return self.forward(rows, tokens, batch) * BACKWARD

    def sampling(self, rows: float, tokens: float, longest: float, batch: float) -> Work:
        """Sampling a completion per row: a pass per token up to the `longest` one; rows that have ended leave.

        tokens: of a prompt with its completion.
        """
        passes = math.ceil(rows / batch) * longest * self.layers
        flops = self.flops_per_token + FLOPS_PER_CHOICE * self.vocabulary
        return Work(rows * tokens * flops, passes, 1e-4 * rows, ROW_BYTES * rows)


def size_of(config: Mapping[str, Any]) -> PolicySize | None:
    """The size of a model with the given transformers config; None where it lacks a number.

    Biases and norms, less than a hundredth, are left out.
    """

    def first(*names: str) -> int | None:
        return next((int(config[name]) for name in names if config.get(name)), None)

    kind = str(config.get("model_type", ""))
    width, layers = first("hidden_size", "n_embd", "d_model"), first("num_hidden_layers", "n_layer", "num_layers")
    vocabulary, heads = first("vocab_size"), first("num_attention_heads", "n_head")
    if width is None or layers is None or vocabulary is None or heads is None:
        return None
    head = first("head_dim") or width // heads
    attention = 2 * width * head * (heads + (first("num_key_value_heads") or heads))
    feed_forward = first("intermediate_size", "n_inner", "ffn_dim") or 4 * width
    mlp = (2 if kind in PLAIN_MLP else 3) * width * feed_forward
    tied = config.get("tie_word_embeddings", kind in TIED)
    positions = first("n_positions", "max_position_embeddings") or 0
    embeddings = width * (vocabulary * (1 if tied else 2) + (positions if kind in LEARNED_POSITIONS else 0))
    return PolicySize(embeddings + layers * (attention + mlp), layers, vocabulary)


def scratch_size(vocabulary: int, width: int, layers: int, heads: int, feed_forward: int) -> PolicySize | None:
    """The size of a policy of `benchmark.policies.scratch`."""
    return size_of(
        {
            "model_type": "llama",
            "vocab_size": vocabulary,
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": feed_forward,
            "tie_word_embeddings": True,
        }
    )


def size_in(folder: Path) -> PolicySize | None:
    """The size of the checkpoint in `folder`; None where it has no config that says."""
    file = folder / "config.json"
    return size_of(json.loads(file.read_text())) if file.is_file() else None


def size_of_source(source: str) -> PolicySize | None:
    """The size of a pretrained model: of a folder, or of a hub id whose config has been fetched; else None."""
    folder = located(source)
    if folder is not None:
        return size_in(folder)
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(source, "config.json")
    return size_of(json.loads(Path(file).read_text())) if isinstance(file, str) else None


def context_length(config: Any) -> int | None:
    """Positions that a policy was made for, or None where its transformers config names no limit."""
    return getattr(config, "max_position_embeddings", None)
