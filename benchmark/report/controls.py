"""Controls: rows whose answer is known before anything is run, and whether they give it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmark.report.estimates import Estimate


class ControlKind(StrEnum):
    """What is known of a control in advance."""

    ORACLE = "oracle"  # trained on the mixture that nobody could know: must clear the envelope
    INFORMED = "informed"  # told who labelled what: must clear it
    LEFT_OUT = "left_out"  # plain DPO at a beta inside the sweep, left out of it: must not
    PLANTED = "planted"  # made of stored completions to lie over the envelope by `truth`: shows what would be seen


class Behaviour(StrEnum):
    """What a control did."""

    AS_IT_SHOULD = "as_it_should"
    FAILS = "fails"
    CANNOT_TELL = "cannot_tell"
    NOT_JUDGED = "not_judged"


POSITIVE = (ControlKind.ORACLE, ControlKind.INFORMED)


@dataclass(frozen=True)
class Control:
    """One control of an arena.

    over: `gated_over_envelope`, of an oracle with the setting and checkpoint that were chosen on validation prompts;
    kl: nats per completion; feasible: what any reweighting of the reference by the training utility could reach at its
    nominal utility and KL; key: of its row, "" where it has none; step: its checkpoint, None: the last one; truth: of a
    planted one, its lift; collapsed: names of seeds whose policy collapsed.
    """

    kind: ControlKind
    label: str
    behaviour: Behaviour
    over: Estimate
    kl: Estimate | None = None
    feasible: Estimate | None = None
    key: str = ""
    step: int | None = None
    truth: float | None = None
    collapsed: tuple[str, ...] = ()


class Controls(StrEnum):
    """How the controls of an arena stand together."""

    BEHAVE = "behave"
    FAIL = "fail"
    SOME_FAIL = "some_fail"
    CANNOT_TELL = "cannot_tell"
    NOT_ALL_JUDGED = "not_all_judged"


def standing(controls: Sequence[Control]) -> Controls:
    """The gravest that can be said. Planted controls judge no run: they measure what it could see."""
    positive = _behaviours(controls, POSITIVE)
    negative = _behaviours(controls, (ControlKind.LEFT_OUT,))
    if Behaviour.FAILS in negative or (positive and set(positive) == {Behaviour.FAILS}):
        return Controls.FAIL
    if Behaviour.FAILS in positive:
        return Controls.SOME_FAIL
    if not positive or not negative:
        return Controls.NOT_ALL_JUDGED
    if Behaviour.CANNOT_TELL in negative or set(positive) == {Behaviour.CANNOT_TELL}:
        return Controls.CANNOT_TELL
    return Controls.BEHAVE


def _behaviours(controls: Sequence[Control], kinds: Sequence[ControlKind]) -> list[Behaviour]:
    judged = [control.behaviour for control in controls if control.kind in kinds]
    return [behaviour for behaviour in judged if behaviour is not Behaviour.NOT_JUDGED]
