"""What the reference policy of a suite says, for the checks that need it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.core.data import Prompts
from benchmark.generation import Sampling, make_generator
from benchmark.suites.base import Split


def completions(suite: Any, policy: Path, split: Split, most: int, samples: int = 1) -> tuple[list[str], list[str]]:
    """Prompts of a split, `most` at most, and `samples` completions of each, side by side, prompt by prompt.

    Raises:
        UserError: the policy cannot continue them by `max_new_tokens`.
    """
    found: Prompts = suite.prompts(split, policy)
    few = Prompts(found.ids[:most], found.texts[:most], found.tokens[:most])
    sampling = Sampling(max_new_tokens=suite.max_new_tokens, samples=samples, seed=0)
    with make_generator("transformers") as generator:
        said = generator.generate(policy, few, sampling)
    return [few.texts[row] for row in said.prompt], said.texts
