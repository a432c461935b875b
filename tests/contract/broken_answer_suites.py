"""Suites of finite answers that break one promise of the contract each."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np

from .breaking import breaks
from .tiny_suites import TinyAnswers

calls = count()


@breaks("questions")
class OneAnswer(TinyAnswers):
    """A question that has one answer."""

    name = "broken_one_answer"

    def questions(self, split):
        found = super().questions(split)
        return replace(found, answers=[[" Yes", " Yes"], *found.answers[1:]])


@breaks("questions")
class OneId(TinyAnswers):
    """All questions under one id."""

    name = "broken_one_id"

    def questions(self, split):
        found = super().questions(split)
        return replace(found, ids=["question"] * len(found))


@breaks("questions")
class Random(TinyAnswers):
    """Other rewards at every call."""

    name = "broken_random"

    def questions(self, split):
        found = super().questions(split)
        return replace(found, rewards=[reward * 0 + 1 / (2 + next(calls)) for reward in found.rewards])


@breaks("splits")
class Leaky(TinyAnswers):
    """A test question that is trained on."""

    name = "broken_leaky"

    def questions(self, split):
        found, other = super().questions(split), super().questions("train")
        return replace(found, prompts=[*found.prompts[:-1], other.prompts[-1]])


@breaks("rewards")
class Flat(TinyAnswers):
    """One reward per answer, for two objectives."""

    name = "broken_flat"

    def questions(self, split):
        found = super().questions(split)
        return replace(found, rewards=[reward[:, :1] for reward in found.rewards])


@breaks("rewards")
class Outside(TinyAnswers):
    """A reward above its range."""

    name = "broken_outside"

    def questions(self, split):
        found = super().questions(split)
        return replace(found, rewards=[3 * reward for reward in found.rewards])


@breaks("rewards")
class Holes(TinyAnswers):
    """One answer unknown, the other known."""

    name = "broken_holes"

    def questions(self, split):
        found = super().questions(split)
        return replace(found, rewards=[np.array([[np.nan, 0.5], [0.5, 0.5]]) for _ in found.rewards])


@breaks("rewards")
class Unasked(TinyAnswers):
    """An objective that was asked nothing in one split."""

    name = "broken_unasked"

    def questions(self, split):
        found = super().questions(split)
        unasked = [np.array([[np.nan, 0.5], [np.nan, 0.5]]) for _ in found.rewards]
        return replace(found, rewards=unasked) if split == "test" else found


@breaks("train pairs")
class NoPairs(TinyAnswers):
    """Nothing to train on."""

    name = "broken_no_pairs"

    @property
    def train_pairs(self):
        return 0


@breaks("question settings")
class Stale(TinyAnswers):
    """Rewards by a setting that the spec does not name."""

    name = "broken_stale"

    def questions_spec(self, split):
        return {"split": split}


@breaks("tokens")
class Alike(TinyAnswers):
    """Two answers that a tokenizer of lower-case words reads alike."""

    name = "broken_alike"

    def questions(self, split):
        found = super().questions(split)
        return replace(found, answers=[[" Yes", " YES"] for _ in found.answers])


@breaks("tokens")
class Endless(TinyAnswers):
    """Questions that are longer than the policy's positions."""

    name = "broken_endless"

    def questions(self, split):
        found = super().questions(split)
        return replace(found, prompts=[300 * prompt for prompt in found.prompts])
