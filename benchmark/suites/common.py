"""What every suite is, whatever its kind: a name, settings with presets, and facts for a reader."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from benchmark.core.plugins import Registry, fingerprint
from benchmark.core.settings import Section


class SuiteSettings(Section):
    """Settings of one suite (`suite.KEY` on the command line). Every suite adds its own."""


class AnySuite(ABC):
    """Base of the kinds of suite. A kind has a registry of its own; a subclass with a `name` is registered there.

    presets: settings of a run by the preset's name. A suite that is a package has YAML files in its folder `presets/`
    instead.
    versioned: every spec names a version that goes up when the code of this very class changes what it makes. Without
    such a promise the code itself counts, so that a change of it makes everything again.
    """

    registry: ClassVar[Registry[Any]]
    name: ClassVar[str]
    Settings: ClassVar[type[SuiteSettings]] = SuiteSettings
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    versioned: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            cls.registry.add(cls)

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """Facts that a reader of the results needs."""


def suite_code(cls: type[AnySuite]) -> dict[str, str]:
    """What stands for the code of a suite in the identity of every stage that runs it: nothing where the suite's specs
    are versioned, which a subclass has to promise anew."""
    return {} if cls.__dict__.get("versioned", False) else {"suite_code": fingerprint(cls)}
