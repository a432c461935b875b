"""A kind of suite: what the one program asks of it. A new kind is a folder beside `text/` and `analytic/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import pandas as pd

from benchmark.core.errors import UserError
from benchmark.core.graph import Progress
from benchmark.core.store import Store
from benchmark.pipeline.config import RunConfig, read_layers
from benchmark.pipeline.execute.base import Outcome
from benchmark.pipeline.matrix import CellCall, Matrix
from benchmark.suites.common import AnySuite

C = TypeVar("C", bound=RunConfig)

TABLE, PAGE = "leaderboard.csv", "site/index.html"


@dataclass(frozen=True)
class Column:
    """A number of the summary in the terminal: its column of leaderboard.csv, its heading, and whether the interval is
    shown."""

    metric: str
    heading: str
    interval: bool = False


class SuiteKind(ABC, Generic[C]):
    """How suites of one kind are configured, built into cells, and turned into tables.

    name: stands in environment.json.
    family: the base class of the suites of this kind.
    config: the settings of a run.
    tables: the files that `write_tables` makes.
    arena: what comes before the name of a training shift, or of what stands in its place, in the terminal.
    """

    name: ClassVar[str]
    family: ClassVar[type[AnySuite]]
    config: type[C]
    tables: ClassVar[tuple[str, ...]]
    arena: ClassVar[str]

    @property
    def files(self) -> tuple[str, ...]:
        """What a finished run consists of."""
        return (*self.tables, TABLE, PAGE)

    def read_config(
        self,
        suite: str,
        preset: str,
        file: Path | None = None,
        settings: Sequence[str] = (),
        options: Mapping[str, Any] | None = None,
    ) -> C:
        """The configuration of a run: preset, then `file`, then `options`, then `settings` (KEY=VALUE).

        Raises:
            UserError: unknown preset or key (with the nearest match), an option that this kind does not have, or a
                value that is not allowed.
        """
        cls = self.family.registry.get(suite)
        for option, value in (options or {}).items():
            if value is not None and option not in self.config.model_fields:
                raise UserError(f"{suite} takes no --{option.replace('_', '-')}; {self.instead_of_shifts(cls)}")
        return read_layers(self.config, cls, preset, file, settings, options)

    def instead_of_shifts(self, suite: type[Any]) -> str:
        """What a suite of this kind has in the place of shifts, for whoever gives one that it does not take."""
        return "it has none."

    def backend(self, requested: str) -> str:
        """What generates text, as environment.json names it. Default: nothing does."""
        return "none"

    @abstractmethod
    def check(self, config: C) -> None:
        """Raise a UserError where settings cannot work, here or anywhere, before they are held against other runs'."""

    @abstractmethod
    def build(self, config: C, backend: str, earlier: Sequence[CellCall] = ()) -> Matrix[Any, Any, Any]:
        """The cells of a configuration, and those of an earlier run on the same folder.

        Raises:
            UserError: an unknown or repeated name, or a suite that cannot work.
        """

    @abstractmethod
    def write_tables(
        self, matrix: Matrix[Any, Any, Any], outcome: Outcome, store: Store, out: Path, progress: Progress
    ) -> None:
        """Turn finished stages into the files `tables` of the folder `out`."""

    @abstractmethod
    def facts(self, config: C, matrix: Matrix[Any, Any, Any]) -> dict[str, Any]:
        """What environment.json tells of a run of this kind besides what it tells of every run."""

    def code(self, matrix: Matrix[Any, Any, Any]) -> dict[str, Any]:
        """Versions of code that decides numbers, besides those of stages and plug-ins."""
        return {}

    @abstractmethod
    def columns(self, table: pd.DataFrame) -> Sequence[Column]:
        """The numbers of leaderboard.csv that the terminal shows."""

    def sentences(self, out: Path) -> Sequence[str]:
        """What the terminal says below the tables."""
        return ()
