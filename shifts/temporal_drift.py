"""What annotators want changes while labels come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shifts import TIME, Array, Rewards, Shift, Utility, choice, hyperparameter, uniform
from shifts.blends import Blend, parse_blend
from shifts.reward_blend import RewardBlend

GRADUAL, SUDDEN = "gradual", "sudden"
CHANGE = 0.5  # when a sudden change comes, as a share of the training period


@dataclass(frozen=True)
class TemporalDrift(Shift):
    """At time t of the training period, in [0, 1], annotators reward (1 - w) u_now + w u_past, where w falls to 0.

    past, now: what was and is rewarded, an objective or a blend such as `joy:0.7+sadness:0.3`.
    drift: how far the past lies from now: w = drift at first; at 0 nothing ever changed.
    kind: gradual: w = drift (1 - t); sudden: w = drift before t = 1/2 and 0 from then on.
    Every pair carries its time, which is uniform; policies are judged by what is wanted now, at the end.
    Source: arXiv:2407.18676 (preferences that drift, DPO that forgets); the two courses are ours.
    """

    name = "temporal_drift"
    paper = "arXiv:2407.18676"

    past: str
    now: str
    drift: float = hyperparameter(1.0, uniform(0.0, 1.0))
    kind: str = hyperparameter(GRADUAL, choice(GRADUAL, SUDDEN))

    def __post_init__(self) -> None:
        super().__post_init__()
        self.blends()  # read once, so that a mistake is found here

    def blends(self) -> tuple[Blend, Blend]:
        """What was rewarded, and what is."""
        past, now = (
            parse_blend(f"{self.name}: {field}", text if ":" in text else f"{text}:1")
            for field, text in (("past", self.past), ("now", self.now))
        )
        return past, now

    def utility(self, rewards: Rewards) -> Array:
        """What is rewarded now, shape [completions], in the rewards' own units."""
        _, now = (blend.utility(rewards) for blend in self.blends())  # of the past too: it must be there for labels
        return now

    @property
    def objectives(self) -> tuple[str, ...]:
        """All that was rewarded, and is."""
        return tuple(dict.fromkeys(name for blend in self.blends() for name in blend.objectives))

    @property
    def features(self) -> tuple[str, ...]:
        """The time of the label."""
        return (TIME,)

    def annotators(self) -> tuple[tuple[float, Utility], ...]:
        """One kind, who wants at every time what is wanted then."""
        return ((1.0, _OfItsTime(self)),)

    def past_weight(self, times: Array) -> Array:
        """w at times in [0, 1], same shape."""
        return self.drift * np.where(self.kind == GRADUAL, 1 - times, times < CHANGE)

    def plain(self) -> Shift:
        """What is rewarded now, at all times."""
        return RewardBlend(str(self.blends()[1]))

    def departures(self) -> Sequence[Shift]:
        """drift = 0, 1/4, ..., 1."""
        return [replace(self, drift=drift) for drift in (0.0, 0.25, 0.5, 0.75, 1.0)]

    def note(self) -> str:
        """Where the labels came from."""
        return f"labels drifted from {self.past}" + ("" if self.drift == 1 else f", {self.drift:.3g} of the way")


@dataclass(frozen=True)
class _OfItsTime:
    """The utility by which an annotator labels at the time of the pair."""

    shift: TemporalDrift

    @property
    def objectives(self) -> tuple[str, ...]:
        return self.shift.objectives

    def utility(self, rewards: Rewards) -> Array:
        past, now = (blend.utility(rewards) for blend in self.shift.blends())
        weight = self.shift.past_weight(rewards.feature(TIME))
        return np.asarray(now + np.where(weight > 0, weight * (past - now), 0.0))  # what does not count may be unknown
