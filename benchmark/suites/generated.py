"""Suites whose policies are judged by completions that they sample and that reward models score."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core.data import Bools, Floats, Prompts
from benchmark.core.graph import Progress
from benchmark.core.work import Work
from benchmark.suites.base import Split, Suite
from benchmark.suites.sizes import Built

TEXT_SECONDS = 2e-4  # of scoring one text, where a suite does not say


@dataclass(frozen=True)
class Scores:
    """Rewards of completions, shape [completions, objectives], in the order of the suite's objectives.

    learned: what annotators act on, from the learned reward model; gold: the truth, or an independent judge's view;
    both on the suite's reward scale. quality: whether the text passes the language gate, shape [completions].
    """

    learned: Floats
    gold: Floats
    quality: Bools


class GeneratedSuite(Suite):
    """Pairs are two completions of the reference, labelled by their rewards; a policy is judged by its own."""

    # What is built once ---------------------------------------------------------------------------------------------

    @abstractmethod
    def reward_model_spec(self) -> dict[str, Any]:
        """JSON that determines the learned reward model."""

    @abstractmethod
    def build_reward_model(self, folder: Path, progress: Progress) -> None:
        """Train the reward model that annotators use and save it into `folder`."""

    def judge_spec(self) -> dict[str, Any] | None:
        """JSON that determines the independent judge, or None where gold is computed exactly from the text."""
        return None

    def build_judge(self, folder: Path, progress: Progress) -> None:
        """Train the independent judge and save it into `folder`."""
        raise NotImplementedError(f"{self.name} has no learned judge")

    @property
    def standardises(self) -> bool:
        """Whether rewards are relative to completions of the reference: `standardise` is then called with them."""
        return False

    def standardise(
        self, what: Built, prompts: Sequence[str], completions: Sequence[str], folder: Path, progress: Progress
    ) -> None:
        """Fix the scale of the reward model's or the judge's rewards, and write it into `folder`, which has the model.

        Args:
            what: `reward_model` or `judge`.
            prompts: training prompts as text, one beside each completion.
            completions: the completions of seed 0 that pairs are made of, prompt by prompt.
            folder: of the reward model or the judge.
            progress: called with (done, total).
        """
        raise NotImplementedError(f"{self.name} has a reward scale of its own")

    # What is asked again and again ----------------------------------------------------------------------------------

    @abstractmethod
    def prompts_spec(self, split: Split) -> dict[str, Any]:
        """JSON that determines the prompts of a split (the tokenizer comes with the policy)."""

    @abstractmethod
    def prompts(self, split: Split, policy: Path) -> Prompts:
        """The prompts of a split, tokenised for `policy`."""

    @property
    @abstractmethod
    def max_new_tokens(self) -> int:
        """Greatest number of tokens of a completion."""

    @property
    def candidates(self) -> int:
        """Completions per training prompt: two make a pair; of more, whoever labels takes the best and the worst."""
        return 2

    @abstractmethod
    def scoring_spec(self) -> dict[str, Any]:
        """JSON that determines `score`, given the reward model and the judge: reward scale, rules on text, version."""

    @abstractmethod
    def score(
        self, prompts: Sequence[str], completions: Sequence[str], reward_model: Path, judge: Path | None
    ) -> Scores:
        """Score completions given as text, each beside its own prompt; `quality` holds the rules on text alone."""

    def has_text_gate(self) -> bool:
        """Whether completions must also lie within the usual nats per token of held-out human text."""
        return False

    def human_completions(self, policy: Path) -> tuple[list[list[int]], list[list[int]]]:
        """Held-out human texts from which that gate is fixed, cut like the policy's own: prompts, and completions of at
        most `max_new_tokens` with the end-of-sequence token, tokenised for `policy`."""
        raise NotImplementedError(f"{self.name} has no gate on nats per token")

    # What it costs, about -------------------------------------------------------------------------------------------

    def scoring(self, texts: float) -> Work | None:
        """The work of `score` on so many texts; None: not known."""
        return Work(host_seconds=TEXT_SECONDS * texts)
