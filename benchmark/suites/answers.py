"""Suites whose completions are a finite set per prompt, so that everything about a policy is exact."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.core.data import Floats
from benchmark.suites.base import Split, Suite

if TYPE_CHECKING:
    from methods import Method


@dataclass(frozen=True)
class Questions:
    """Questions in a fixed order, each with its finite set of answers.

    prompts: the texts that a policy reads; answers: those that it may give, as they follow the prompt. rewards: per
    question, shape [answers, objectives]; NaN where an objective was not asked.
    """

    ids: list[str]
    prompts: list[str]
    answers: list[list[str]]
    rewards: list[Floats]

    def __len__(self) -> int:
        return len(self.ids)

    def texts(self) -> list[tuple[str, str]]:
        """Every question with each of its answers: what a reference policy learns to write."""
        return [(prompt, answer) for prompt, its in zip(self.prompts, self.answers, strict=True) for answer in its]


class AnswerSuite(Suite):
    """Pairs are two answers to one question, labelled by their rewards; a policy is judged by its distribution over the
    answers: its value under an objective is the expected reward. Nothing is sampled and no model scores."""

    @abstractmethod
    def questions_spec(self, split: Split) -> dict[str, Any]:
        """JSON that determines the questions of a split."""

    @abstractmethod
    def questions(self, split: Split) -> Questions:
        """The questions of a split; no question is in two."""

    @property
    @abstractmethod
    def train_pairs(self) -> int:
        """Number of training pairs."""

    @property
    def least_gap(self) -> float:
        """Pairs whose utilities differ by less do not count towards the accuracy on held-out pairs."""
        return 0.0

    def skip(self, method: Method) -> str | None:
        """What draws completions, or needs every objective's reward of every pair, has nothing to work on here."""
        from methods import Method  # torch comes with it, and whoever looks at the data needs none

        if method.candidates is not None or method.needs_rewards:
            return f"{self.name} has a finite set of answers: no completion is drawn or scored"
        made_of_parts = type(method).parts is not Method.parts
        if method.needs_shift and not made_of_parts:
            return f"{method.name} needs the rewards of every pair under all objectives; here not all were asked"
        return None
