"""What the suite's texts and models amount to, about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize, scratch_size, size_of_source
from benchmark.suites.policy_settings import SCRATCH
from benchmark.suites.reward_models.settings import RewardModelsSettings, ScorerSettings
from benchmark.suites.sizes import Built, TextSizes

TOKENS_PER_WORD = 1.4
TEMPLATE_TOKENS = 12  # around a prompt, about
ENDS_EARLY = 0.6  # mean length of a completion over the longest one allowed, about
TOGETHER = 16  # texts that a reward model reads at once


def text_sizes(settings: RewardModelsSettings, prompts: Sequence[str]) -> TextSizes:
    """Of prompts like these, and of completions."""
    counts: dict[str, int] = {
        "train": settings.train_prompts,
        "validation": settings.validation_prompts,
        "test": settings.test_prompts,
    }
    words = float(np.mean([len(prompt.split()) for prompt in prompts])) * TOKENS_PER_WORD + TEMPLATE_TOKENS
    longest = settings.max_new_tokens
    return TextSizes(counts, min(words, settings.max_prompt_tokens), ENDS_EARLY * longest, longest)


def policy_size(settings: RewardModelsSettings) -> PolicySize | None:
    """Of the policy; None where a pretrained one's config is not at hand."""
    shape = settings.scratch
    if settings.policy != SCRATCH:
        return size_of_source(settings.policy)
    return scratch_size(shape.vocabulary, shape.width, shape.layers, shape.heads, shape.feed_forward)


def scoring_work(texts: float, settings: RewardModelsSettings, tokens: float) -> Work | None:
    """Of asking every reward model and judge for the rewards of `texts` texts; None where a size is not known."""
    return _asking([*settings.objectives.values(), *settings.gold.values()], texts, tokens)


def building_work(what: Built, settings: RewardModelsSettings, tokens: float) -> Work | None:
    """Of the policy, or of the statistics of the rewards."""
    if what == "policy":
        return _policy_work(settings, tokens)
    scorers = settings.objectives if what == "reward_model" else settings.gold
    texts = min(settings.statistics_prompts, settings.train_prompts) * settings.candidates
    return _asking(list(scorers.values()), texts, tokens)


def _policy_work(settings: RewardModelsSettings, tokens: float) -> Work | None:
    size = policy_size(settings)
    training = settings.scratch if settings.policy == SCRATCH else settings.finetune
    if size is None or training is None:
        return None if size is None else size.checkpoint
    return size.training(settings.train_prompts * training.epochs, tokens, training.batch_size) + size.checkpoint


def _asking(scorers: Sequence[ScorerSettings], texts: float, tokens: float) -> Work | None:
    """Of the different checkpoints among `scorers`; a judge behind a URL computes elsewhere."""
    work = Work()
    for source in dict.fromkeys(scorer.source for scorer in scorers if getattr(scorer, "url", None) is None):
        size = size_of_source(source)
        if size is None:
            return None
        work += size.forward(texts, tokens, TOGETHER) + Work(host_seconds=1e-4 * texts)
    return work
