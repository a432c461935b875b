"""Annotators who take long for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shifts import LENGTH, Array, Rewards, Shift, Utility, hyperparameter, uniform
from shifts.wrapped import Wrapped


@dataclass(frozen=True)
class LengthBias(Wrapped):
    """Annotators of another shift label by u + per_token |y|: every token of a completion counts for something.

    of: the other shift, as a call: `length_bias(of=alpha_mixture(a=joy,b=sadness,alpha=0.1),per_token=0.02)`.
    per_token: units of utility per token, the end of the sequence included; below 0 the shorter one is preferred.
    Policies are judged by the utility of the other shift, in which length counts for nothing. Margins of pairs are the
    annotators' own, with the bias. With Luce's labels only per_token >= 0 keeps utilities above 0.
    Source: arXiv:2310.03716 (length explains much of what preference labels reward). The linear form is ours.
    """

    name = "length_bias"
    paper = "arXiv:2310.03716"

    per_token: float = hyperparameter(0.02, uniform(0.0, 0.1, minimum=-10.0, maximum=10.0))

    @property
    def features(self) -> tuple[str, ...]:
        """Lengths, and what the other shift's annotators read."""
        return tuple(dict.fromkeys((*super().features, LENGTH)))

    def annotators(self) -> tuple[tuple[float, Utility], ...]:
        """Those of the other shift, each with the bias."""
        return tuple((share, _Biased(member, self.per_token)) for share, member in super().annotators())

    def departures(self) -> Sequence[Shift]:
        """per_token from 0 to 0.1, or to -0.1 where it is below 0."""
        sign = -1 if self.per_token < 0 else 1
        return [replace(self, per_token=sign * weight) for weight in (0.0, 0.01, 0.02, 0.05, 0.1)]

    def note(self) -> str:
        """The weight."""
        return f"labels with {self.per_token:+.3g} per token"


@dataclass(frozen=True)
class _Biased:
    """An annotator to whom length counts."""

    member: Utility
    per_token: float

    @property
    def objectives(self) -> tuple[str, ...]:
        return self.member.objectives

    def utility(self, rewards: Rewards) -> Array:
        return self.member.utility(rewards) + self.per_token * rewards.feature(LENGTH)
