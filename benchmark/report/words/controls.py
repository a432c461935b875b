"""What the controls of an arena show, in words."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.report.controls import POSITIVE, Behaviour, Control, ControlKind, Controls, standing
from benchmark.report.estimates import Estimate
from benchmark.report.page import Arena
from benchmark.report.words.estimates import note
from benchmark.report.words.numbers import listed, signed, verb, with_interval

KINDS = {
    ControlKind.ORACLE: "oracle, told the mixture that nobody can know",
    ControlKind.INFORMED: "told who labelled what",
    ControlKind.LEFT_OUT: "plain DPO, left out of the envelope",
    ControlKind.PLANTED: "planted",
}
STAND = {
    Controls.BEHAVE: "controls behave",
    Controls.FAIL: "controls fail, so this is not evidence",
    Controls.SOME_FAIL: "not all controls behave",
    Controls.CANNOT_TELL: "controls cannot tell",
    Controls.NOT_ALL_JUDGED: "not all controls were judged",
}
MUST = {
    ControlKind.ORACLE: "must clear",
    ControlKind.INFORMED: "must clear",
    ControlKind.LEFT_OUT: "must not",
    ControlKind.PLANTED: "shows what would be seen",
}
BEHAVIOURS = {
    Behaviour.AS_IT_SHOULD: "as it should",
    Behaviour.FAILS: "fails",
    Behaviour.CANNOT_TELL: "cannot tell",
    Behaviour.NOT_JUDGED: "not judged",
}


def control_label(control: Control) -> str:
    """Its row and, of a chosen one, its checkpoint; of a planted one, how far over the envelope it lies."""
    if control.kind is ControlKind.PLANTED:
        return f"planted {signed(control.truth or 0.0)}"
    return control.label if control.step is None else f"{control.label}, step {control.step:,}"


def control_outcome(control: Control) -> str:
    """What it did; why it was not judged; which seeds collapsed."""
    if control.kind is ControlKind.PLANTED and control.behaviour is not Behaviour.NOT_JUDGED:
        said = "seen" if control.behaviour is Behaviour.AS_IT_SHOULD else "not seen"
    else:
        said = BEHAVIOURS[control.behaviour]
    if control.behaviour is Behaviour.NOT_JUDGED and (why := note(control.over)):
        said = f"{said}: {why}"
    if control.collapsed:
        said += f"; {verb(control.collapsed, 'seed', 'seeds')} {listed(control.collapsed)} collapsed"
    return said


def control_sentences(arena: Arena) -> list[str]:
    """What a reader must know of the controls before the numbers; nothing where all do as they should."""
    if not arena.controls or arena.seeds < 2:
        return []
    positive = [control for control in arena.controls if control.kind in POSITIVE]
    negative = [control for control in arena.controls if control.kind is ControlKind.LEFT_OUT]
    return [*_positive(positive), *_negative(negative), *_collapsed(arena.controls), *_planted(arena.controls)]


def controls_stand(arena: Arena) -> str:
    """How the controls of an arena stand together, in a few words."""
    return STAND[standing(arena.controls)]


def judging_sentences(arena: Arena) -> list[str]:
    """By what rows are judged, and what the envelope is made of."""
    said = []
    if (judging := arena.judging) is not None:
        rows = f", after correction for the {judging.rows} rows that are judged" if judging.rows > 1 else ""
        said.append(
            f"A row clears where its whole interval lies above 0{rows}; it does not where the whole interval lies "
            f"below the margin of {judging.margin:.3g}; else one cannot tell."
        )
    if (family := arena.family) is not None:
        gain = "" if family.gain.value is None else f", which lies lower by {with_interval(family.gain)}"
        said.append(
            f"The envelope is made of {family.policies} policies of plain DPO; {family.halved} of them, with every "
            f"other checkpoint, make one{gain}."
        )
    return said


def _positive(controls: Sequence[Control]) -> list[str]:
    judged = [control for control in controls if control.behaviour is not Behaviour.NOT_JUDGED]
    if not judged:
        return [
            "No positive control was judged (oracle): a method that does not clear may only show that nothing could."
        ]
    said = []
    if failing := [control for control in judged if control.behaviour is Behaviour.FAILS]:
        names = [control.label for control in failing]
        who = f"{listed(names)}, which {verb(names, 'knows', 'know')} more than a method does,"
        does = f"{verb(names, 'does', 'do')} not clear the DPO envelope"
        if len(failing) == len(judged):
            said.append(f"Controls fail: {who} {does}. Not evidence about robustness.")
        else:
            said.append(f"A positive control fails: {who} {does}, while another may.")
    said += [
        f"A positive control cannot tell: {control.label} lies {with_interval(control.over)} over the envelope, so "
        "that this run may not see robustness where it is."
        for control in judged
        if control.behaviour is Behaviour.CANNOT_TELL
    ]
    return said


def _negative(controls: Sequence[Control]) -> list[str]:
    judged = [control for control in controls if control.behaviour is not Behaviour.NOT_JUDGED]
    if not controls:
        return ["No negative control was judged: it takes plain DPO at three values of beta or more."]
    if not judged:
        return [
            "No negative control was judged: "
            + "; ".join(f"{control.label}: {note(control.over)}" for control in controls)
            + "."
        ]
    said = []
    for control in judged:
        if control.behaviour is Behaviour.FAILS:
            said.append(
                f"Controls fail: {control.label}, plain DPO, clears the envelope of the other betas "
                f"({with_interval(control.over)}). Not evidence about robustness."
            )
        elif control.behaviour is Behaviour.CANNOT_TELL:
            said.append(
                f"A negative control cannot tell: {control.label}, plain DPO, lies {with_interval(control.over)} over "
                f"the envelope of the other betas, and a lift of {_high(control.over)} is compatible with that."
            )
    return said


def _high(over: Estimate) -> str:
    return "any size" if over.high is None else f"up to {signed(over.high)}"


def _collapsed(controls: Sequence[Control]) -> list[str]:
    return [f"{control.label}, a control: {control_outcome(control)}." for control in controls if control.collapsed]


def _planted(controls: Sequence[Control]) -> list[str]:
    """Which planted lifts were not seen: the run is blind to them."""
    unseen = [
        signed(control.truth or 0.0)
        for control in controls
        if control.kind is ControlKind.PLANTED and control.behaviour in (Behaviour.CANNOT_TELL, Behaviour.FAILS)
    ]
    if not unseen:
        return []
    what = verb(unseen, "a lift of that size", "lifts of that size")
    return [f"A planted lift of {listed(unseen)} was not seen: this run cannot tell {what} from none."]
