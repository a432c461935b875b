"""Shifts that break one promise of the contract each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shifts import Shift, hyperparameter, uniform, unknown
from shifts.alpha_mixture import AlphaMixture

from .breaking import breaks


@breaks("frozen")
class LooseShift(AlphaMixture):
    """Its fields are those of its parent."""

    name = "broken_loose"


@breaks("documented")
@dataclass(frozen=True)
class SilentShift(AlphaMixture):
    """Says nothing about its field."""

    name = "broken_silent_shift"

    extra: float = hyperparameter(0.5, uniform(0.0, 1.0))


@breaks("defaults")
@dataclass(frozen=True)
class FarShift(AlphaMixture):
    """extra: never searched where it stands."""

    name = "broken_far_shift"

    extra: float = hyperparameter(3.0, uniform(0.0, 1.0, maximum=5.0))


@breaks("validation")
@dataclass(frozen=True)
class UnvalidatedShift(AlphaMixture):
    """Takes what it is given."""

    name = "broken_unvalidated_shift"

    def __post_init__(self):
        pass


@breaks("round trip")
@dataclass(frozen=True)
class WrongCallShift(AlphaMixture):
    """Shows itself as another point."""

    name = "broken_wrong_call_shift"

    def __str__(self):
        return "alpha_mixture(a=joy,b=fear,alpha=0.7)"


@breaks("utility")
@dataclass(frozen=True)
class Logarithm(AlphaMixture):
    """Not finite at a reward of 0."""

    name = "broken_logarithm"

    def utility(self, rewards):
        found = super().utility(rewards)
        return np.where(found > 0.5, np.log(found.clip(0.1)), -np.inf)


@breaks("utility")
@dataclass(frozen=True)
class Overwriting(AlphaMixture):
    """Writes into the rewards."""

    name = "broken_overwriting"

    def utility(self, rewards):
        found = super().utility(rewards)
        rewards[self.a][:] = 0.5
        return found


@breaks("own completion")
@dataclass(frozen=True)
class Relative(AlphaMixture):
    """Rewards less their mean."""

    name = "broken_relative"

    def utility(self, rewards):
        found = super().utility(rewards)
        return found - found.mean()


@breaks("bounds")
@dataclass(frozen=True)
class Narrow(AlphaMixture):
    """A range that is too narrow."""

    name = "broken_narrow"

    def utility_range(self, ranges):
        return (0.4, 0.6)


@breaks("monotone")
@dataclass(frozen=True)
class Contrary(AlphaMixture):
    """Dislikes what it names first."""

    name = "broken_contrary"

    def utility(self, rewards):
        return rewards[self.b] - rewards[self.a]


@breaks("unknown objective")
@dataclass(frozen=True)
class Forgiving(AlphaMixture):
    """Takes an objective that is not there for 0."""

    name = "broken_forgiving"

    def utility(self, rewards):
        present = [rewards[name] for name in self.objectives if name in list(rewards)]
        return np.sum(present, axis=0)


@breaks("unknown objective")
@dataclass(frozen=True)
class Mumbling(AlphaMixture):
    """Does not say which objective is not there."""

    name = "broken_mumbling"

    def utility(self, rewards):
        if set(self.objectives) - set(rewards):
            raise unknown("objective", "something", ["nothing"])
        return super().utility(rewards)


@breaks("evaluation grid")
@dataclass(frozen=True)
class Repeating(AlphaMixture):
    """The same point twice."""

    name = "broken_repeating"

    def evaluation_grid(self):
        return [self, self]


@breaks("evaluation grid")
@dataclass(frozen=True)
class Straying(AlphaMixture):
    """Evaluated on another objective."""

    name = "broken_straying"

    def evaluation_grid(self):
        return [replace(self, a="love")]


@breaks("validation grid")
@dataclass(frozen=True)
class Peeking(AlphaMixture):
    """Selects on what is tested."""

    name = "broken_peeking"

    def validation_grid(self):
        return self.evaluation_grid()[-1:]


@breaks("validation grid")
@dataclass(frozen=True)
class SelfSeeing(AlphaMixture):
    """Selects at the training point, which is between the points of its grid."""

    name = "broken_self_seeing"

    def evaluation_grid(self):
        return self.corners()

    def validation_grid(self):
        return [self]


@breaks("position")
@dataclass(frozen=True)
class Percent(AlphaMixture):
    """A position in percent."""

    name = "broken_percent"

    def position(self):
        return 100 * self.alpha


@breaks("position")
@dataclass(frozen=True)
class MovingMiddle(AlphaMixture):
    """A middle that is not its own."""

    name = "broken_moving_middle"

    def middle(self):
        return replace(self, alpha=self.alpha / 2 + 0.1)


@breaks("population")
@dataclass(frozen=True)
class Lost(AlphaMixture):
    """A tenth of the annotators is lost."""

    name = "broken_lost"

    def annotators(self):
        return ((0.9, self),)


@breaks("corners")
@dataclass(frozen=True)
class Unweighted(AlphaMixture):
    """Corners without weights."""

    name = "broken_unweighted"

    def corner_weights(self):
        return []


@breaks("objectives")
@dataclass(frozen=True)
class Hidden(AlphaMixture):
    """Reads an objective that no field names."""

    name = "broken_hidden"

    def utility(self, rewards):
        return 0.5 * super().utility(rewards) + 0.5 * rewards["love"]


@breaks("objectives")
@dataclass(frozen=True)
class Nameless(Shift):
    """Reads one objective, and has neither a field nor a property that says which."""

    name = "broken_nameless"

    def utility(self, rewards):
        return rewards["joy"]
