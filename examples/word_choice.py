"""A suite of your own in one file: which of three words to use, for readers who like them plain or grand.

Run it, or check that it holds to the contract:

    python run_all.py --plugin examples/word_choice.py --suite word_choice --preset smoke
    python run_all.py check examples/word_choice.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from benchmark.suites import (
    AnswerSuite,
    Progress,
    Questions,
    ScratchSettings,
    Split,
    SuiteSettings,
    derive_seed,
    train_scratch,
)

READERS = ("plain", "grand")
CHOICES: list[dict[str, tuple[float, float]]] = [  # how much readers of each kind like a word, from 0 to 1
    {"big": (0.9, 0.1), "large": (0.6, 0.4), "immense": (0.1, 0.8)},
    {"small": (0.8, 0.2), "little": (0.9, 0.3), "diminutive": (0.1, 0.9)},
    {"old": (0.9, 0.3), "ancient": (0.5, 0.7), "venerable": (0.1, 0.9)},
    {"nice": (0.8, 0.1), "lovely": (0.7, 0.5), "delightful": (0.3, 0.8)},
    {"quiet": (0.9, 0.4), "still": (0.7, 0.5), "tranquil": (0.2, 0.9)},
    {"bright": (0.9, 0.4), "shiny": (0.7, 0.2), "resplendent": (0.1, 0.9)},
]
THINGS = ("house", "garden", "river", "town", "room", "tower", "bridge", "market", "forest", "ship", "street", "hall")
PARTS: dict[Split, tuple[int, ...]] = {"train": (0, 1, 2), "validation": (3,), "test": (4,)}  # of every five questions


class WordChoiceSettings(SuiteSettings):
    """Sizes of the reference policy and of the training data."""

    train_pairs: int = Field(512, gt=0, description="pairs of words that are labelled")
    policy: ScratchSettings = ScratchSettings(
        width=32, layers=1, heads=1, feed_forward=64, dropout=0.0, epochs=20, warmup_steps=5
    )


class WordChoice(AnswerSuite):
    """Sentences with a gap and three words for it; how plain and how grand each word is stands in this file.

    Words are the same in all splits, so what is tested is whether a policy carries a reader's taste to new sentences.
    """

    name = "word_choice"
    Settings = WordChoiceSettings
    settings: WordChoiceSettings
    presets: ClassVar = {
        "smoke": {
            "methods": ["reference", "dpo(beta=0.1)", "dpo(beta=1)", "kldpo", "gr_dpo", "oracle(beta=0.1)"],
            "seeds": 1,
            "labels": {"sharpness": 4.0},  # nats per unit of reward
            "training": {"epochs": 2, "batch_size": 32, "learning_rate": 2e-3, "warmup_steps": 2, "checkpoints": 2},
        },
    }

    @property
    def objectives(self) -> tuple[str, ...]:
        """The kinds of readers."""
        return READERS

    @property
    def train_pairs(self) -> int:
        """Number of training pairs."""
        return self.settings.train_pairs

    def reward_ranges(self) -> dict[str, tuple[float, float]]:
        """From 0 to 1."""
        return dict.fromkeys(READERS, (0.0, 1.0))

    def describe(self) -> dict[str, str]:
        """Facts for the reader of the leaderboard."""
        return {
            "data": f"{len(CHOICES) * len(THINGS)} made-up sentences, each with three words for its gap",
            "policy": "a small Llama shape, trained from scratch on the training sentences",
            "reward": "how much readers of a kind like the word, as written in the file of the suite",
        }

    def default_train_shifts(self) -> list[str]:
        """Nine tenths of those who label like plain words."""
        return ["annotator_groups(groups=plain/grand,fractions=0.9/0.1)"]

    def questions_spec(self, split: Split) -> dict[str, Any]:
        """The split; the questions themselves stand in this file, whose code counts."""
        return {"suite": self.name, "split": split}

    def questions(self, split: Split) -> Questions:
        """Every thing with every choice of words; a fifth each for validation and test."""
        asked = [
            (number, thing, words)
            for number, (thing, words) in enumerate((thing, words) for words in CHOICES for thing in THINGS)
            if number % 5 in PARTS[split]
        ]
        return Questions(
            ids=[f"sentence-{number}" for number, _, _ in asked],
            prompts=[f"{', '.join(words)}: the {thing} looked" for _, thing, words in asked],
            answers=[[f" {word}" for word in words] for _, _, words in asked],
            rewards=[np.array(list(words.values())) for _, _, words in asked],
        )

    def policy_spec(self, seed: int) -> dict[str, Any]:
        """Seed and training."""
        return {"suite": self.name, "seed": seed, "training": self.settings.policy.model_dump()}

    def build_policy(self, seed: int, folder: Path, progress: Progress) -> None:
        """Train a small policy on the training sentences with each of their words, all alike."""
        train_scratch(
            texts=self.questions("train").texts(),
            held_out=self.questions("validation").texts(),
            settings=self.settings.policy,
            seed=derive_seed(self.name, "policy", seed),
            folder=folder,
            progress=progress,
        )
