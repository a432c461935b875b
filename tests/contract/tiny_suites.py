"""The smallest suites of each kind that hold the contract; what is broken in the tests is a subclass of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from benchmark.contract.worlds import SuiteSubject
from benchmark.pipeline.kinds import read_config
from benchmark.suites import (
    AnalyticSuite,
    AnswerSuite,
    GeneratedSuite,
    HeldOutPairs,
    LabelledSuite,
    Labels,
    Prompts,
    Questions,
    Record,
    Scores,
    ScratchSettings,
    Study,
    SuiteSettings,
    train_scratch,
)

from .breaking import unregistered

SMALL = ScratchSettings(vocabulary=64, width=32, layers=1, heads=1, feed_forward=32, dropout=0.0, epochs=1)
THINGS = ("tax", "school", "road", "army", "press", "trade", "water", "court", "farm")
PLACES = {"train": THINGS[:5], "validation": THINGS[5:7], "test": THINGS[7:]}
SHIFT = "annotator_groups(groups=yes/no,fractions=0.9/0.1)"


class TinySettings(SuiteSettings):
    """Settings of a tiny suite."""

    strength: float = Field(0.8, gt=0, lt=1, description="reward of the favourite")
    pairs: int = Field(16, gt=0, description="pairs")
    scratch: ScratchSettings = SMALL


@unregistered
class TinyAnswers(AnswerSuite):
    """Nine questions, two answers, two groups of people who want the opposite."""

    name = "tiny_answers"
    Settings = TinySettings
    presets: ClassVar = {"smoke": {"methods": ["reference", "dpo"], "seeds": 1}}

    @property
    def objectives(self):
        return ("yes", "no")

    @property
    def train_pairs(self):
        return self.settings.pairs

    def reward_ranges(self):
        return {"yes": (0.0, 1.0), "no": (0.0, 1.0)}

    def describe(self):
        return {"data": f"{len(THINGS)} questions"}

    def default_train_shifts(self):
        return [SHIFT]

    def questions_spec(self, split):
        return {"split": split, "strength": self.settings.strength}

    def questions(self, split):
        things, high = PLACES[split], self.settings.strength
        return Questions(
            ids=list(things),
            prompts=[f"Do you like the {thing}?" for thing in things],
            answers=[[" Yes", " No"] for _ in things],
            rewards=[np.array([[high, 1 - high], [1 - high, high]]) for _ in things],
        )

    def policy_spec(self, seed):
        return {"seed": seed, "training": self.settings.scratch.model_dump()}

    def build_policy(self, seed, folder, progress):
        texts = [self.questions(split).texts() for split in ("train", "validation")]
        train_scratch(*texts, self.settings.scratch, seed, folder, progress)


@unregistered
class TinyLabelled(LabelledSuite):
    """Nine prompts, one pair of responses to each; two groups of people who choose the opposite."""

    name = "tiny_labelled"
    Settings = TinySettings
    presets: ClassVar = {"smoke": {"methods": ["reference", "dpo"], "seeds": 1}}

    @property
    def objectives(self):
        return ("yes", "no")

    @property
    def train_pairs(self):
        return self.settings.pairs

    def describe(self):
        return {"data": f"{len(THINGS)} pairs"}

    def default_train_shifts(self):
        return [SHIFT]

    def labels_spec(self):
        return {"version": 1, "strength": self.settings.strength}

    def labels(self):
        things = PLACES["train"]
        responses = [" Yes", " No"]
        return Labels(
            prompts=[f"Do you like the {thing}?" for thing in things for _ in responses],
            chosen=responses * len(things),
            rejected=responses[::-1] * len(things),
            groups=np.array([0, 1] * len(things)),
        )

    def held_out(self, split):
        things, high = PLACES[split], self.settings.strength
        return HeldOutPairs(
            ids=list(things),
            prompts=[f"Do you like the {thing}?" for thing in things],
            first=[" No"] * len(things),
            second=[" Yes"] * len(things),
            chose_first=np.array([[1 - high, high]] * len(things)),
        )

    def policy_spec(self, seed):
        return {"seed": seed, "training": self.settings.scratch.model_dump()}

    def build_policy(self, seed, folder, progress):
        texts = [(f"Do you like the {thing}?", answer) for thing in THINGS for answer in (" Yes", " No")]
        train_scratch(texts, texts[:4], self.settings.scratch, seed, folder, progress)


@unregistered
class TinyGenerated(GeneratedSuite):
    """Nine prompts; the reward model is a number in a file, gold counts letters."""

    name = "tiny_generated"
    Settings = TinySettings
    presets: ClassVar = {"smoke": {"methods": ["reference", "dpo"], "seeds": 1, "train_shifts": [SHIFT]}}

    @property
    def objectives(self):
        return ("yes", "no")

    @property
    def max_new_tokens(self):
        return 4

    def reward_ranges(self):
        return {"yes": (0.0, 1.0), "no": (0.0, 1.0)}

    def describe(self):
        return {"data": "nine prompts"}

    def policy_spec(self, seed):
        return {"seed": seed, "training": self.settings.scratch.model_dump()}

    def build_policy(self, seed, folder, progress):
        texts = [[(f"The {thing}", " is good")] * 4 for thing in THINGS]
        rows = [text for own in texts for text in own]
        train_scratch(rows, rows[:4], self.settings.scratch, seed, folder, progress, tokens="byte_pairs")

    def reward_model_spec(self):
        return {"strength": self.settings.strength}

    def build_reward_model(self, folder, progress):
        (folder / "model.json").write_text(json.dumps(self.settings.strength))

    def prompts_spec(self, split):
        return {"split": split}

    def prompts(self, split, policy: Path):
        from benchmark.policies.checkpoints import load_tokenizer
        from benchmark.policies.encoding import encode_texts

        texts = [f"The {thing}" for thing in PLACES[split]]
        return Prompts(list(PLACES[split]), texts, encode_texts(load_tokenizer(policy), texts))

    def scoring_spec(self):
        return {"version": 1}

    def score(self, prompts, completions, reward_model, judge):
        strength = json.loads((reward_model / "model.json").read_text())
        gold = np.array([[text.count("o"), text.count("e")] for text in completions]) / 100.0
        return Scores(strength * gold, gold, np.array([bool(text) for text in completions]))


class AnalyticSettings(SuiteSettings):
    """Settings of a tiny analytic suite."""

    size: int = Field(3, gt=0, description="of the world")
    kind: Literal["even", "odd"] = Field("even", description="of the numbers")


@unregistered
class TinyAnalytic(AnalyticSuite):
    """Two scenarios, one number."""

    name = "tiny_analytic"
    version = 1
    Settings = AnalyticSettings
    scenarios = ("near", "far")
    presets: ClassVar = {"smoke": {"methods": ["dpo"], "seeds": 1}}

    def describe(self):
        return {"world": f"of size {self.settings.size}"}

    def run(self, subject, scenario, seed):
        return [Record("distance", float(self.settings.size * len(scenario)), 1)]

    def summarise(self, results, cells):
        mean = results["value"].mean()
        return Study(self.name, f"The mean distance is {mean:g}.", self.describe(), ())


def subject_of(cls, *settings):
    """A suite under check, made as `check` makes it; its name has to be registered."""
    return SuiteSubject(cls, read_config, settings)
