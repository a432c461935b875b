"""Reference policies on a suite's texts: a small one trained from scratch, or a pretrained one fine-tuned."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from benchmark.core.errors import UserError
from benchmark.core.graph import Progress
from benchmark.policies.checkpoints import load_policy, opening, save_policy
from benchmark.policies.encoding import SPECIAL, encode_texts
from benchmark.policies.logprobs import completion_logps
from benchmark.policies.scratch import ScratchPolicy, build_scratch_policy
from benchmark.suites.policy_settings import FineTuneSettings, ScratchSettings
from benchmark.training.language_model import fit_language_model

Text: TypeAlias = Sequence[str]  # its parts, whose tokens are joined


def build_scratch(
    tokenizer: PreTrainedTokenizerBase,
    settings: ScratchSettings,
    texts: Sequence[Text],
    held_out: Sequence[Text],
    max_tokens: int,
    seed: int,
    folder: Path,
    progress: Progress,
) -> None:
    """Train a policy on `texts`; write the checkpoint and `metrics.json`. `seed` sets weights and order.

    Args:
        tokenizer: of the policy.
        settings: shape and training.
        texts: what it learns to write; tokens of the parts of a text are joined.
        held_out: texts that its perplexity is measured on.
        max_tokens: of a text, EOS included; what is longer is cut.
        seed: of weights and order.
        folder: where the checkpoint goes.
        progress: told of every step.
    """
    model = scratch_model(tokenizer, settings, max_tokens, seed)
    fit_rows(model, tokenizer, _rows(tokenizer, texts, max_tokens), settings, seed, progress)
    save_measured(model, tokenizer, _rows(tokenizer, held_out, max_tokens), folder)


def build_finetuned(
    source: str,
    settings: FineTuneSettings,
    texts: Sequence[Text],
    held_out: Sequence[Text],
    max_tokens: int,
    seed: int,
    folder: Path,
    progress: Progress,
) -> None:
    """Fine-tune the pretrained policy `source` on `texts`; the rest is as in `build_scratch`. `seed` sets the order.

    A policy without a pad token of its own gets one, so that padding never hides an end of sequence.

    Raises:
        UserError: the policy cannot be loaded.
    """
    try:
        model, tokenizer = load_policy(source, pad_token=SPECIAL["pad_token"])
    except UserError as error:
        raise UserError(f"{error}\n{without_hub()}") from error
    fit_rows(model, tokenizer, _rows(tokenizer, texts, max_tokens), settings, seed, progress)
    save_measured(model, tokenizer, _rows(tokenizer, held_out, max_tokens), folder)


def without_hub() -> str:
    """What to do where a pretrained policy cannot be had."""
    return "suite.policy takes a hub id or a folder; suite.policy=scratch trains a small policy and needs no hub."


def _rows(tokenizer: PreTrainedTokenizerBase, texts: Sequence[Text], max_tokens: int) -> list[list[int]]:
    """Training rows: opening, text, EOS; a text that is too long loses its end and has no EOS."""
    start, end = opening(tokenizer), [tokenizer.eos_token_id]
    parts = iter(encode_texts(tokenizer, [part for text in texts for part in text]))
    return [[*start, *(token for _ in text for token in next(parts)), *end][:max_tokens] for text in texts]


def scratch_model(
    tokenizer: PreTrainedTokenizerBase, settings: ScratchSettings, max_tokens: int, seed: int
) -> PreTrainedModel:
    """A policy with random weights from `seed`, for texts of up to `max_tokens` tokens."""
    shape = ScratchPolicy(
        len(tokenizer),
        settings.width,
        settings.layers,
        settings.heads,
        settings.feed_forward,
        max_length=max(ScratchPolicy.max_length, max_tokens),
        initializer_range=settings.initializer_range,
        attention_dropout=settings.dropout,
    )
    return build_scratch_policy(shape, tokenizer, seed)


def fit_rows(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Sequence[int]],
    settings: ScratchSettings | FineTuneSettings,
    seed: int,
    progress: Progress,
) -> None:
    """Train a policy on rows of tokens, as `settings` say; `seed` sets the order. Dropout is off afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        fit_language_model(
            model,
            rows,
            pad_token_id=tokenizer.pad_token_id,
            learning_rate=settings.learning_rate,
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            warmup_steps=settings.warmup_steps,
            schedule=settings.schedule,
            weight_decay=settings.weight_decay,
            clip=settings.clip,
            seed=seed,
            folder=Path(scratch),
            progress=progress,
        )
    if isinstance(settings, ScratchSettings):
        model.config.attention_dropout = 0.0  # or preference training, which reads this config, would drop out as well


def save_measured(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[list[int]], folder: Path
) -> None:
    """Write the checkpoint, and beside it the perplexity per token on held-out texts (EOS counted, first token not)."""
    save_policy(model, tokenizer, folder)
    logps = completion_logps(model, [row[:1] for row in rows], [row[1:] for row in rows], tokenizer.pad_token_id)
    tokens = sum(len(row) - 1 for row in rows)
    metrics = {
        "perplexity": math.exp(-logps.sum() / tokens),
        "nats_per_text": -float(np.mean(logps)),
        "tokens_per_text": tokens / len(rows),
        "texts": len(rows),
    }
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1))
