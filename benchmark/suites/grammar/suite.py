"""The `grammar` suite: sampled sentences, a policy trained on them, a learned and a gold reward, an exact language."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.data import Prompts
from benchmark.core.graph import Progress
from benchmark.core.seeds import derive_seed, generator
from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize, scratch_size
from benchmark.scoring.work import convolution_work
from benchmark.suites.base import Split
from benchmark.suites.generated import GeneratedSuite, Scores
from benchmark.suites.grammar.gold import gold_rewards
from benchmark.suites.grammar.language import GRAMMAR_VERSION, grammatical, render, sample, sample_openings
from benchmark.suites.grammar.lexicon import OBJECTIVES
from benchmark.suites.grammar.settings import MAX_LENGTH, POLICY_FIELDS, REWARD_FIELDS, GrammarSettings
from benchmark.suites.sizes import Built, TextSizes

_SHARES: dict[Split, tuple[float, float]] = {"train": (0.0, 0.6), "validation": (0.6, 0.8), "test": (0.8, 1.0)}
OPENING_TOKENS, REST_TOKENS, LONGEST_TOKENS = 8, 15, 21  # of a sentence; the last of the longest rest of a batch
SENTENCE_SECONDS = 4e-5  # of sampling one
_DRAWN_AT_ONCE = 4096  # openings; part of what determines the prompts


class GrammarSuite(GeneratedSuite):
    """Sentence openings as prompts, the rest as completions; everything is sampled here and exactly scored."""

    name = "grammar"
    versioned = True
    Settings = GrammarSettings
    settings: GrammarSettings

    @property
    def objectives(self) -> tuple[str, ...]:
        """Anger, fear, joy, sadness, love."""
        return OBJECTIVES

    def reward_ranges(self) -> dict[str, tuple[float, float]]:
        """Rewards are sigmoids."""
        return dict.fromkeys(OBJECTIVES, (0.0, 1.0))

    @property
    def max_new_tokens(self) -> int:
        """Greatest number of tokens of a completion."""
        return self.settings.max_new_tokens

    def describe(self) -> dict[str, str]:
        """Facts for the reader of the leaderboard."""
        its = self.settings
        return {
            "data": f"sentences sampled from a probabilistic grammar of English, version {GRAMMAR_VERSION}; prompts "
            "are their first 7 or 8 words, distinct between training, validation and test",
            "policy": f"Llama shape, width {its.policy_width}, {its.policy_layers} layers, trained from scratch on "
            f"{its.policy_sentences} sentences",
            "reward": f"sigmoid of a convolutional reward model, trained on {its.reward_sentences} sentences whose "
            "labels were drawn with the gold rewards as probabilities",
            "gold": "exact, from the words of the text: sigmoid(2.5 (summed strength - 0.8))",
            "quality": "the whole text is a sentence of the grammar (exact)",
        }

    # What is built once ---------------------------------------------------------------------------------------------

    def policy_spec(self, seed: int) -> dict[str, Any]:
        """Training settings, shape and seed; the seed draws the sentences, their order and the initial weights."""
        return {
            "suite": self.name,
            "grammar": GRAMMAR_VERSION,
            "seed": seed,
            **self.settings.model_dump(include=set(POLICY_FIELDS)),
        }

    def build_policy(self, seed: int, folder: Path, progress: Progress) -> None:
        """Sample sentences, train the policy on them from scratch, and save it with its tokenizer."""
        from benchmark.policies.checkpoints import save_policy
        from benchmark.policies.scratch import ScratchPolicy, build_scratch_policy
        from benchmark.suites.grammar.tokenizer import VOCABULARY, build_tokenizer, sentence_tokens
        from benchmark.training.language_model import fit_language_model

        its = self.settings
        tokenizer = build_tokenizer(MAX_LENGTH)
        shape = ScratchPolicy(
            len(VOCABULARY),
            its.policy_width,
            its.policy_layers,
            its.policy_heads,
            its.policy_feed_forward,
            max_length=MAX_LENGTH,
            initializer_range=its.policy_initializer_range,
        )
        model = build_scratch_policy(shape, tokenizer, derive_seed("grammar", "weights", seed))
        sentences = sample(its.policy_sentences, generator("grammar", "policy sentences", seed))
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            fit_language_model(
                model,
                [sentence_tokens(sentence) for sentence in sentences],
                pad_token_id=tokenizer.pad_token_id,
                learning_rate=its.policy_learning_rate,
                batch_size=its.policy_batch,
                epochs=its.policy_epochs,
                warmup_steps=its.policy_warmup_steps,
                seed=derive_seed("grammar", "order", seed),
                folder=Path(scratch),
                progress=progress,
            )
        save_policy(model, tokenizer, folder)

    def reward_model_spec(self) -> dict[str, Any]:
        """Settings of the reward model and its data."""
        return {"suite": self.name, "grammar": GRAMMAR_VERSION, **self.settings.model_dump(include=set(REWARD_FIELDS))}

    def build_reward_model(self, folder: Path, progress: Progress) -> None:
        """Train the multi-label reward model on sampled sentences, each objective labelled 1 with its gold reward as
        probability."""
        from benchmark.scoring.convolution import fit_convolution

        its = self.settings
        random = generator("grammar", "reward sentences", its.reward_seed)
        texts = [render(sentence.opening + sentence.rest) for sentence in sample(its.reward_sentences, random)]
        gold = gold_rewards(texts)
        labels = (random.random(gold.shape) < gold).astype(np.float64)
        fit_convolution(
            texts,
            labels,
            OBJECTIVES,
            seed=derive_seed("grammar", "reward model", its.reward_seed),
            epochs=its.reward_epochs,
            batch_size=its.reward_batch,
            learning_rate=its.reward_learning_rate,
            embedding_width=its.reward_width,
            channels=its.reward_channels,
            progress=progress,
        ).save(folder)

    # What is asked again and again ----------------------------------------------------------------------------------

    def prompts_spec(self, split: Split) -> dict[str, Any]:
        """Split, number of prompts and grammar."""
        return {"suite": self.name, "grammar": GRAMMAR_VERSION, "split": split, "count": self._prompt_count(split)}

    def prompts(self, split: Split, policy: Path) -> Prompts:
        """Distinct openings; those of two splits never meet, and more prompts only append to fewer."""
        from tokenizers import Tokenizer

        texts = _split_openings(split, self._prompt_count(split))
        tokenizer = Tokenizer.from_file(str(policy / "tokenizer.json"))
        tokens = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        return Prompts([f"{split}-{number}" for number in range(len(texts))], texts, tokens)

    def _prompt_count(self, split: Split) -> int:
        return int(getattr(self.settings, f"{split}_prompts"))

    def scoring_spec(self) -> dict[str, Any]:
        """The grammar's version stands for the gold rewards and the rule of grammaticality."""
        return {"suite": self.name, "grammar": GRAMMAR_VERSION, "scale": "sigmoid"}

    def score(
        self, prompts: Sequence[str], completions: Sequence[str], reward_model: Path, judge: Path | None
    ) -> Scores:
        """Learned: sigmoid of the reward model's logits; gold: exact; quality: grammatical. All of the whole text."""
        from benchmark.scoring import load_reward_model

        texts = [f"{prompt} {completion}" for prompt, completion in zip(prompts, completions, strict=True)]
        logits = load_reward_model(reward_model).score(texts)
        quality = np.array([grammatical(text) for text in texts], dtype=np.bool_)
        return Scores(1 / (1 + np.exp(-logits)), gold_rewards(texts), quality)

    # What it costs, about -------------------------------------------------------------------------------------------

    def text_sizes(self) -> TextSizes:
        """A sentence is as long as the grammar makes it, whatever `max_new_tokens` allows."""
        splits: tuple[Split, ...] = ("train", "validation", "test")
        return TextSizes(
            {split: self._prompt_count(split) for split in splits}, OPENING_TOKENS, REST_TOKENS, LONGEST_TOKENS
        )

    def policy_size(self) -> PolicySize | None:
        """Of the Llama shape that the settings describe."""
        from benchmark.suites.grammar.tokenizer import VOCABULARY

        its = self.settings
        return scratch_size(
            len(VOCABULARY), its.policy_width, its.policy_layers, its.policy_heads, its.policy_feed_forward
        )

    def building(self, what: Built) -> Work | None:
        """Passes over sampled sentences."""
        its = self.settings
        if what == "reward_model":
            texts, steps = its.reward_sentences, its.reward_sentences * its.reward_epochs / its.reward_batch
            fitting = convolution_work(texts * its.reward_epochs, steps, its.reward_width, its.reward_channels)
            return fitting + Work(host_seconds=SENTENCE_SECONDS * texts)
        size = self.policy_size()
        if what == "judge" or size is None:
            return None
        rows = its.policy_sentences * its.policy_epochs
        training = size.training(rows, OPENING_TOKENS + REST_TOKENS, its.policy_batch)
        sampling = Work(host_seconds=SENTENCE_SECONDS * its.policy_sentences + 1e-3 * rows / its.policy_batch)
        return training + sampling + size.checkpoint


def _split_openings(split: Split, count: int) -> list[str]:
    """The first `count` distinct openings whose hash falls into the split's share of [0, 1)."""
    low, high = _SHARES[split]
    random = generator("grammar", "prompts", split)
    found: dict[str, None] = {}
    while len(found) < count:
        for text in sample_openings(_DRAWN_AT_ONCE, random):
            if low <= _position(text) < high:
                found[text] = None
    return list(found)[:count]


def _position(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
