"""An analytic suite: a small world in which a method's formula is followed exactly. No text, no model from a hub."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from benchmark.core.code import OFFERED
from benchmark.core.plugins import Registry
from benchmark.core.work import Work
from benchmark.report import Study
from benchmark.suites.common import AnySuite

if TYPE_CHECKING:
    from methods import Method

CHANGES_JOB = ("train", "training_shift", "parts")  # a pairwise method that overrides these is more than its formula


@dataclass(frozen=True)
class Record:
    """One number of one cell: a row of results.parquet. `n` counts what was averaged."""

    metric: str
    value: float
    n: int


class AnalyticSuite(AnySuite):
    """One analytic suite. Its cells are method x scenario x seed; its figures and tables are the result.

    version: goes up when what `run` computes changes; finished cells are then made again.
    beside: comparisons that are no methods and run beside them, by name.
    """

    registry: ClassVar[Registry[Any]] = Registry("suite", "benchmark.studies", OFFERED)
    version: ClassVar[int]
    scenarios: ClassVar[tuple[str, ...]]
    beside: ClassVar[tuple[str, ...]] = ()

    def skip(self, method: Method) -> str | None:
        """Why the method cannot run here, in words for the reader of the page; None: it can."""
        return why_not(method, self.name)

    @abstractmethod
    def run(self, subject: Method | str, scenario: str, seed: int) -> list[Record]:
        """One cell: all its numbers. `subject` is a method, or a name out of `beside`."""

    def work(self) -> Work:
        """The work of `run` in all scenarios, about, from which `plan` scales recorded runs."""
        return Work(host_seconds=1.0)

    @abstractmethod
    def summarise(self, results: pd.DataFrame, cells: pd.DataFrame) -> Study:
        """Figures, tables and headline, from finished cells of any number of seeds.

        Args:
            results: results.parquet, with a column `key`: the method's call.
            cells: cells.parquet, with the same column.
        """


def why_not(method: Method, suite: str) -> str | None:
    """Why a method is not a formula over log-probabilities of pairs alone; None: it is."""
    from methods import PairwiseMethod, Solver  # torch comes with them

    if not isinstance(method, PairwiseMethod):
        how = "is not trained" if not method.trains else "is not trained by a loss on pairs"
        return f"{method.name} {how}; {suite} follows losses on pairs"
    if method.needs_rewards or method.needs_shift:
        return f"{method.name} needs rewards or a shift besides the labels, and {suite} has labels alone"
    changed = [name for name in CHANGES_JOB if getattr(type(method), name) is not getattr(PairwiseMethod, name)]
    if changed:
        return f"{method.name} changes how training runs ({', '.join(changed)}); {suite} runs the formula alone"
    if method.penalises_inputs() and method.penalty_solver not in (Solver.AUTO, Solver.DOUBLE_BACKWARD):
        return f"solver={method.penalty_solver}: {suite} differentiates the penalty exactly (auto, double_backward)"
    return method.skip(_NoShift(suite))


@dataclass(frozen=True)
class _NoShift:
    """Stands for the shift where labels come from no shift: one annotator, no corners."""

    name: str

    def annotators(self) -> tuple[tuple[float, Any], ...]:
        """One group: everybody."""
        return ((1.0, self),)

    def corners(self) -> tuple[Any, ...]:
        """None."""
        return ()

    @property
    def timed(self) -> bool:
        """No."""
        return False
