"""The suite `emotion`: Experiment 1 of arXiv:2502.01930 on the Emotion texts."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.data import Floats, Prompts
from benchmark.core.graph import Progress
from benchmark.core.hub import Needed
from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize
from benchmark.scoring import RewardModel, load_reward_model
from benchmark.suites.base import Split
from benchmark.suites.emotion import costs, quality
from benchmark.suites.emotion.concatenate import halves
from benchmark.suites.emotion.data import (
    HUB_ID,
    OBJECTIVES,
    SPLITS,
    Texts,
    folder_fingerprint,
    read_folder,
    read_hub,
)
from benchmark.suites.emotion.settings import TRANSFORMER, EmotionSettings
from benchmark.suites.generated import GeneratedSuite, Scores
from benchmark.suites.policy_settings import SCRATCH
from benchmark.suites.sizes import Built, TextSizes
from benchmark.suites.sources import dataset_spec, source_spec

LOGIT_LIMIT = 10.0  # of the scale `logit`: beyond it a probability is within 5e-5 of 0 or 1


class EmotionSuite(GeneratedSuite):
    """Short English texts in five emotions; prompts are their first tokens, rewards a classifier's probabilities."""

    name = "emotion"
    versioned = True
    Settings = EmotionSettings
    settings: EmotionSettings

    @property
    def objectives(self) -> tuple[str, ...]:
        """The five emotions."""
        return OBJECTIVES

    @property
    def max_new_tokens(self) -> int:
        """Greatest number of tokens of a completion."""
        return self.settings.max_new_tokens

    def reward_ranges(self) -> dict[str, tuple[float, float]]:
        """The ends of the reward scale, the same for every emotion."""
        ends = (0.0, 1.0) if self.settings.reward_scale == "sigmoid" else (-LOGIT_LIMIT, LOGIT_LIMIT)
        return dict.fromkeys(OBJECTIVES, ends)

    def describe(self) -> dict[str, str]:
        """Data, policy, rewards, judge and quality gate, in words."""
        settings = self.settings
        scale = (
            "probability: sigmoid of the classifier's logit, as in arXiv:2502.01930"
            if settings.reward_scale == "sigmoid"
            else f"log-odds, clipped to +-{LOGIT_LIMIT:g}"
        )
        return {
            "data": f"Emotion (Saravia et al. 2018), label surprise dropped, from "
            f"{'a folder' if settings.data_dir else f'{HUB_ID} at revision {settings.revision}'}",
            "policy": "Llama-shaped, trained from scratch on the training texts"
            if settings.policy == SCRATCH
            else f"{settings.policy}, fine-tuned on the training texts",
            "prompts": f"the first {settings.prompt_tokens} tokens of each text with more",
            "reward": f"{settings.reward_model_kind}, trained on up to three texts joined, half A of the data; {scale}",
            "gold": f"{settings.judge} judge, trained on half B of the data, same scale",
            "quality gate": f"the completion is not blank, the text has at least {quality.LEAST_WORDS} words and no "
            f"phrase more than {quality.MOST_REPEATS} times in a row; and its nats per token under "
            "the reference policy lie inside the central 99% of held-out human texts",
        }

    # What is built once ---------------------------------------------------------------------------------------------

    def needed(self) -> list[Needed]:
        """The data set, the policy, and the reward model's base, where they are pretrained."""
        its = self.settings
        data = [Needed(HUB_ID, "dataset", "or a folder: suite.data_dir")] if its.data_dir is None else []
        policy = [Needed(its.policy, "model", "suite.policy; scratch needs no hub")] if its.policy != SCRATCH else []
        base = its.reward_model_kind.removeprefix(TRANSFORMER)
        kind = "suite.reward_model; convolution needs nothing pretrained"
        fitted = [Needed(base, "model", kind)] if its.reward_model_kind.startswith(TRANSFORMER) else []
        return data + policy + fitted

    def check(self) -> None:
        """Read all the data, and look at the policy and at the reward model's base.

        Raises:
            UserError: data missing or malformed, too few texts; a model that cannot be had or built, or cannot do what
                the settings ask for.
        """
        from benchmark.suites.emotion.checks import check_data, check_models

        texts = functools.cache(self._texts)
        check_data(self.settings, texts)
        check_models(self.settings, texts)

    def check_backend(self, backend: str) -> None:
        """Raise a UserError where `backend` could not run the pretrained policy."""
        from benchmark.suites.emotion.checks import check_backend

        check_backend(self.settings, backend)

    def policy_spec(self, seed: int) -> dict[str, Any]:
        """Data, seed, and the settings of the kind of policy in force."""
        settings = self.settings
        scratch = settings.policy == SCRATCH
        training = settings.scratch if scratch else settings.finetune
        return {
            "suite": self.name,
            "version": 1,
            "data": self._data_spec(),
            "seed": seed,
            "policy": SCRATCH if scratch else source_spec(settings.policy),
            "max_tokens": settings.max_tokens,
            "training": training.model_dump(),
        }

    def build_policy(self, seed: int, folder: Path, progress: Progress) -> None:
        """Train or fine-tune the reference policy; `metrics.json` beside it holds its held-out perplexity."""
        from benchmark.policies.encoding import train_tokenizer
        from benchmark.suites.policies import build_finetuned, build_scratch

        its = self.settings
        train, held_out = self._texts("train").texts, self._texts("validation").texts
        rows = ([[text] for text in train], [[text] for text in held_out], its.max_tokens, seed, folder, progress)
        if its.policy == SCRATCH:
            build_scratch(train_tokenizer(train, its.scratch.vocabulary), its.scratch, *rows)
        else:
            build_finetuned(its.policy, its.finetune, *rows)

    def reward_model_spec(self) -> dict[str, Any]:
        """Data and the settings of the kind of reward model in force."""
        return self._scorer_spec("reward_model", self.settings.reward_model_kind)

    def build_reward_model(self, folder: Path, progress: Progress) -> None:
        """Train the reward model on half A; `metrics.json` holds its figures on held-out texts."""
        self._build_scorer("reward_model", self.settings.reward_model_kind, 0, folder, progress)

    def judge_spec(self) -> dict[str, Any]:
        """Data and the settings of the kind of judge in force."""
        return self._scorer_spec("judge", self.settings.judge)

    def build_judge(self, folder: Path, progress: Progress) -> None:
        """Train the judge on half B, which the reward model has never seen."""
        self._build_scorer("judge", self.settings.judge, 1, folder, progress)

    # What is asked again and again ----------------------------------------------------------------------------------

    def prompts_spec(self, split: Split) -> dict[str, Any]:
        """Data, length and number of prompts."""
        return {
            "suite": self.name,
            "version": 1,
            "data": self._data_spec(),
            "split": split,
            "tokens": self.settings.prompt_tokens,
            "count": self._prompt_count(split),
        }

    def prompts(self, split: Split, policy: Path) -> Prompts:
        """The openings of the first texts that have more tokens than a prompt.

        Raises:
            UserError: fewer such texts than prompts are asked for.
        """
        from benchmark.policies.checkpoints import load_tokenizer, opening
        from benchmark.policies.encoding import encode_texts
        from benchmark.suites.emotion.checks import too_few

        tokenizer, length = load_tokenizer(policy), self.settings.prompt_tokens
        rows = encode_texts(tokenizer, self._texts(split).texts)
        long_enough = [(f"{split}-{number}", row[:length]) for number, row in enumerate(rows) if len(row) > length]
        count = self._prompt_count(split)
        if len(long_enough) < count:
            raise too_few(self.settings, split, len(long_enough), f"texts of more than {length} tokens")
        ids, openings = zip(*long_enough[:count], strict=True)
        start = opening(tokenizer)
        return Prompts(list(ids), tokenizer.batch_decode(list(openings)), [[*start, *row] for row in openings])

    def scoring_spec(self) -> dict[str, Any]:
        """Reward scale and the limits of the rules on text."""
        rules = [quality.LEAST_WORDS, quality.LONGEST_UNIT, quality.MOST_REPEATS]
        return {"suite": self.name, "version": 1, "scale": self.settings.reward_scale, "quality": rules}

    def score(
        self, prompts: Sequence[str], completions: Sequence[str], reward_model: Path, judge: Path | None
    ) -> Scores:
        """Score the whole text, prompt and completion, as a reader would see it."""
        if judge is None:
            raise ValueError("the suite emotion cannot be scored without its judge")
        texts = [prompt + completion for prompt, completion in zip(prompts, completions, strict=True)]
        passed = [quality.passes(*pair) for pair in zip(prompts, completions, strict=True)]
        return Scores(
            learned=self._scaled(_loaded(reward_model).score(texts)),
            gold=self._scaled(_loaded(judge).score(texts)),
            quality=np.array(passed, dtype=np.bool_),
        )

    def has_text_gate(self) -> bool:
        """Completions must also lie within the usual nats per token of human texts."""
        return True

    def human_completions(self, policy: Path) -> tuple[list[list[int]], list[list[int]]]:
        """The validation texts, cut after the prompt."""
        from benchmark.policies.checkpoints import load_tokenizer, opening
        from benchmark.policies.encoding import encode_texts

        tokenizer, length = load_tokenizer(policy), self.settings.prompt_tokens
        rows = [row for row in encode_texts(tokenizer, self._texts("validation").texts) if len(row) > length]
        ends = [[*row[length:], tokenizer.eos_token_id][: self.max_new_tokens] for row in rows]
        return [[*opening(tokenizer), *row[:length]] for row in rows], ends

    # What it costs, about -------------------------------------------------------------------------------------------

    def text_sizes(self) -> TextSizes:
        """Of prompts, and of completions that end as a text does or are cut."""
        return costs.text_sizes(self.settings)

    def policy_size(self) -> PolicySize | None:
        """Of the settings' shape, or of the pretrained model where its config is at hand."""
        return costs.policy_size(self.settings)

    def building(self, what: Built) -> Work | None:
        """Passes over the training texts, or over joined texts of one half of them."""
        return costs.building_work(what, len(self._texts("train")), self.settings)

    def scoring(self, texts: float) -> Work | None:
        """By the reward model and the judge."""
        return costs.scoring_work(texts, self.settings)

    def _texts(self, split: Split) -> Texts:
        folder = self.settings.data_dir
        return read_folder(folder, split) if folder is not None else _read_hub(self.settings.revision, split)

    def _data_spec(self) -> dict[str, Any]:
        if self.settings.data_dir is None:
            return dataset_spec(HUB_ID, self.settings.revision)
        return {"files": folder_fingerprint(self.settings.data_dir)}

    def _scorer_spec(self, role: str, kind: str) -> dict[str, Any]:
        section, _, source = kind.partition(":")
        options = getattr(self.settings, section).model_dump()
        base = {"source": source_spec(source)} if kind.startswith(TRANSFORMER) else {}
        return {
            "suite": self.name,
            "version": 1,
            "data": self._data_spec(),
            "role": role,
            "kind": section,
            "options": options,
            **base,
        }

    def _build_scorer(self, role: str, kind: str, half: int, folder: Path, progress: Progress) -> None:
        from benchmark.suites.emotion.scorers import build_scorer

        texts = halves(self._texts("train"))[half]
        build_scorer(kind, role, texts, self._texts("validation"), self.settings, folder, progress)

    def _scaled(self, logits: Floats) -> Floats:
        if self.settings.reward_scale == "logit":
            return np.clip(logits, -LOGIT_LIMIT, LOGIT_LIMIT)
        from benchmark.scoring.calibration import probabilities

        return probabilities(logits)

    def _prompt_count(self, split: Split) -> int:
        count: int = getattr(self.settings, f"{split}_prompts")
        return count


_read_hub = functools.lru_cache(maxsize=len(SPLITS))(read_hub)


@functools.lru_cache(maxsize=4)
def _loaded(folder: Path) -> RewardModel:
    """Reward models stay in memory: a cell scores a dozen times with the same two."""
    return load_reward_model(folder)
