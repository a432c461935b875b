"""What is checked: the method, shift or suite that a person named, a method also along its hyper-parameters."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from benchmark.contract.examples import OBJECTIVES
from benchmark.contract.worlds import SuiteSubject, Worlds
from benchmark.core.broken import Broken
from benchmark.core.calls import parse_call
from benchmark.core.code import code_of
from benchmark.core.errors import UserError
from benchmark.core.hyperparameters import Choice, Interval
from benchmark.core.plugins import Plugin, Registry, load_file, unknown_plugin
from benchmark.suites.analytic import AnalyticSuite
from benchmark.suites.base import Suite
from benchmark.suites.common import AnySuite
from methods import Method, PairwiseMethod
from methods.base import parse_method
from shifts import Shift
from shifts.base import parse_shift

if TYPE_CHECKING:
    from benchmark.contract.lab import Lab

P = TypeVar("P", bound=Plugin)
MakeLab = Callable[[], "Lab"]


@dataclass(frozen=True)
class MethodSubject:
    """A method under check.

    make_lab: the tiny world in which it trains, made at the first call, since that takes seconds.
    fixed: its hyper-parameters were given, so no others are tried.
    """

    method: Method
    make_lab: MakeLab
    fixed: bool = False

    @property
    def lab(self) -> Lab:
        """The tiny world in which the method trains."""
        return self.make_lab()

    @property
    def pairwise(self) -> PairwiseMethod:
        """The method, where it is a formula over pairs."""
        assert isinstance(self.method, PairwiseMethod)
        return self.method

    def variants(self) -> Iterator[PairwiseMethod]:
        """The method itself, then, unless its hyper-parameters were given, each one of them in turn at every option and
        at both ends of its search range."""
        yield self.pairwise
        if not self.fixed:
            yield from neighbours(self.pairwise)

    def forms(self) -> Iterator[PairwiseMethod]:
        """The method itself, then every option of its choices: different code, as opposed to other numbers."""
        yield self.pairwise
        if not self.fixed:
            yield from neighbours(self.pairwise, numbers=False)


@dataclass(frozen=True)
class ShiftSubject:
    """A family of shifts under check, by points that stand for it."""

    cls: type[Shift]
    points: tuple[Shift, ...]


Subject = MethodSubject | ShiftSubject | SuiteSubject
SUITES: tuple[Registry[Any], ...] = (Suite.registry, AnalyticSuite.registry)
REGISTRIES: tuple[Registry[Any], ...] = (Method.registry, Shift.registry, *SUITES)


def class_of(subject: Subject) -> type[Plugin] | type[AnySuite]:
    """The class under check."""
    return type(subject.method) if isinstance(subject, MethodSubject) else subject.cls


def title_of(subject: Subject) -> str:
    """What is checked, in words."""
    if isinstance(subject, ShiftSubject):
        return f"shift {subject.cls.name}"
    if isinstance(subject, SuiteSubject):
        return f"suite {subject.cls.name}"
    return f"method {subject.method if subject.fixed else subject.method.name}"


def neighbours(plugin: P, numbers: bool = True) -> Iterator[P]:
    """The same plug-in with one field changed: to each option of a choice, to both ends of a search range."""
    for field in dataclasses.fields(plugin):  # type: ignore[arg-type]
        legal = field.metadata.get("range")
        values: Sequence[object] = ()
        if isinstance(legal, Choice):
            values = legal.options
        elif isinstance(legal, Interval) and numbers:
            values = (legal.low, legal.high)
        for value in values:
            if value != getattr(plugin, field.name):
                with contextlib.suppress(UserError):  # fields that exclude each other
                    yield dataclasses.replace(plugin, **{field.name: value})  # type: ignore[type-var]


def subjects_of(text: str, make_lab: MakeLab, worlds: Worlds) -> list[Subject]:
    """The subjects that `NAME`, a call such as `kldpo(tau=0.3)`, or `FILE.py` stands for.

    Raises:
        UserError: unknown name or argument; a file that is not there, cannot be imported or defines no plug-in; a suite
            that lacks a setting.
    """
    if text.endswith(".py"):
        return [subject_of(cls, make_lab, worlds) for cls in classes_in(Path(text))]
    name, arguments = parse_call(text)
    methods = {cls.name: cls for cls in Method.registry.all()}
    shifts = {cls.name: cls for cls in Shift.registry.all()}
    suites = {cls.name: cls for registry in SUITES for cls in registry.all()}
    known: dict[str, type[Any]] = {**suites, **shifts, **methods}
    if name not in known:
        raise unknown_plugin("method, shift or suite", name, REGISTRIES)
    if not arguments:
        return [subject_of(known[name], make_lab, worlds)]
    if known[name] is suites.get(name):
        raise UserError(f"{name} is a suite: its settings are given with --set suite.KEY=VALUE, not in parentheses.")
    if name in methods:
        return [MethodSubject(parse_method(text), make_lab, fixed=True)]
    return [ShiftSubject(shifts[name], tuple(parse_shift(text)))]


def every_subject(make_lab: MakeLab, worlds: Worlds) -> list[Subject]:
    """All registered methods, shifts and suites."""
    plugins = [subject_of(cls, make_lab, worlds) for cls in (*Method.registry.all(), *Shift.registry.all())]
    return [*plugins, *(worlds.one_of_all(cls) for registry in SUITES for cls in registry.all())]


def broken_files() -> list[Broken]:
    """What stands among the methods, shifts and suites, and cannot be used."""
    return list(dict.fromkeys(one for registry in REGISTRIES for one in registry.broken()))


def subject_of(cls: type[Any], make_lab: MakeLab, worlds: Worlds) -> Subject:
    """A class at its defaults; a shift at its examples; a suite with the settings of its smallest preset.

    Raises:
        UserError: a suite that lacks a setting.
    """
    if issubclass(cls, AnySuite):
        return worlds.named(cls)
    if issubclass(cls, Method):
        return MethodSubject(cls.make(), make_lab)
    assert issubclass(cls, Shift)
    return ShiftSubject(cls, tuple(cls.examples(OBJECTIVES)))


def classes_in(file: Path) -> list[type[Any]]:
    """The methods, shifts and suites that a file defines, loaded where it is not; of a copy of a registered file, that
    one's.

    Raises:
        UserError: no such file, it cannot be imported, or it defines none.
    """
    found = _registered_from(file)
    if not found:
        load_file(file)
        found = _registered_from(file) or _copied_to(file)
    if not found:
        raise UserError(
            f"{str(file)!r} defines no method, no shift and no suite: a class that subclasses PairwiseMethod, Method, "
            "Shift, AnswerSuite, GeneratedSuite or AnalyticSuite and has a name is one."
        )
    return found


def _registered_from(file: Path) -> list[type[Any]]:
    return [cls for cls in _registered() if Path(inspect.getfile(cls)).resolve() == file.resolve()]


def _copied_to(file: Path) -> list[type[Any]]:
    homes = {cls: Path(inspect.getfile(cls)) for cls in _registered()}
    return [cls for cls, home in homes.items() if home.is_file() and code_of(home) == code_of(file)]


def _registered() -> list[type[Any]]:
    return [cls for registry in REGISTRIES for cls in registry.all()]


def location(cls: type) -> str:
    """File and line of a class."""
    file = inspect.getsourcefile(cls) or cls.__module__
    return f"{file}:{inspect.getsourcelines(cls)[1]}"
