"""Where the two completions of a training pair come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shifts import Shift, choice, hyperparameter, log_uniform
from shifts.base import ON_POLICY
from shifts.wrapped import Wrapped

ON, OFF = "on", "off"


@dataclass(frozen=True)
class ResponseSource(Wrapped):
    """Training pairs of another shift whose chosen and rejected completions are on- or off-policy: the 3D scenarios.

    of: the other shift, as a call: `response_source(of=alpha_mixture(a=joy,b=sadness,alpha=0.1),chosen=off)`.
    chosen, rejected: on: sampled from the reference policy, as always. off: sampled hotter, so that the policy that is
    trained would hardly write it.
    heat: of off-policy completions, by how much the temperature is multiplied; at 1 they are the on-policy ones.
    Annotators label as ever. With one side off-policy, a prompt's pair is one of two in which annotators choose the
    side that is wanted; a prompt without such a pair has none, so there are somewhat fewer pairs. What is evaluated
    does not change. Text that was really written by others is farther away still.
    Source: arXiv:2406.07327 (four data scenarios); that off-policy is hotter sampling is ours.
    """

    name = "response_source"
    paper = "arXiv:2406.07327"

    chosen: str = hyperparameter(ON, choice(ON, OFF))
    rejected: str = hyperparameter(OFF, choice(ON, OFF))
    heat: float = hyperparameter(1.5, log_uniform(1.0, 3.0))

    @property
    def heats(self) -> tuple[float, float]:
        """The heat of each side that is off-policy, 1 of one that is on-policy."""
        return self.heat if self.chosen == OFF else 1.0, self.heat if self.rejected == OFF else 1.0

    def departures(self) -> Sequence[Shift]:
        """None: two given completions are labelled as they would be without."""
        return ()

    def note(self) -> str:
        """Which sides are off-policy."""
        if self.heats == ON_POLICY:
            return "on-policy pairs"
        off = [name for name, heat in zip(("chosen", "rejected"), self.heats, strict=True) if heat != 1]
        return f"{' and '.join(off)} off-policy, {self.heat:.3g} times as hot"
