"""Shifts that break one promise of the contract each, in how their labels come."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

from shifts import TIME
from shifts.alpha_mixture import AlphaMixture
from shifts.annotator_groups import AnnotatorGroups
from shifts.label_noise import LabelNoise
from shifts.labels import Labelling

from .breaking import breaks


class Timekeeper:
    """Reads when it labels."""

    objectives = ("joy", "fear")

    def utility(self, rewards):
        return rewards["joy"] * rewards.feature(TIME)


@breaks("features")
@dataclass(frozen=True)
class Untimed(AlphaMixture):
    """Its annotators read a time of which it does not speak."""

    name = "broken_untimed"

    def annotators(self):
        return ((1.0, Timekeeper()),)


@breaks("features")
@dataclass(frozen=True)
class Smelling(AlphaMixture):
    """Reads what no completion has."""

    name = "broken_smelling"

    features = ("smell",)


@breaks("chances")
@dataclass(frozen=True)
class FirstComer(AlphaMixture):
    """Whichever completion comes first is chosen a little more often."""

    name = "broken_first_comer"

    def distort(self, log_chances, gap):
        first = 0.9 * np.exp(log_chances[0]) + 0.1
        with np.errstate(divide="ignore"):
            return np.log(np.stack([first, 1 - first]))


@breaks("chances")
@dataclass(frozen=True)
class Leaking(AlphaMixture):
    """A tenth of the labels is lost."""

    name = "broken_leaking"

    def distort(self, log_chances, gap):
        return log_chances + np.log(0.9)


@breaks("chances")
@dataclass(frozen=True)
class Comparing(AlphaMixture):
    """A pair is surer where its gap is large among the others."""

    name = "broken_comparing"

    def distort(self, log_chances, gap):
        return Labelling().log_chances(gap / np.abs(gap).mean(), np.zeros_like(gap))


@breaks("frequencies")
@dataclass(frozen=True)
class Wavering(AlphaMixture):
    """Says one thing to whoever draws labels, and another to whoever asks for their chances."""

    name = "broken_wavering"

    def distort(self, log_chances, gap):
        drawing = sys._getframe(1).f_code.co_name == "draw_labels"
        return log_chances if drawing else np.full_like(log_chances, np.log(0.5))


@breaks("identity")
@dataclass(frozen=True)
class NeverClean(LabelNoise):
    """A twentieth of the labels is flipped at the least."""

    name = "broken_never_clean"

    def departures(self):
        return [replace(self, rate=rate) for rate in (0.05, 0.5)]


@breaks("identity")
@dataclass(frozen=True)
class Exchanged(AlphaMixture):
    """Its population has the corners in another order."""

    name = "broken_exchanged"

    def uniform_population(self):
        return AnnotatorGroups(f"{self.b}/{self.a}")


@breaks("distance")
@dataclass(frozen=True)
class Shuffled(AlphaMixture):
    """Positions that do not follow what annotators want."""

    name = "broken_shuffled"

    def position(self):
        return (7 * self.alpha) % 1


@breaks("distance")
@dataclass(frozen=True)
class Backwards(LabelNoise):
    """The farthest departure comes first but one."""

    name = "broken_backwards"

    def departures(self):
        return [replace(self, rate=rate) for rate in (0.0, 0.5, 0.1)]
