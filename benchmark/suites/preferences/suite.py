"""The suite `preferences`: any set of pairs that people labelled."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.data import Floats, Ints
from benchmark.core.errors import UserError
from benchmark.core.graph import Progress
from benchmark.core.seeds import derive_seed
from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize, scratch_size, size_of_source
from benchmark.suites.base import Split
from benchmark.suites.labelled import HeldOutPairs, LabelledSuite, Labels
from benchmark.suites.policy_settings import SCRATCH
from benchmark.suites.preferences import understood
from benchmark.suites.preferences.data import PreferenceData
from benchmark.suites.preferences.judgements import Pair
from benchmark.suites.preferences.settings import PreferencesSettings
from benchmark.suites.preferences.split_names import SPLITS
from benchmark.suites.sizes import Built, TextSizes
from benchmark.suites.sources import source_spec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TRAINED = 0.9  # share of the largest group in the population that labels, where no shift is given
TOKENS_PER_WORD = 1.4
ADDED = 2  # tokens that stand before and after a text
FITTED = {"both": "either response", "chosen": "the chosen response"}
VERSION = 1


class PreferencesSuite(LabelledSuite):
    """Pairs that people labelled, from a file or the hub; groups of people, or kinds of pairs, as objectives.

    A shift is a change in the mix of groups: annotator_groups, each of whose groups is one of the data. The value of a
    policy under a group is how often its implicit reward orders held-out pairs as people of the group did.
    """

    name = "preferences"
    versioned = True
    Settings = PreferencesSettings
    settings: PreferencesSettings

    @property
    def objectives(self) -> tuple[str, ...]:
        """The groups, the largest first, or as they are named."""
        return self._data.groups.objectives

    @property
    def train_pairs(self) -> int:
        """As many as there are, at most `suite.train_pairs`."""
        return min(self.settings.train_pairs, len(self._data.labels["train"]))

    def describe(self) -> dict[str, str]:
        """Data, what was left out, groups, policy, value."""
        its, read, chosen = self.settings, self._data.understood, self._data.groups
        train, (validation, test) = len(self._data.labels["train"]), (len(self.held_out(s)) for s in SPLITS[1:])
        listed = "; ".join(f"{reason}: {count}" for reason, count in self._data.left_out.most_common())
        fitted = f"{len(self._data.texts('train'))} texts, training prompts with {FITTED[its.fit]}"
        return {
            "data": f"pairs labelled by people, {read.rows} rows of {read.source} (format {read.format}); split by "
            f"prompt: {train} labels to train on, {validation} pairs for validation, {test} for test",
            "left out": listed or "nothing",
            "objectives": "; ".join(
                f"{name} ({original}, {chosen.sizes[original]} labels)" for name, original in chosen.originals.items()
            ),
            "policy": f"Llama shape, width {its.scratch.width}, {its.scratch.layers} layers, trained from scratch on "
            f"{fitted}"
            if its.policy == SCRATCH
            else f"{its.policy}, fine-tuned on {fitted}",
            "reward": "chance that a label of the group agrees with how the policy's implicit reward orders the pair; "
            "1/2 where it orders nothing, as the reference. A group is judged on the held-out pairs that it labelled",
            "gold": "the same labels",
            "quality": "responses are given: none fails",
            "divergence": "nothing is sampled, so the divergence from the reference is not known",
        }

    def default_train_shifts(self) -> list[str]:
        """Nine tenths of the largest group, a tenth of the second, nobody of the others."""
        fractions = [f"{TRAINED:g}", f"{1 - TRAINED:g}", *("0" for _ in self.objectives[2:])]
        return [f"annotator_groups(groups={'/'.join(self.objectives)},fractions={'/'.join(fractions)})"]

    # What is built once ---------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Read the data, and look at the policy.

        Raises:
            UserError: what cannot be read, or a group without labels in a split.
        """
        trained = Counter(label.group for label in self._data.labels["train"])
        for number, (name, original) in enumerate(self._data.groups.originals.items()):
            lacking = [] if trained[original] else ["train"]
            lacking += [split for split in SPLITS[1:] if np.isnan(self.held_out(split).chose_first[:, number]).all()]
            if lacking:
                raise UserError(
                    f"suite {self.name}: {name} ({original}) labelled no pair of {' and '.join(lacking)} that can be "
                    f"used; it has {self._data.groups.sizes[original]} labels. Choose other groups: suite.groups."
                )

    @functools.cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        """Of the policy, looked at before it is trained; of a pretrained one with all that fine-tuning asks of it."""
        if self.settings.policy == SCRATCH:
            return self._scratch_tokenizer()
        from benchmark.policies.checks import check_policy
        from benchmark.suites.policies import without_hub

        try:
            longest = self.settings.max_length
            described = check_policy(self.settings.policy, prompt_tokens=0, max_new_tokens=0, text_tokens=longest)
        except UserError as error:
            raise UserError(f"{error} {without_hub()}") from error
        return described.tokenizer

    def _scratch_tokenizer(self) -> PreTrainedTokenizerBase:
        """Trained on the training prompts and responses, however long."""
        from benchmark.policies.encoding import train_tokenizer, train_words

        its, labels = self.settings, self._data.of_any_length["train"]
        parts = list(dict.fromkeys(part for label in labels for part in self._parts(label.pair)))
        train = train_words if its.tokens == "words" else train_tokenizer
        return train(parts, its.scratch.vocabulary)

    def policy_spec(self, seed: int) -> dict[str, Any]:
        """Labels, seed, and the settings of the kind of policy in force."""
        its = self.settings
        return {
            **self.labels_spec(),
            "seed": seed,
            "texts": [its.policy_texts, its.fit],
            "training": (its.scratch if its.policy == SCRATCH else its.finetune).model_dump(),
        }

    def build_policy(self, seed: int, folder: Path, progress: Progress) -> None:
        """Fit the policy to training prompts with their responses, each of the texts once."""
        from benchmark.suites.policies import build_finetuned, build_scratch

        its = self.settings
        texts, held_out = (
            [(self._prompt(prompt), f" {response}") for prompt, response in self._data.texts(split)]
            for split in SPLITS[:2]
        )
        rest = (texts, held_out, its.max_length, derive_seed(self.name, "policy", seed), folder, progress)
        if its.policy == SCRATCH:
            build_scratch(self._scratch_tokenizer(), its.scratch, *rest)
        else:
            build_finetuned(its.policy, its.finetune, *rest)

    # What is asked again and again ----------------------------------------------------------------------------------

    def labels_spec(self) -> dict[str, Any]:
        """Data, groups, splits, and the tokenizer that decides which pairs are too long."""
        return dict(self._labels_spec)

    @functools.cached_property
    def _labels_spec(self) -> dict[str, Any]:
        its = self.settings
        scratch = its.policy == SCRATCH
        return {
            "suite": self.name,
            "version": VERSION,
            "data": understood.data_spec(its),
            "groups": its.groups,
            "shares": [its.validation_share, its.test_share],
            "template": its.template,
            "counts": [its.train_pairs, its.held_out_pairs, its.pairs_per_prompt],
            "policy": SCRATCH if scratch else source_spec(its.policy),
            "tokens": [its.max_length, *([its.tokens, its.scratch.vocabulary] if scratch else [])],
        }

    def labels(self) -> Labels:
        """All labels of the training split."""
        found, numbers = self._data.labels["train"], self._data.groups.numbers()
        margins, times = (_known([getattr(label, name) for label in found]) for name in ("margin", "time"))
        return Labels(
            prompts=[self._prompt(label.prompt) for label in found],
            chosen=[f" {label.chosen}" for label in found],
            rejected=[f" {label.rejected}" for label in found],
            groups=np.array([numbers[label.group] for label in found], dtype=np.int64),
            margins=margins,
            times=None if times is None else (times - times.min()) / (np.ptp(times) or 1.0),
        )

    def held_out(self, split: Split) -> HeldOutPairs:
        """Pairs of a held-out split, in an order that does not depend on the file's."""
        asked = self._data.held_out[split]
        return HeldOutPairs(
            ids=[f"{split}-{number}" for number in range(len(asked))],
            prompts=[self._prompt(prompt) for prompt, _, _ in asked],
            first=[f" {first}" for _, first, _ in asked],
            second=[f" {second}" for _, _, second in asked],
            chose_first=np.array(list(asked.values())).reshape(len(asked), len(self.objectives)),
        )

    # What it costs, about -------------------------------------------------------------------------------------------

    def text_sizes(self) -> TextSizes:
        """Of prompts, and of responses; a held-out pair counts as two."""
        words = [[len(part.split()) for part in self._parts(label.pair)] for label in self._data.labels["train"]]
        prompt, *responses = TOKENS_PER_WORD * np.mean(words, axis=0)
        prompts: dict[str, int] = {split: 2 * len(self._data.held_out[split]) for split in SPLITS[1:]}
        prompts["train"] = self.train_pairs
        longest = 1 + TOKENS_PER_WORD * max(max(row[1:]) for row in words)
        return TextSizes(prompts, float(prompt), 1 + float(np.mean(responses)), longest)

    def policy_size(self) -> PolicySize | None:
        """Of the settings' shape, or of the pretrained model where its config is at hand."""
        its = self.settings.scratch
        if self.settings.policy != SCRATCH:
            return size_of_source(self.settings.policy)
        return scratch_size(its.vocabulary, its.width, its.layers, its.heads, its.feed_forward)

    def building(self, what: Built) -> Work | None:
        """Passes over the training prompts with their responses."""
        size = self.policy_size()
        if what != "policy" or size is None:
            return None
        training = self.settings.scratch if self.settings.policy == SCRATCH else self.settings.finetune
        rows = training.epochs * len(self._data.texts("train"))
        return size.training(rows, self.text_sizes().tokens, training.batch_size) + size.checkpoint

    # The data -------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _data(self) -> PreferenceData:
        return PreferenceData(self.settings, self._tokens_of)

    def _tokens_of(self, pairs: Sequence[Pair]) -> Ints:
        """Tokens of each prompt with the longer response, shape [pairs]."""
        from benchmark.policies.encoding import encode_texts

        parts = [self._parts(pair) for pair in pairs]
        prompts, first, second = (
            np.array([len(row) for row in encode_texts(self._tokenizer, [its[place] for its in parts])])
            for place in range(3)
        )
        return np.asarray(prompts + np.maximum(first, second) + ADDED)

    def _prompt(self, prompt: str) -> str:
        return self.settings.template.format(prompt=prompt)

    def _parts(self, pair: Pair) -> tuple[str, str, str]:
        """Texts as the policy reads and writes them."""
        return self._prompt(pair[0]), f" {pair[1]}", f" {pair[2]}"


def _known(values: Sequence[float | None]) -> Floats | None:
    """None unless all are known."""
    known = [value for value in values if value is not None]
    return np.array(known) if len(known) == len(values) else None
