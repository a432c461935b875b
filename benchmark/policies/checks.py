"""Whether a pretrained policy can do what a suite asks of it, told from its small files, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from benchmark.core.errors import UserError
from benchmark.core.hub import located
from benchmark.policies.checkpoints import (
    SMALL_FILES,
    WEIGHTS,
    check_checkpoint,
    fetch,
    hub_files,
    load_config,
    load_tokenizer,
    opening,
)
from benchmark.policies.sizes import context_length


@dataclass(frozen=True)
class Described:
    """A policy without its weights."""

    config: Any
    tokenizer: PreTrainedTokenizerBase


def check_policy(
    source: str, *, prompt_tokens: int, max_new_tokens: int, text_tokens: int = 0, setting: str = "suite.policy"
) -> Described:
    """Look at a causal language model before it is fine-tuned; of a hub id, only small files are fetched.

    A pad token that is missing, or that is end-of-sequence, is no fault: `load_policy` adds one of its own.

    Args:
        source: folder or hub id.
        prompt_tokens: of the longest prompt, without what the tokenizer puts before every text.
        max_new_tokens: of the longest completion.
        text_tokens: of the longest text that it is fine-tuned on.
        setting: where the source was given, for the messages.

    Raises:
        UserError: it cannot be had, is no causal language model, has no tokenizer, no end-of-sequence token, more
            tokens than embeddings, too few positions, or weights that are missing or do not fit.
    """
    try:
        described = _described(source)
        _check_tokens(source, described)
        prompt = len(opening(described.tokenizer)) + prompt_tokens
        check_positions(repr(source), context_length(described.config), prompt, max_new_tokens, text_tokens)
        _check_weights(source)
    except UserError as error:
        raise UserError(f"{setting}: {error}") from error
    return described


def check_positions(
    policy: str, positions: int | None, prompt_tokens: int, max_new_tokens: int, text_tokens: int
) -> None:
    """Raise a UserError where a policy has too few `positions` (None: no limit) for the longest prompt with its
    completion, or for the longest text that it is trained on."""
    needed = max(prompt_tokens + max_new_tokens, text_tokens)
    if positions is not None and positions < needed:
        raise UserError(
            f"{policy} has {positions} positions, and {needed} are needed: prompts have {prompt_tokens} tokens, "
            f"completions up to {max_new_tokens} (suite.max_new_tokens), training texts up to {text_tokens} "
            "(suite.max_tokens). Take a policy with more positions, or lower these."
        )


def head_dimension(config: Any) -> int:
    """Of every attention head, from a policy's config."""
    size: int | None = getattr(config, "head_dim", None)
    return size or config.hidden_size // config.num_attention_heads


def check_head_dimension(policy: str, config: Any, allowed: Sequence[int], engine: str) -> None:
    """Raise a UserError where an engine does not take the dimension of a policy's attention heads."""
    size = head_dimension(config)
    if size not in allowed:
        raise UserError(
            f"{engine} cannot run {policy!r}: its attention heads have {size} dimensions, allowed are "
            f"{', '.join(map(str, allowed))}. Use the backend 'transformers'."
        )


def _described(source: str) -> Described:
    folder = fetch(source, SMALL_FILES)
    if not (folder / "config.json").is_file():
        raise UserError(f"{source!r} has no config.json: it is no transformers checkpoint.")
    config = load_config(folder)
    if config.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise UserError(f"{source!r} is of the type {config.model_type!r}, which is no causal language model.")
    return Described(config, load_tokenizer(folder, require_pad=False))


def _check_tokens(source: str, described: Described) -> None:
    tokenizer, rows = described.tokenizer, described.config.get_text_config().vocab_size
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"the tokenizer of {source!r} has no end-of-sequence token, so no completion could end. "
            "Set eos_token in its tokenizer_config.json."
        )
    if len(tokenizer) > rows:
        raise UserError(
            f"the tokenizer of {source!r} has {len(tokenizer)} tokens, but the policy has embeddings for {rows} only."
        )


def _check_weights(source: str) -> None:
    folder = located(source)
    names = [file.name for file in folder.iterdir()] if folder is not None else hub_files(source)
    if not any(Path(name).match(WEIGHTS) for name in names):
        others = sorted(name for name in names if name.endswith((".bin", ".pt", ".pth", ".gguf", ".h5")))
        raise UserError(
            f"{source!r} holds no weights: {WEIGHTS} is expected, got {', '.join(others) or 'no file of weights'}."
        )
    if folder is not None:
        check_checkpoint(folder)
