"""The suite in words, for the reader of the leaderboard."""

from __future__ import annotations

from benchmark.suites.policy_settings import SCRATCH
from benchmark.suites.reward_models.settings import RewardModelsSettings


def described(settings: RewardModelsSettings) -> dict[str, str]:
    """Prompts, policy, pairs, rewards, judges and quality gate."""
    its = settings
    judges = ", ".join(f"{name}: {judge.model}" for name, judge in its.gold.items())
    learned = "trained from scratch on answers" if its.policy == SCRATCH else "fine-tuned on answers"
    template = its.prompt_format.template
    return {
        "data": f"prompts of {its.prompts.source}, one turn each, of at most {its.max_prompt_tokens} tokens; "
        f"{its.train_prompts} train, {its.validation_prompts} validation, {its.test_prompts} test",
        "policy": its.policy if its.untouched else f"{its.policy}, {learned}",
        "prompt format": "the tokenizer's chat template" if template is None else repr(template),
        "pairs": f"{its.candidates} completions per prompt"
        + (", of which whoever labels compares the best and the worst" if its.candidates > 2 else ""),
        "objectives": ", ".join(f"{name} = {scorer.model}" for name, scorer in its.objectives.items()),
        "reward": "raw reward minus its mean, over its standard deviation, both over the reference's completions of "
        f"the first {its.statistics_prompts} training prompts, seed 0; clipped at +-{its.clip:g}",
        "gold": f"{judges}, standardised alike" if judges else "none: no judge was given",
        "quality gate": "the completion is not blank; a blank one is worth the least reward",
    }
