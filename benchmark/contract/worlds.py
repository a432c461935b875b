"""Suites under check: made with the settings of their smallest preset, and built where a check first asks for it."""

from __future__ import annotations

import tempfile
import time
import typing
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from benchmark.contract.check import NotApplicable
from benchmark.core.errors import UserError
from benchmark.core.graph import silent
from benchmark.core.settings import Section, checked
from benchmark.suites.base import Suite
from benchmark.suites.common import AnySuite
from benchmark.suites.presets import presets_of

SMOKE = "smoke"
SAID = 64  # training prompts whose completions standardise rewards, where a suite's rewards are relative to them
Made = Literal["policy", "reward_model", "judge"]


class Configured(Protocol):
    """What the contract asks of the configuration of a run."""

    methods: list[str]

    def make_suite(self) -> Any:
        """The suite with its settings."""


ReadConfig = Callable[[str, str, Path | None, Sequence[str]], Any]  # suite, preset, file, settings; gives `Configured`


@dataclass(frozen=True)
class Artefact:
    """What a suite wrote: where it is, how long it took, and the settings that were read meanwhile."""

    folder: Path
    seconds: float
    read: frozenset[str]


@dataclass(frozen=True)
class SuiteSubject:
    """A suite under check.

    read: reads the configuration of a preset with settings KEY=VALUE laid over it.
    settings: those that were given.
    missing: why the suite cannot be made here; checks that need one do not apply then.
    """

    cls: type[AnySuite]
    read: ReadConfig
    settings: tuple[str, ...] = ()
    missing: str = ""

    def configuration(self, preset: str) -> Any:
        """Of a preset; a UserError where it cannot be read."""
        return self.read(self.cls.name, preset, None, self.settings)

    def make(self) -> Any:
        """A new object of the suite, made as a run makes it."""
        if self.missing:
            raise NotApplicable(self.missing)
        return self.configuration(SMOKE).make_suite()

    @cached_property
    def suite(self) -> Any:
        """One object of the suite, for all checks that change nothing of it."""
        return self.make()

    def altered(self) -> Iterator[tuple[str, Any]]:
        """The suite with one setting changed, once or more for each that is a number, a switch or a choice; with the
        setting's dotted key. What the suite itself refuses is left out."""
        for name, settings in changed_settings(self.suite.settings):
            other = type(self.suite)(settings)
            if not why_not(other):
                yield name, other

    @cached_property
    def policy(self) -> Artefact:
        """The reference policy of seed 0."""
        return self._build("policy", self.make())

    @cached_property
    def reward_model(self) -> Artefact:
        """The learned reward model of a suite that has completions scored."""
        return self._build("reward_model", self.make())

    @cached_property
    def judge(self) -> Artefact | None:
        """The independent judge, where there is one."""
        return None if self.suite.judge_spec() is None else self._build("judge", self.make())

    def builds_alike(self, what: Made, other: Any) -> bool:
        """Whether a suite with other settings writes the same, byte by byte, or refuses to build; it takes as long as
        the first time."""
        try:
            folders = getattr(self, what).folder, self._build(what, other).folder
        except UserError:
            return True
        one, two = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders)
        return one == two

    @cached_property
    def _said(self) -> tuple[list[str], list[str]]:
        """Training prompts, and what the reference policy says to them."""
        from benchmark.contract.completions import completions

        return completions(self.suite, self.policy.folder, "train", SAID, self.suite.candidates)

    @cached_property
    def _home(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="prefshift-contract-")

    def _build(self, what: Made, suite: Any) -> Artefact:
        folder = Path(tempfile.mkdtemp(prefix=f"{what}-", dir=self._home.name))
        suite.settings = watched = Watched(suite.settings)
        seeds = (0,) if what == "policy" else ()
        started = time.perf_counter()
        getattr(suite, f"build_{what}")(*seeds, folder, silent)
        if what != "policy" and suite.standardises:
            suite.standardise(what, *self._said, folder, silent)
        return Artefact(folder, time.perf_counter() - started, frozenset(watched.read))


class Watched:
    """Settings that note which of them are read."""

    def __init__(self, settings: Section) -> None:
        self._settings = settings
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying and pickling ask for these before there is anything to ask
            raise AttributeError(name)
        if name in type(self._settings).model_fields:
            self.read.add(name)
        return getattr(self._settings, name)


@dataclass(frozen=True)
class Worlds:
    """How the contract gets at suites: `read` is the program's own reader of configurations, which stands above."""

    read: ReadConfig
    settings: tuple[str, ...] = ()

    def named(self, cls: type[AnySuite]) -> SuiteSubject:
        """The suite that somebody asked for.

        Raises:
            UserError: a setting or its data cannot work; the message says what is missing.
        """
        subject = SuiteSubject(cls, self.read, self.settings)
        if why := self._why_not(subject):
            how = "Settings are given with --set suite.KEY=VALUE."
            raise UserError(f"suite {cls.name} cannot be checked here: {why}\n{how}")
        return subject

    def one_of_all(self, cls: type[AnySuite]) -> SuiteSubject:
        """One of all suites: where it needs data that nobody named, what it says of that."""
        subject = SuiteSubject(cls, self.read, self.settings)
        return replace(subject, missing=self._why_not(subject))

    def _why_not(self, subject: SuiteSubject) -> str:
        if SMOKE not in presets_of(subject.cls):
            return ""  # a check is about that
        try:
            return why_not(subject.make())
        except UserError as error:
            return str(error)


def why_not(suite: Any) -> str:
    """Why the settings of a suite or their data cannot work, in its own words; "" where they can, as it looks."""
    try:
        if isinstance(suite, Suite):
            suite.check()
    except UserError as error:
        return str(error)
    return ""


def changed_settings(settings: Section) -> Iterator[tuple[str, Any]]:
    """The settings with one of them changed, and its key, which is dotted where it lies in a section of settings."""
    for name, field in type(settings).model_fields.items():
        for key, value in _others(name, getattr(settings, name), field.annotation):
            with suppress(UserError):  # a value, or a combination, that is not allowed
                yield key, checked(type(settings), {**settings.model_dump(), name: value})


def _others(name: str, value: Any, annotation: Any) -> Iterator[tuple[str, Any]]:
    """Values of a setting near its own, each with its key."""
    if isinstance(value, Section):
        yield from ((f"{name}.{key}", section.model_dump()) for key, section in changed_settings(value))
    else:
        yield from ((name, other) for other in _near(value, annotation))


def _near(value: Any, annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) is Literal:
        yield from (option for option in typing.get_args(annotation) if option != value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1)
    elif isinstance(value, float):
        yield from (other for other in (1.25 * value + 0.01, 0.8 * value) if other != value)
