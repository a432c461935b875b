"""Short names: of a method with its hyper-parameters, of a shift, and the command that runs one row again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from benchmark.measure.records.linear import linear_weights
from shifts.base import Shift, Utility

GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "lambda": "λ", "rho": "ρ", "tau": "τ"}
CHOOSING = ("--methods", "--train-shifts", "--seeds", "--out", "--contributor")


@dataclass(frozen=True)
class MethodFacts:
    """What the registered class says of a method; of one that is not installed here, its name is all that is known."""

    title: str
    summary: str
    paper: str
    role: str
    defaults: dict[str, Any]
    knows_annotators: bool = False  # trains on the number of every pair's group of annotators


def method_facts(name: str) -> MethodFacts:
    """The facts of the method registered under `name`."""
    from methods import Method  # torch comes with it
    from methods.groups import GroupRobust

    registered = {cls.name: cls for cls in Method.registry.all()}
    if name not in registered:
        return MethodFacts(name, "", "", "method", {})
    cls = registered[name]
    defaults = {field.name: field.default for field in fields(cls) if field.default is not MISSING}  # type: ignore[arg-type]
    return MethodFacts(
        cls.__name__, cls.summary(), cls.paper, str(cls.role), defaults, knows_annotators=issubclass(cls, GroupRobust)
    )


def call(name: str, hparams: Mapping[str, Any]) -> str:
    """The call that makes the method again, as `str(method)` writes it."""
    inner = ",".join(f"{key}={plain(value)}" for key, value in hparams.items())
    return f"{name}({inner})" if inner else name


def plain(value: Any) -> str:
    """A hyper-parameter as text."""
    if value is None:
        return "none"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


MULTIPLES = ("rate",)  # of a setting of the run: 1 goes without saying, even where others have another


def method_label(facts: MethodFacts, hparams: Mapping[str, Any], siblings: Iterable[Mapping[str, Any]]) -> str:
    """Such as `KLDPO τ=0.1`: the hyper-parameters that are not the default, or that vary among the siblings. One that
    is not set is left out.

    Args:
        facts: of the method.
        hparams: of this row.
        siblings: hyper-parameters of all rows of the same method and arena.
    """
    others = list(siblings)
    parts = [
        f"{GREEK.get(name, name)}={plain(value)}"
        for name, value in hparams.items()
        if value is not None
        and not (name in MULTIPLES and value == facts.defaults.get(name))
        and (name not in facts.defaults or value != facts.defaults[name] or any(o.get(name) != value for o in others))
    ]
    return " ".join([facts.title, *parts])


def shift_label(shift: Shift) -> str:
    """A linear shift as its sum, such as `0.1 joy + 0.9 sadness`; a population as its parts, such as `10% joy / 90%
    sadness`; one that departs from such a shift as that, with a note; any other as its call."""
    plain = shift.plain()
    if plain is not None:
        return ", ".join(filter(None, (shift_label(plain), shift.note())))
    population = shift.annotators()
    if len(population) > 1:
        return " / ".join(f"{100 * share:.3g}% {_utility_label(member)}" for share, member in population if share > 0)
    return _utility_label(shift)


def _utility_label(utility: Utility) -> str:
    weights = linear_weights(utility)
    if weights is None:
        return str(utility)
    parts = [name if weight == 1 else f"{weight:.3g} {name}" for name, weight in weights.items() if weight]
    return " + ".join(parts)


def point_label(shift: Shift) -> str:
    """The tick of an evaluation shift: its position on the family's axis, or its label where there is none."""
    position = shift.position()
    return shift_label(shift) if position is None else f"{position:g}"


def rerun_command(command: str, key: str, train_shift: str, seeds: Sequence[int]) -> str:
    """The run's own command, narrowed to one method and training shift."""
    kept: list[str] = []
    words = iter(shlex.split(command))
    for word in words:
        if word in CHOOSING:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in CHOOSING)):
            kept.append(word)
    return shlex.join([*kept, "--methods", key, "--train-shifts", train_shift, "--seeds", str(len(seeds))])
