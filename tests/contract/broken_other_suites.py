"""Suites whose completions are scored, and analytic ones, that break one promise of the contract each."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import ClassVar

import numpy as np
from pydantic import Field

from benchmark.suites import Record, Scores

from .breaking import breaks
from .tiny_suites import TinyAnalytic, TinyGenerated, TinySettings

calls = count()


@breaks("prompts")
class NoPrompts(TinyGenerated):
    """A split without any."""

    name = "broken_no_prompts"

    def prompts(self, split, policy):
        found = super().prompts(split, policy)
        return replace(found, ids=[], texts=[], tokens=[]) if split == "test" else found


@breaks("splits")
class Shared(TinyGenerated):
    """Ids that are counted from 0 in every split."""

    name = "broken_shared"

    def prompts(self, split, policy):
        found = super().prompts(split, policy)
        return replace(found, ids=[str(number) for number in range(len(found))])


@breaks("prompt settings")
class Cut(TinyGenerated):
    """As many prompts as a setting says, which the spec does not name."""

    name = "broken_cut"

    class Settings(TinySettings):
        """One more."""

        most: int = Field(2, gt=0, description="prompts of a split")

    def prompts(self, split, policy):
        found, most = super().prompts(split, policy), self.settings.most
        return replace(found, ids=found.ids[:most], texts=found.texts[:most], tokens=found.tokens[:most])


@breaks("reward model")
class Unnamed(TinyGenerated):
    """A reward model by a setting that the spec does not name."""

    name = "broken_unnamed"

    def reward_model_spec(self):
        return {"version": 1}


@breaks("judge")
class UnnamedJudge(TinyGenerated):
    """The same of the judge."""

    name = "broken_unnamed_judge"

    def judge_spec(self):
        return {"version": 1}

    def build_judge(self, folder, progress):
        (folder / "judge.json").write_text(str(self.settings.strength))


@breaks("scores")
class Unscaled(TinyGenerated):
    """Rewards beyond their range."""

    name = "broken_unscaled"

    def score(self, prompts, completions, reward_model, judge):
        found = super().score(prompts, completions, reward_model, judge)
        return replace(found, gold=found.gold + 2)


@breaks("scores")
class OneColumn(TinyGenerated):
    """Rewards of one objective."""

    name = "broken_one_column"

    def score(self, prompts, completions, reward_model, judge):
        found = super().score(prompts, completions, reward_model, judge)
        return replace(found, learned=found.learned[:, :1])


@breaks("scores")
class Doubtful(TinyGenerated):
    """A gate between open and shut."""

    name = "broken_doubtful"

    def score(self, prompts, completions, reward_model, judge):
        found = super().score(prompts, completions, reward_model, judge)
        return replace(found, quality=found.quality * 0.5)


@breaks("own text")
class Ranked(TinyGenerated):
    """Scores by the place in the batch."""

    name = "broken_ranked"

    def score(self, prompts, completions, reward_model, judge):
        rank = np.linspace(0, 1, len(completions))
        return Scores(np.stack([rank, rank], axis=1), np.stack([rank, rank], axis=1), rank > -1)


@breaks("own text")
class Drawn(TinyGenerated):
    """Another score at every call."""

    name = "broken_drawn"

    def score(self, prompts, completions, reward_model, judge):
        found = super().score(prompts, completions, reward_model, judge)
        return replace(found, learned=found.learned * 0 + 1 / (2 + next(calls)))


@breaks("scenarios")
class NoScenario(TinyAnalytic):
    """Nothing to run in."""

    name = "broken_no_scenario"
    scenarios = ()


@breaks("scenarios")
class Impostor(TinyAnalytic):
    """A comparison under a method's name."""

    name = "broken_impostor"
    beside: ClassVar = ("dpo",)


@breaks("version")
class Unversioned(TinyAnalytic):
    """A version in words."""

    name = "broken_unversioned"
    version = "first"


@breaks("records")
class Repeating(TinyAnalytic):
    """The same number twice."""

    name = "broken_repeating_records"

    def run(self, subject, scenario, seed):
        return 2 * super().run(subject, scenario, seed)


@breaks("records")
class Infinite(TinyAnalytic):
    """A number that diverged."""

    name = "broken_infinite"

    def run(self, subject, scenario, seed):
        return [Record("distance", float("inf"), 1)]


@breaks("repeatable")
class Chance(TinyAnalytic):
    """Another number at every call."""

    name = "broken_chance"

    def run(self, subject, scenario, seed):
        return [Record("distance", float(next(calls)), 1)]


@breaks("summary")
class Speechless(TinyAnalytic):
    """No headline."""

    name = "broken_speechless"

    def summarise(self, results, cells):
        return replace(super().summarise(results, cells), headline="")
