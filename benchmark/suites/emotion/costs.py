"""What the suite's texts, models and their building amount to, about."""

from __future__ import annotations

import math

from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize, scratch_size, size_of_source
from benchmark.scoring.work import convolution_work, linear_work, transformer_work
from benchmark.suites.emotion.data import SPLITS
from benchmark.suites.emotion.settings import TRANSFORMER, EmotionSettings
from benchmark.suites.policy_settings import SCRATCH
from benchmark.suites.sizes import Built, TextSizes

TEXT_TOKENS, TEXT_WORDS = 26, 19  # of a text of the data set, about
JOINED = 2  # texts in a training text of a scorer, on average
COMPLETION_TOKENS = 19  # of a completion that is never cut, about
SCORE_BATCH = 64


def text_sizes(settings: EmotionSettings) -> TextSizes:
    """Of prompts and completions. Lengths fall off exponentially; one completion of a batch nearly always is cut."""
    prompts: dict[str, int] = {split: int(getattr(settings, f"{split}_prompts")) for split in SPLITS}
    longest = settings.max_new_tokens
    mean = COMPLETION_TOKENS * (1 - math.exp(-longest / COMPLETION_TOKENS))
    return TextSizes(prompts, settings.prompt_tokens, mean, longest)


def policy_size(settings: EmotionSettings) -> PolicySize | None:
    """Of the reference policy; None where a pretrained one's config is not at hand."""
    if settings.policy != SCRATCH:
        return size_of_source(settings.policy)
    shape = settings.scratch
    return scratch_size(shape.vocabulary, shape.width, shape.layers, shape.heads, shape.feed_forward)


def building_work(what: Built, texts: int, settings: EmotionSettings) -> Work | None:
    """Of the policy on the `texts` training texts, or of a scorer on half of them; None where a size is not known."""
    if what == "policy":
        return _policy_work(policy_size(settings), texts, settings)
    return _fitting_work(settings.reward_model_kind if what == "reward_model" else settings.judge, texts / 2, settings)


def scoring_work(texts: float, settings: EmotionSettings) -> Work | None:
    """Of asking reward model and judge for the scores of `texts` texts; None where a size is not known."""
    learned, gold = (_asking_work(kind, texts, settings) for kind in (settings.reward_model_kind, settings.judge))
    return None if learned is None or gold is None else learned + gold


def _policy_work(size: PolicySize | None, texts: int, settings: EmotionSettings) -> Work | None:
    if size is None:
        return None
    training = settings.scratch if settings.policy == SCRATCH else settings.finetune
    seen = texts * training.epochs
    passing = size.training(seen, min(TEXT_TOKENS, settings.max_tokens), training.batch_size)
    return passing + Work(host_seconds=1e-3 * seen / training.batch_size) + size.checkpoint


def _fitting_work(kind: str, texts: float, settings: EmotionSettings) -> Work | None:
    if kind == "linear":
        return linear_work(texts * settings.linear.copies, fitted=True)
    if kind == "convolution":
        its = settings.convolution
        seen = texts * its.copies * its.epochs
        words = JOINED * TEXT_WORDS
        return convolution_work(seen, seen / its.batch_size, its.embedding_width, its.channels, words)
    size, chosen = size_of_source(kind.removeprefix(TRANSFORMER)), settings.transformer
    if size is None:
        return None
    seen = texts * chosen.copies * chosen.epochs
    return transformer_work(size, seen, JOINED * TEXT_TOKENS, chosen.batch_size, fitted=True)


def _asking_work(kind: str, texts: float, settings: EmotionSettings) -> Work | None:
    if kind == "linear":
        return linear_work(texts, fitted=False)
    if kind == "convolution":
        return convolution_work(texts, 0, settings.convolution.embedding_width, settings.convolution.channels)
    size = size_of_source(kind.removeprefix(TRANSFORMER))
    if size is None:
        return None
    return transformer_work(size, texts, text_sizes(settings).tokens, SCORE_BATCH, fitted=False)
