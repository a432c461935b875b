"""The labels of a preference set as a run uses them: of the groups in use, by split, short enough, and not too many."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from benchmark.core.data import Floats, Ints
from benchmark.core.errors import UserError
from benchmark.suites.base import Split
from benchmark.suites.preferences import groups, splits, understood
from benchmark.suites.preferences.groups import Groups
from benchmark.suites.preferences.judgements import Judgement, Pair
from benchmark.suites.preferences.settings import PreferencesSettings
from benchmark.suites.preferences.split_names import SPLITS
from benchmark.suites.preferences.understood import Understood

TOO_LONG, OTHER_GROUP = "longer than suite.max_length tokens", "of a group that is not in use"


class PreferenceData:
    """Read at the first look, once.

    settings: of the suite. tokens_of: number of tokens of each prompt with its longer response, shape [pairs].
    """

    def __init__(self, settings: PreferencesSettings, tokens_of: Callable[[Sequence[Pair]], Ints]) -> None:
        self.settings = settings
        self._tokens_of = tokens_of

    @functools.cached_property
    def understood(self) -> Understood:
        """What the file says."""
        return understood.understand(self.settings)

    @functools.cached_property
    def groups(self) -> Groups:
        """The groups in use."""
        return groups.choose(self.understood.labels, self.settings.groups)

    @functools.cached_property
    def _split(self) -> tuple[dict[Split, list[Judgement]], dict[str, int]]:
        wanted = set(self.groups.originals.values())
        labels = [label for label in self.understood.labels if label.group in wanted]
        return splits.split_labels(labels, self.settings.validation_share, self.settings.test_share)

    @property
    def of_any_length(self) -> dict[Split, list[Judgement]]:
        """Labels of the groups in use, by split."""
        return self._split[0]

    @functools.cached_property
    def labels(self) -> dict[Split, list[Judgement]]:
        """Those whose texts are short enough."""
        by_split = self.of_any_length
        pairs = list(dict.fromkeys(label.pair for labels in by_split.values() for label in labels))
        fits = dict(zip(pairs, self._tokens_of(pairs) <= self.settings.max_length, strict=True))
        kept = {split: [label for label in labels if fits[label.pair]] for split, labels in by_split.items()}
        for split, labels in kept.items():
            if not labels:
                raise UserError(
                    f"all {len(by_split[split])} labels of the {split} split are {TOO_LONG} "
                    f"({self.settings.max_length}). Raise the setting."
                )
        return kept

    @property
    def left_out(self) -> Counter[str]:
        """Why rows and labels are not used, with their numbers."""
        used = set(self.groups.originals.values())
        found = Counter(self.understood.left_out) + Counter(self._split[1])
        found[TOO_LONG] = sum(len(self.of_any_length[split]) - len(self.labels[split]) for split in SPLITS)
        found[OTHER_GROUP] = sum(count for group, count in self.groups.sizes.items() if group not in used)
        return +found

    @functools.cached_property
    def held_out(self) -> dict[Split, dict[Pair, Floats]]:
        """By held-out split and pair the share of each group's labels that chose the first response, shape [groups]."""
        return {split: self._asked(self.labels[split]) for split in SPLITS[1:]}

    def texts(self, split: Split) -> list[tuple[str, str]]:
        """Prompts with the responses that a policy is fitted to, each once, in an order that they alone decide."""
        both = self.settings.fit == "both"
        found = {
            (label.prompt, response)
            for label in self.labels[split]
            for response in ((label.chosen, label.rejected) if both else (label.chosen,))
        }
        ordered = sorted(found, key=lambda text: (splits.position("\n".join(text)), text))
        return ordered[: self.settings.policy_texts]

    def _asked(self, labels: Sequence[Judgement]) -> dict[Pair, Floats]:
        numbers = self.groups.numbers()
        counts: dict[Pair, Floats] = defaultdict(lambda: np.zeros((2, len(numbers))))
        openings: dict[Pair, str] = {}
        for label in labels:
            counts[label.pair][int(label.chosen != label.pair[1]), numbers[label.group]] += 1
            openings[label.pair] = splits.plain(label.opening)
        kept = self._kept(counts, openings)
        with np.errstate(invalid="ignore"):  # 0 / 0: nobody of the group was asked
            return {pair: counts[pair][0] / counts[pair].sum(axis=0) for pair in kept}

    def _kept(self, counts: dict[Pair, Floats], openings: dict[Pair, str]) -> list[Pair]:
        """Of a prompt, the pairs that most groups labelled; of a group no more than are wanted. Ties and order by a
        hash of the texts."""
        its = self.settings
        of_prompt: Counter[str] = Counter()
        of_group = np.zeros(len(self.groups.objectives))
        kept = []
        for pair in sorted(counts, key=lambda p: (-_groups_of(counts[p]), splits.position("\n".join(p)), p)):
            asked = counts[pair].sum(axis=0) > 0
            if of_prompt[openings[pair]] < its.pairs_per_prompt and (of_group[asked] < its.held_out_pairs).any():
                of_prompt[openings[pair]] += 1
                of_group += asked
                kept.append(pair)
        return kept


def _groups_of(counts: Floats) -> int:
    return int((counts.sum(axis=0) > 0).sum())
