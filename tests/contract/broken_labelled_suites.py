"""Suites of people's labels that break one promise of the contract each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .breaking import breaks
from .tiny_suites import TinyLabelled


@breaks("labels")
class Blank(TinyLabelled):
    """A response without a word."""

    name = "broken_blank"

    def labels(self):
        found = super().labels()
        return replace(found, chosen=["  ", *found.chosen[1:]])


@breaks("labels")
class Twins(TinyLabelled):
    """A pair of equal responses."""

    name = "broken_twins"

    def labels(self):
        found = super().labels()
        return replace(found, rejected=[found.chosen[0], *found.rejected[1:]])


@breaks("labels")
class Stranger(TinyLabelled):
    """A label by a group that does not exist."""

    name = "broken_stranger"

    def labels(self):
        found = super().labels()
        return replace(found, groups=found.groups + 1)


@breaks("held-out pairs")
class Twice(TinyLabelled):
    """A pair that stands twice, the second time the other way round."""

    name = "broken_twice_held_out"

    def held_out(self, split):
        found = super().held_out(split)
        first, second = found.first[:1], found.second[:1]
        return replace(
            found,
            ids=[*found.ids, "again"],
            prompts=[*found.prompts, found.prompts[0]],
            first=[*found.first, *second],
            second=[*found.second, *first],
            chose_first=np.vstack([found.chose_first, 1 - found.chose_first[:1]]),
        )


@breaks("held-out pairs")
class Unlabelled(TinyLabelled):
    """A group that labelled no held-out pair."""

    name = "broken_unlabelled"

    def held_out(self, split):
        found = super().held_out(split)
        return replace(found, chose_first=found.chose_first * np.array([1.0, np.nan]))


@breaks("order")
class ChosenFirst(TinyLabelled):
    """The chosen response is always the first."""

    name = "broken_chosen_first"

    def held_out(self, split):
        found = super().held_out(split)
        return replace(found, chose_first=np.ones_like(found.chose_first))


@breaks("splits")
class SharedPrompt(TinyLabelled):
    """A test prompt that is trained on."""

    name = "broken_shared_prompt"

    def held_out(self, split):
        found = super().held_out(split)
        return replace(found, prompts=[*found.prompts[:-1], super().labels().prompts[0]])


@breaks("train pairs")
class NoLabels(TinyLabelled):
    """No training pair."""

    name = "broken_no_labels"

    @property
    def train_pairs(self):
        return 0


@breaks("label settings")
class Unnamed(TinyLabelled):
    """A setting that changes the shares and stands in no spec."""

    name = "broken_unnamed_labels"

    def labels_spec(self):
        return {"version": 1}
