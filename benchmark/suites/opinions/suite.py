"""The suite `opinions`: a real shift between real people, with exact values."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import UserError
from benchmark.core.graph import Progress
from benchmark.core.hub import Needed
from benchmark.core.seeds import derive_seed
from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize, scratch_size, size_of_source
from benchmark.suites.answers import AnswerSuite, Questions
from benchmark.suites.base import Split
from benchmark.suites.opinions import blocs, survey
from benchmark.suites.opinions.blocs import Blocs
from benchmark.suites.opinions.settings import OpinionsSettings
from benchmark.suites.opinions.survey import HUB_ID, SurveyQuestion
from benchmark.suites.policy_settings import SCRATCH
from benchmark.suites.sizes import Built, TextSizes
from benchmark.suites.sources import dataset_spec, source_spec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
TRAINED = 0.9  # share of the first bloc in the population that labels, where no shift is given
TOKENS_PER_WORD = 1.4
ADDED = 2  # tokens that stand before and after a text
VERSION = 1


class OpinionsSuite(AnswerSuite):
    """Survey questions as prompts, their options as completions, groups of people as objectives.

    The reward of an answer under a group is the share of the group that gave it, so a policy's value under the group is
    the expected share of what it answers; labels drawn by `luce` follow these shares.
    """

    name = "opinions"
    versioned = True
    Settings = OpinionsSettings
    settings: OpinionsSettings

    @property
    def objectives(self) -> tuple[str, ...]:
        """The blocs."""
        return self._blocs.names

    @property
    def train_pairs(self) -> int:
        """Number of training pairs."""
        return self.settings.train_pairs

    @property
    def least_gap(self) -> float:
        """Of shares."""
        return self.settings.least_gap

    def reward_ranges(self) -> dict[str, tuple[float, float]]:
        """Rewards are shares."""
        return dict.fromkeys(self.objectives, (0.0, 1.0))

    def describe(self) -> dict[str, str]:
        """Data, blocs, split, policy, rewards."""
        its = self.settings
        counts = {split: len(self._split[split]) for split in SPLITS}
        asked = {
            name: sum(not np.isnan(self._blocs.shares(question)[0, column]) for question in self._questions)
            for column, name in enumerate(self.objectives)
        }
        absent = f"; not in the data: {', '.join(self._blocs.absent)}" if self._blocs.absent else ""
        return {
            "data": f"survey questions with the answer shares of groups, from "
            f"{f'the file {its.data_file.name}' if its.data_file else HUB_ID}; split by question: "
            + ", ".join(f"{count} {split}" for split, count in counts.items()),
            "objectives": "; ".join(
                f"{name} ({', '.join(groups)}; {asked[name]} questions)" for name, groups in self._blocs.members.items()
            )
            + absent,
            "policy": f"Llama shape, width {its.scratch.width}, {its.scratch.layers} layers, trained from scratch on "
            "the training questions with their answers"
            if its.policy == SCRATCH
            else f"{its.policy}, fine-tuned on the training questions with their answers",
            "reward": "share of the group that gave the answer; of a policy, expected over its answers, exactly. A "
            "group is judged on the questions that it was asked",
            "gold": "the same shares",
            "quality": "every answer is one of the options",
        }

    def default_train_shifts(self) -> list[str]:
        """Two blocs: nine tenths of the first one, a tenth of the second. More: each left out in turn."""
        groups = "/".join(self.objectives)
        if len(self.objectives) == 2:
            return [f"annotator_groups(groups={groups},fractions={TRAINED:g}/{1 - TRAINED:g})"]
        return [f"annotator_groups(groups={groups},leave_out=each)"]

    # What is built once ---------------------------------------------------------------------------------------------

    def needed(self) -> list[Needed]:
        """The survey and the policy, where the hub has them."""
        its = self.settings
        data = [Needed(HUB_ID, "dataset", "or a file: suite.data_file")] if its.data_file is None else []
        return data + (
            [Needed(its.policy, "model", "suite.policy; scratch needs no hub")] if its.policy != SCRATCH else []
        )

    def check(self) -> None:
        """Read the data and the blocs, and look at the policy.

        Raises:
            UserError: what cannot be read, a bloc without questions in a split, or questions that are too long.
        """
        for split in SPLITS:
            rewards = [self._blocs.shares(question) for question in self._split[split]]
            for column, name in enumerate(self.objectives):
                if all(np.isnan(shares[0, column]) for shares in rewards):
                    raise UserError(f"suite {self.name}: {name} was asked no question of the {split} split.")
        self._check_lengths(self._tokenizer())

    def _tokenizer(self) -> PreTrainedTokenizerBase:
        """Of the policy, looked at before it is trained; of a pretrained one with all that fine-tuning asks of it."""
        if self.settings.policy == SCRATCH:
            return self._scratch_tokenizer()
        from benchmark.policies.checks import check_policy
        from benchmark.suites.policies import without_hub

        try:
            longest = self.settings.max_tokens
            described = check_policy(self.settings.policy, prompt_tokens=0, max_new_tokens=0, text_tokens=longest)
        except UserError as error:
            raise UserError(f"{error} {without_hub()}") from error
        return described.tokenizer

    def _scratch_tokenizer(self) -> PreTrainedTokenizerBase:
        """Trained on the training questions and their answers."""
        from benchmark.policies.encoding import train_tokenizer, train_words

        its = self.settings
        parts = list(dict.fromkeys(part for text in self.questions("train").texts() for part in text))
        train = train_words if its.tokens == "words" else train_tokenizer
        return train(parts, its.scratch.vocabulary)

    def _check_lengths(self, tokenizer: PreTrainedTokenizerBase) -> None:
        from benchmark.policies.encoding import encode_texts

        for split in SPLITS:
            texts = self.questions(split).texts()
            sides = [encode_texts(tokenizer, [text[side] for text in texts]) for side in (0, 1)]
            for question, answer, text in zip(*sides, texts, strict=True):
                tokens = len(question) + len(answer) + ADDED
                if tokens > self.settings.max_tokens:
                    raise UserError(
                        f"a question with its answer has {tokens} tokens, and suite.max_tokens is "
                        f"{self.settings.max_tokens}: {text[0][:80]!r}. Raise the setting, or shorten the question."
                    )

    def policy_spec(self, seed: int) -> dict[str, Any]:
        """Data, blocs, seed, and the settings of the kind of policy in force; it learns what any bloc was asked."""
        its = self.settings
        scratch = its.policy == SCRATCH
        return {
            **self._data_spec(),
            "blocs": self._members(),
            "seed": seed,
            "policy": SCRATCH if scratch else source_spec(its.policy),
            "max_tokens": its.max_tokens,
            "tokens": its.tokens if scratch else None,
            "training": (its.scratch if scratch else its.finetune).model_dump(),
        }

    def build_policy(self, seed: int, folder: Path, progress: Progress) -> None:
        """Fit the policy to the training questions, each followed by each of its answers, all alike."""
        from benchmark.suites.policies import build_finetuned, build_scratch

        its = self.settings
        texts, held_out = (self.questions(split).texts() for split in ("train", "validation"))
        rest = (texts, held_out, its.max_tokens, derive_seed(self.name, "policy", seed), folder, progress)
        if its.policy == SCRATCH:
            build_scratch(self._scratch_tokenizer(), its.scratch, *rest)
        else:
            build_finetuned(its.policy, its.finetune, *rest)

    # What is asked again and again ----------------------------------------------------------------------------------

    def questions_spec(self, split: Split) -> dict[str, Any]:
        """Data, blocs and split."""
        return {
            **self._data_spec(),
            "blocs": self._members(),
            "of": split,
        }

    def questions(self, split: Split) -> Questions:
        """The questions of a split that any bloc was asked; answers follow the prompt after a space."""
        found = self._split[split]
        return Questions(
            ids=[f"{split}-{number}" for number in range(len(found))],
            prompts=[self.settings.template.format(question=question.question) for question in found],
            answers=[[f" {option}" for option in question.options] for question in found],
            rewards=[self._blocs.shares(question) for question in found],
        )

    # What it costs, about -------------------------------------------------------------------------------------------

    def text_sizes(self) -> TextSizes:
        """Of questions, and of answers."""
        questions = [question for split in SPLITS for question in self._split[split]]
        words = TOKENS_PER_WORD * float(np.mean([len(question.question.split()) for question in questions]))
        answers = [len(option.split()) for question in questions for option in question.options]
        prompts: dict[str, int] = {split: len(self._split[split]) for split in SPLITS}
        prompts["train"] = self.train_pairs
        longest = 1 + TOKENS_PER_WORD * max(answers)
        return TextSizes(prompts, words, 1 + TOKENS_PER_WORD * float(np.mean(answers)), longest)

    def policy_size(self) -> PolicySize | None:
        """Of the settings' shape, or of the pretrained model where its config is at hand."""
        its = self.settings.scratch
        if self.settings.policy != SCRATCH:
            return size_of_source(self.settings.policy)
        return scratch_size(its.vocabulary, its.width, its.layers, its.heads, its.feed_forward)

    def building(self, what: Built) -> Work | None:
        """Passes over the training questions with their answers."""
        size = self.policy_size()
        if what != "policy" or size is None:
            return None
        training = self.settings.scratch if self.settings.policy == SCRATCH else self.settings.finetune
        rows = training.epochs * sum(len(question.options) for question in self._split["train"])
        return size.training(rows, self.text_sizes().tokens, training.batch_size) + size.checkpoint

    # The data -------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _questions(self) -> list[SurveyQuestion]:
        file = self.settings.data_file
        return survey.read_file(file) if file is not None else survey.read_hub(self.settings.revision)

    @functools.cached_property
    def _blocs(self) -> Blocs:
        if self.settings.blocs is None:
            return blocs.largest(self._questions, self.settings.groups)
        return blocs.read(self.settings.blocs, self._questions)

    @functools.cached_property
    def _split(self) -> dict[Split, list[SurveyQuestion]]:
        """Questions that any bloc was asked, by split; the same question never stands in two."""
        its = self.settings
        found: dict[Split, list[SurveyQuestion]] = {split: [] for split in SPLITS}
        for question in self._questions:
            if np.isnan(self._blocs.shares(question)).all():
                continue
            place = _position(question.question)
            held_out: Split = "test" if place >= 1 - its.test_share else "validation"
            found[held_out if place >= 1 - its.test_share - its.validation_share else "train"].append(question)
        for split, questions in found.items():
            if not questions:
                raise UserError(f"suite {self.name}: the {split} split has no question; the data is too small.")
        return found

    def _members(self) -> dict[str, list[str]]:
        return {name: list(groups) for name, groups in self._blocs.members.items()}

    def _data_spec(self) -> dict[str, Any]:
        its = self.settings
        source = dataset_spec(HUB_ID, its.revision) if its.data_file is None else {}
        return {
            "suite": self.name,
            "version": VERSION,
            "data": {"file": survey.file_fingerprint(its.data_file)} if its.data_file else source,
            "shares": [its.validation_share, its.test_share],
            "template": its.template,
        }


def _position(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(" ".join(text.split()).encode()).digest()[:6], "big") / 2**48
