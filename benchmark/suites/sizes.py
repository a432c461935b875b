"""What a suite says of its sizes, from which the cost of a run is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Built = Literal["policy", "reward_model", "judge"]


@dataclass(frozen=True)
class TextSizes:
    """Sizes of the texts that policies are asked for.

    prompts: number by split. prompt_tokens, completion_tokens: mean, about. longest: the longest completion of a batch,
    which a row is padded to where rows are not sorted, about.
    """

    prompts: Mapping[str, int]
    prompt_tokens: float
    completion_tokens: float
    longest: float

    @property
    def tokens(self) -> float:
        """Of a prompt with its completion."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def padded(self) -> float:
        """The same in a batch of rows that are not sorted."""
        return self.prompt_tokens + self.longest

    @property
    def evaluated(self) -> int:
        """Prompts on which a checkpoint is evaluated."""
        return self.prompts["validation"] + self.prompts["test"]
