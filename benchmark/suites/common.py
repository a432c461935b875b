"""What every suite is, whatever its kind: a name, settings with presets, and facts for a reader."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from benchmark.core.plugins import Registry
from benchmark.core.settings import Section


class SuiteSettings(Section):
    """Settings of one suite (`suite.KEY` on the command line). Every suite adds its own."""


class AnySuite(ABC):
    """Base of the kinds of suite. A kind has a registry of its own; a subclass with a `name` is registered there."""

    registry: ClassVar[Registry[Any]]
    name: ClassVar[str]
    Settings: ClassVar[type[SuiteSettings]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            cls.registry.add(cls)

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @classmethod
    def presets(cls) -> Path:
        """The folder with `smoke.yaml`, `quick.yaml` and `full.yaml`, beside the suite's own file."""
        return Path(inspect.getfile(cls)).parent / "presets"

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """Facts that a reader of the results needs."""
