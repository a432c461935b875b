"""The suite's reference policies: a small one trained from scratch on the texts, or a pretrained one fine-tuned."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from benchmark.core.errors import UserError
from benchmark.core.graph import Progress
from benchmark.policies.checkpoints import load_policy, opening, save_policy
from benchmark.policies.logprobs import completion_logps
from benchmark.policies.scratch import ScratchPolicy, build_scratch_policy
from benchmark.suites.emotion.settings import EmotionSettings, FineTuneSettings, ScratchSettings
from benchmark.training.language_model import fit_language_model

SPECIAL = {"pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}


def build_scratch(
    texts: Sequence[str],
    held_out: Sequence[str],
    settings: EmotionSettings,
    seed: int,
    folder: Path,
    progress: Progress,
) -> None:
    """Train tokenizer and policy on `texts`; write the checkpoint and `metrics.json`. `seed` sets weights and order."""
    wanted = settings.scratch
    tokenizer = train_tokenizer(texts, wanted.vocabulary)
    shape = ScratchPolicy(
        len(tokenizer),
        wanted.width,
        wanted.layers,
        wanted.heads,
        wanted.feed_forward,
        initializer_range=wanted.initializer_range,
        attention_dropout=wanted.dropout,
    )
    model = build_scratch_policy(shape, tokenizer, seed)
    _fit(model, tokenizer, texts, wanted, settings.max_tokens, seed, progress)
    model.config.attention_dropout = 0.0  # or preference training, which reads this config, would drop out as well
    _save(model, tokenizer, held_out, settings.max_tokens, folder)


def build_finetuned(
    texts: Sequence[str],
    held_out: Sequence[str],
    settings: EmotionSettings,
    seed: int,
    folder: Path,
    progress: Progress,
) -> None:
    """Fine-tune a pretrained policy on `texts`; write the checkpoint and `metrics.json`. `seed` sets the order.

    A policy without a pad token of its own gets one, so that padding never hides an end of sequence.

    Raises:
        UserError: the policy cannot be loaded.
    """
    try:
        model, tokenizer = load_policy(settings.policy, pad_token=SPECIAL["pad_token"])
    except UserError as error:
        raise UserError(f"{error}\n{without_hub()}") from error
    _fit(model, tokenizer, texts, settings.finetune, settings.max_tokens, seed, progress)
    _save(model, tokenizer, held_out, settings.max_tokens, folder)


def without_hub() -> str:
    """What to do where a pretrained policy cannot be had."""
    return "suite.policy takes a hub id or a folder; suite.policy=scratch trains a small policy and needs no hub."


def train_tokenizer(texts: Sequence[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with at most `vocabulary` tokens, the three special ones included.

    No token is added to a text; tokens keep their spaces, so a decoded prompt and a decoded completion, joined, are
    the decoded whole.
    """
    backend = Tokenizer(models.BPE(unk_token=SPECIAL["unk_token"]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=list(SPECIAL.values()), show_progress=False)
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, clean_up_tokenization_spaces=False, **SPECIAL)


def encode_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """Tokens of every text alone, without special tokens."""
    rows: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return rows


def _rows(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
    """Training rows: opening, text, EOS; a text that is too long loses its end and has no EOS."""
    start, end = opening(tokenizer), [tokenizer.eos_token_id]
    return [[*start, *row, *end][:max_tokens] for row in encode_texts(tokenizer, texts)]


def _fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    settings: ScratchSettings | FineTuneSettings,
    max_tokens: int,
    seed: int,
    progress: Progress,
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        fit_language_model(
            model,
            _rows(tokenizer, texts, max_tokens),
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


def _save(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, held_out: Sequence[str], max_tokens: int, folder: Path
) -> None:
    """Write the checkpoint, and beside it the perplexity per token on held-out texts (EOS counted, first token not)."""
    save_policy(model, tokenizer, folder)
    rows = _rows(tokenizer, held_out, max_tokens)
    logps = completion_logps(model, [row[:1] for row in rows], [row[1:] for row in rows], tokenizer.pad_token_id)
    tokens = sum(len(row) - 1 for row in rows)
    metrics = {
        "perplexity": math.exp(-logps.sum() / tokens),
        "nats_per_text": -float(np.mean(logps)),
        "tokens_per_text": tokens / len(rows),
        "texts": len(rows),
    }
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1))
