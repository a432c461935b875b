"""The matrix of a run: its cells, each as the stages that make it, or the reason to skip it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from benchmark.core.errors import UserError
from benchmark.core.graph import Stage
from benchmark.suites.common import AnySuite
from methods import Method
from methods.base import parse_method
from shifts import Shift

M = TypeVar("M", bound=Method | str)
A = TypeVar("A", bound=Shift | str)
S = TypeVar("S", bound=AnySuite)
T = TypeVar("T")

CellCall = tuple[str, str, int]  # method, arena and seed of a cell, as environment.json records them


@dataclass(frozen=True)
class Cell(Generic[M, A]):
    """One method in one arena with one seed.

    method: or, where a suite has comparisons that are no methods, the name of one.
    train_shift: the arena: a training shift, or an analytic suite's scenario.
    stages: what makes the cell, by name; the last is its result. Empty where the cell is skipped.
    skipped: why, in words for the reader of the page; "" where it is not.
    facts: further columns of cells.parquet that are known before anything runs.
    beside: stages, by name, that say something of the cell and that its result is not made from.
    """

    suite: str
    method: M
    train_shift: A
    seed: int
    stages: Mapping[str, Stage]
    skipped: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Stage] = field(default_factory=dict)

    @property
    def result(self) -> Stage | None:
        """The stage that is made from all others; None where the cell is skipped."""
        return list(self.stages.values())[-1] if self.stages else None

    @property
    def cell_id(self) -> str:
        """Twelve hexadecimal digits that name the cell and what determines it."""
        result = self.result.key if self.result else ""
        text = "\x1f".join([self.suite, str(self.method), str(self.train_shift), str(self.seed), result])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """Of the method without its hyper-parameters."""
        return self.method if isinstance(self.method, str) else self.method.name

    @property
    def hparams(self) -> dict[str, Any]:
        """Hyper-parameters; a comparison has none."""
        return {} if isinstance(self.method, str) else self.method.hparams()

    @property
    def call(self) -> CellCall:
        """What makes the cell again on the same suite."""
        return str(self.method), str(self.train_shift), self.seed


@dataclass(frozen=True)
class Matrix(Generic[S, M, A]):
    """All cells of a run, and the evaluation shifts of every training shift (none in a suite without shifts)."""

    suite: S
    cells: tuple[Cell[M, A], ...]
    evaluation: Mapping[A, tuple[Shift, ...]] = field(default_factory=dict)

    def stages(self) -> list[Stage]:
        """What is wanted, each once: results, and what stands beside them."""
        wanted = [stage for cell in self.cells for stage in (cell.result, *cell.beside.values())]
        return list({stage.key: stage for stage in wanted if stage is not None}.values())


def parse_methods(calls: Iterable[str]) -> list[Method]:
    """The methods of a configuration.

    Raises:
        UserError: an unknown name or hyper-parameter, or one method twice.
    """
    return distinct([parse_method(call) for call in calls], "method")


def distinct(items: Sequence[T], what: str) -> list[T]:
    """The items as they are; one that is given twice is a UserError, since it is most likely a slip."""
    repeated = [str(item) for item in dict.fromkeys(items) if items.count(item) > 1]
    if repeated:
        raise UserError(f"{what} given twice: {', '.join(repeated)}.")
    return list(items)
