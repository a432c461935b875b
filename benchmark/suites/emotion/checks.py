"""What is looked at before anything runs: enough texts of every label, and models that can read and write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from benchmark.core.errors import UserError
from benchmark.policies.checks import check_policy, check_positions
from benchmark.policies.encoding import encode_texts, train_tokenizer
from benchmark.policies.scratch import ScratchPolicy, check_shape
from benchmark.suites.base import Split
from benchmark.suites.emotion.concatenate import halves
from benchmark.suites.emotion.data import OBJECTIVES, SPLITS, Texts
from benchmark.suites.emotion.settings import TRANSFORMER, EmotionSettings
from benchmark.suites.policies import without_hub
from benchmark.suites.policy_settings import SCRATCH

_CHUNK = 1000  # texts that are tokenised at a time, until there are enough


def check_data(settings: EmotionSettings, texts: Callable[[Split], Texts]) -> None:
    """Raise a UserError where a split has fewer texts than prompts, or a half of the training texts lacks a label."""
    for split in SPLITS:
        if len(texts(split)) < prompt_count(settings, split):
            raise too_few(settings, split, len(texts(split)), "texts")
    for role, half in zip(("reward model", "judge"), halves(texts("train")), strict=True):
        lacking = [name for name, count in zip(OBJECTIVES, half.labels.sum(axis=0), strict=True) if not count]
        if lacking:
            raise UserError(
                f"the {role} learns from a half of the train split, and of its {len(half)} texts none is labelled "
                f"{', '.join(lacking)}. Give more texts of every label."
            )


def check_models(settings: EmotionSettings, texts: Callable[[Split], Texts]) -> None:
    """Look at the policy and at the reward model's base, and whether enough texts are longer than a prompt.

    Raises:
        UserError: a model cannot be had, or cannot do what the settings ask for; or there are too few such texts.
    """
    if settings.policy == SCRATCH:
        _check_scratch(settings, texts)
    else:
        _check_pretrained(settings, texts)
    kind = settings.reward_model_kind
    if kind.startswith(TRANSFORMER):
        from benchmark.scoring.transformer import check_base

        check_base(kind.removeprefix(TRANSFORMER), settings.prompt_tokens + settings.max_new_tokens)


def check_backend(settings: EmotionSettings, backend: str) -> None:
    """Raise a UserError where `backend` could not run the policy; the heads of a scratch policy fit all."""
    if settings.policy != SCRATCH:
        from benchmark.generation.backends import check_served

        check_served(backend, settings.policy, check_policy(settings.policy, **_sizes(settings)).config)


def prompt_count(settings: EmotionSettings, split: Split) -> int:
    """Prompts of a split."""
    count: int = getattr(settings, f"{split}_prompts")
    return count


def too_few(settings: EmotionSettings, split: Split, there: int, what: str) -> UserError:
    """An error for a split that has fewer of something than prompts are wanted."""
    return UserError(
        f"suite.{split}_prompts is {prompt_count(settings, split)}, but the {split} split has only {there} {what}."
    )


def _sizes(settings: EmotionSettings) -> dict[str, Any]:
    return {
        "prompt_tokens": settings.prompt_tokens,
        "max_new_tokens": settings.max_new_tokens,
        "text_tokens": settings.max_tokens,
    }


def _check_scratch(settings: EmotionSettings, texts: Callable[[Split], Texts]) -> None:
    check_shape(settings.scratch.width, settings.scratch.heads)
    check_positions("a scratch policy", ScratchPolicy.max_length, **_sizes(settings))
    tokenizer = None
    for split in SPLITS:
        words = np.array([len(text.split()) for text in texts(split).texts])
        if (words > settings.prompt_tokens).sum() >= prompt_count(settings, split):
            continue  # every word is one token at least
        tokenizer = tokenizer or train_tokenizer(texts("train").texts, settings.scratch.vocabulary)
        _check_long_texts(settings, split, texts(split).texts, tokenizer)


def _check_pretrained(settings: EmotionSettings, texts: Callable[[Split], Texts]) -> None:
    try:
        described = check_policy(settings.policy, **_sizes(settings))
    except UserError as error:
        raise UserError(f"{error} {without_hub()}") from error
    for split in SPLITS:
        _check_long_texts(settings, split, texts(split).texts, described.tokenizer)


def _check_long_texts(
    settings: EmotionSettings, split: Split, texts: Sequence[str], tokenizer: PreTrainedTokenizerBase
) -> None:
    wanted, there = prompt_count(settings, split), 0
    for start in range(0, len(texts), _CHUNK):
        rows = encode_texts(tokenizer, texts[start : start + _CHUNK])
        there += sum(len(row) > settings.prompt_tokens for row in rows)
        if there >= wanted:
            return
    raise too_few(settings, split, there, f"texts of more than {settings.prompt_tokens} tokens")
