"""The suite `reward_models`: the papers' experiments on real models, by configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from benchmark.core.data import Floats, Prompts
from benchmark.core.errors import UserError
from benchmark.core.graph import Progress
from benchmark.core.hub import Needed
from benchmark.core.seeds import derive_seed
from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize
from benchmark.suites.base import Split
from benchmark.suites.generated import GeneratedSuite, Scores
from benchmark.suites.policy_settings import SCRATCH
from benchmark.suites.reward_models import costs
from benchmark.suites.reward_models.facts import described
from benchmark.suites.reward_models.prompts import Question, prompts_spec, questions
from benchmark.suites.reward_models.settings import RewardModelsSettings, ScorerSettings
from benchmark.suites.sizes import Built, TextSizes
from benchmark.suites.sources import source_spec

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
TRAINED = 0.1  # weight of the first objective where no training shift is given
VERSION = 1


class RewardModelsSuite(GeneratedSuite):
    """Prompts to a chat policy; objectives are reward models, standardised over the policy's own completions."""

    name = "reward_models"
    versioned = True
    Settings = RewardModelsSettings
    settings: RewardModelsSettings

    @property
    def objectives(self) -> tuple[str, ...]:
        """The reward models, by the names that the settings give them."""
        return tuple(self.settings.objectives)

    @property
    def max_new_tokens(self) -> int:
        """Greatest number of tokens of a completion."""
        return self.settings.max_new_tokens

    @property
    def candidates(self) -> int:
        """Completions per training prompt."""
        return self.settings.candidates

    @property
    def standardises(self) -> bool:
        """Rewards are z-scores."""
        return True

    def reward_ranges(self) -> dict[str, tuple[float, float]]:
        """z-scores have no ends: rewards are clipped, far outside of what the reference writes."""
        return dict.fromkeys(self.objectives, (-self.settings.clip, self.settings.clip))

    def describe(self) -> dict[str, str]:
        """Prompts, policy, rewards, judges and quality gate, in words."""
        return described(self.settings)

    def default_train_shifts(self) -> list[str]:
        """A mixture of the first two objectives that favours the second."""
        if len(self.objectives) < 2:
            return []
        a, b = self.objectives[:2]
        return [f"alpha_mixture(a={a},b={b},alpha={TRAINED:g})"]

    # What is built once ---------------------------------------------------------------------------------------------

    def needed(self) -> list[Needed]:
        """Policy, reward models, judges and prompts."""
        its = self.settings
        models = [] if its.policy == SCRATCH else [Needed(its.policy, "model", "suite.policy")]
        models += [Needed(s.source, "model", f"suite.objectives.{name}") for name, s in its.objectives.items()]
        judges = [Needed(j.source, "model", f"suite.gold.{name}") for name, j in its.gold.items() if j.url is None]
        return [*models, *judges, Needed(its.prompts.source, "dataset", "suite.prompts.source")]

    def check(self) -> None:
        """Look at policy, reward models, judges and prompts.

        Raises:
            UserError: what cannot be had, or cannot do what the settings ask for.
        """
        from benchmark.suites.reward_models.objectives import check_scorer

        its = self.settings
        tokenizer = self._tokenizer()
        its.prompt_format.check(tokenizer, its.policy)
        scorers: list[tuple[str, ScorerSettings]] = [
            *((f"objectives.{name}", scorer) for name, scorer in its.objectives.items()),
            *((f"gold.{name}", judge) for name, judge in its.gold.items()),
        ]
        for setting, scorer in scorers:
            try:
                check_scorer(scorer, its.longest)
            except UserError as error:
                raise UserError(f"suite.{setting}: {error}") from error
        for split in SPLITS:
            self._asked(split, tokenizer)

    def check_backend(self, backend: str) -> None:
        """Raise a UserError where `backend` could not run the pretrained policy."""
        if self.settings.policy != SCRATCH:
            from benchmark.generation.backends import check_served
            from benchmark.policies.checkpoints import SMALL_FILES, fetch, load_config

            check_served(backend, self.settings.policy, load_config(fetch(self.settings.policy, SMALL_FILES)))

    def policy_spec(self, seed: int) -> dict[str, Any]:
        """The policy and, where it is trained on answers, how and on what."""
        its = self.settings
        spec: dict[str, Any] = {"suite": self.name, "version": VERSION}
        if its.policy != SCRATCH:
            spec["policy"] = source_spec(its.policy)
        if its.untouched:
            return spec
        training = its.scratch if its.policy == SCRATCH else its.finetune
        assert training is not None
        return {
            **spec,
            "seed": seed,
            "training": training.model_dump(),
            "prompts": self.prompts_spec("train"),
            "max_new_tokens": its.max_new_tokens,
        }

    def build_policy(self, seed: int, folder: Path, progress: Progress) -> None:
        """Copy the policy with a pad token of its own, or train it on the answers to the training prompts."""
        from benchmark.suites.reward_models.policy import build_policy

        build_policy(self.settings, self._answers(), derive_seed(self.name, "policy", seed), folder, progress)

    def reward_model_spec(self) -> dict[str, Any]:
        """The reward models, and how many completions standardise them."""
        return self._scorers_spec(self.settings.objectives)

    def build_reward_model(self, folder: Path, progress: Progress) -> None:
        """Nothing is trained; `standardise` writes the statistics."""

    def judge_spec(self) -> dict[str, Any] | None:
        """The judges, where there are any."""
        judged = self.settings.judges
        return self._scorers_spec(judged) if judged else None

    def build_judge(self, folder: Path, progress: Progress) -> None:
        """Nothing is trained; `standardise` writes the statistics."""

    def standardise(
        self, what: Built, prompts: Sequence[str], completions: Sequence[str], folder: Path, progress: Progress
    ) -> None:
        """Mean and standard deviation of every reward over the completions of the first training prompts."""
        from benchmark.suites.reward_models.objectives import raw_rewards, save_statistics

        scorers = self.settings.objectives if what == "reward_model" else self.settings.judges
        first = self.settings.statistics_prompts * self.settings.candidates
        rewards = raw_rewards(scorers, prompts[:first], _stripped(completions[:first]))
        save_statistics(rewards, folder)
        progress(1, 1)

    # What is asked again and again ----------------------------------------------------------------------------------

    def prompts_spec(self, split: Split) -> dict[str, Any]:
        """The data, what is left out, and how many are taken (the format comes with the policy)."""
        its = self.settings
        return {
            "suite": self.name,
            "version": VERSION,
            "prompts": prompts_spec(its.prompts),
            "split": split,
            "longest": its.max_prompt_tokens,
            "count": its.count(split),
            "format": its.prompt_format.template,
        }

    def prompts(self, split: Split, policy: Path) -> Prompts:
        """The first prompts of the split that are not too long, as the policy reads them.

        Raises:
            UserError: fewer such prompts than are asked for.
        """
        from benchmark.policies.checkpoints import load_tokenizer

        asked = self._asked(split, load_tokenizer(policy))
        texts = [question.prompt for question, _ in asked]
        return Prompts([f"{split}-{row}" for row in range(len(asked))], texts, [tokens for _, tokens in asked])

    def scoring_spec(self) -> dict[str, Any]:
        """Where rewards are clipped."""
        return {"suite": self.name, "version": VERSION, "clip": self.settings.clip}

    def score(
        self, prompts: Sequence[str], completions: Sequence[str], reward_model: Path, judge: Path | None
    ) -> Scores:
        """z-scores; gold is NaN where an objective has no judge. Spaces around a completion are not judged."""
        answers = _stripped(completions)
        learned = self._standardised(self.settings.objectives, prompts, answers, reward_model)
        gold = {} if judge is None else self._standardised(self.settings.judges, prompts, answers, judge)
        missing = np.full(len(answers), np.nan)
        return Scores(
            learned=np.column_stack([learned[name] for name in self.objectives]),
            gold=np.column_stack([gold.get(name, missing) for name in self.objectives]),
            quality=np.array([bool(answer) for answer in answers], dtype=np.bool_),
        )

    # What it costs, about -------------------------------------------------------------------------------------------

    def text_sizes(self) -> TextSizes:
        """Of the prompts as they are, and of completions that end before they are cut, about."""
        return costs.text_sizes(self.settings, [question.prompt for question in self._questions("test")])

    def policy_size(self) -> PolicySize | None:
        """Of the settings' shape, or of the pretrained model where its config is at hand."""
        return costs.policy_size(self.settings)

    def building(self, what: Built) -> Work | None:
        """Of the policy, or of the rewards' statistics."""
        return costs.building_work(what, self.settings, self.text_sizes().tokens)

    def scoring(self, texts: float) -> Work | None:
        """By all reward models and judges."""
        return costs.scoring_work(texts, self.settings, self.text_sizes().tokens)

    # ----------------------------------------------------------------------------------------------------------------

    def _tokenizer(self) -> PreTrainedTokenizerBase:
        """The policy's, looked at before anything runs."""
        from benchmark.suites.reward_models.policy import checked_tokenizer

        return checked_tokenizer(self.settings, self._answers())

    def _questions(self, split: Split) -> list[Question]:
        """The prompts of a split."""
        return questions(self.settings.prompts, split)

    def _asked(self, split: Split, tokenizer: PreTrainedTokenizerBase) -> list[tuple[Question, list[int]]]:
        """As many prompts as are wanted, with their tokens."""
        its = self.settings
        wanted = its.count(split)
        found: list[tuple[Question, list[int]]] = []
        everything = self._questions(split)
        for start in range(0, len(everything), wanted):
            some = everything[start : start + wanted]
            tokens = its.prompt_format.prompts(tokenizer, [question.prompt for question in some])
            found += [(q, row) for q, row in zip(some, tokens, strict=True) if len(row) <= its.max_prompt_tokens]
            if len(found) >= wanted:
                return found[:wanted]
        raise UserError(
            f"suite.{split}_prompts is {wanted}, but {its.prompts.source!r} has only {len(found)} different prompts of "
            f"at most {its.max_prompt_tokens} tokens (suite.max_prompt_tokens) for the {split} split."
        )

    def _answers(self) -> dict[str, list[Question]]:
        """The first answered prompts for training and for validation, where the policy is trained on them."""
        if self.settings.untouched:
            return {}
        answered = {split: [q for q in self._questions(split) if q.answer] for split in SPLITS[:2]}
        return {split: found[: self.settings.count(split)] for split, found in answered.items()}

    def _standardised(
        self, scorers: dict[str, ScorerSettings], prompts: Sequence[str], answers: Sequence[str], folder: Path
    ) -> dict[str, Floats]:
        from benchmark.suites.reward_models.objectives import raw_rewards, standardised

        return standardised(raw_rewards(scorers, prompts, answers), folder, self.settings.clip)

    def _scorers_spec(self, scorers: dict[str, ScorerSettings]) -> dict[str, Any]:
        return {
            "suite": self.name,
            "version": VERSION,
            "prompts": self.settings.statistics_prompts,
            "models": {name: _scorer_spec(scorer) for name, scorer in scorers.items()},
        }


def _scorer_spec(scorer: ScorerSettings) -> dict[str, Any]:
    """What determines a scorer; where replies of a URL are kept, and which key opens it, changes nothing."""
    own = scorer.model_dump(mode="json", exclude={"cache", "key", "model"})
    at_url = getattr(scorer, "url", None) is not None
    return {**own, "head": scorer.head, **({"model": scorer.model} if at_url else source_spec(scorer.source))}


def _stripped(completions: Sequence[str]) -> list[str]:
    return [completion.strip() for completion in completions]
