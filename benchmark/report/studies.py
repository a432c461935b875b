"""Analytic suites: no text is generated, their figures are the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmark.report.caveats import Caveat
from benchmark.report.estimates import Estimate
from benchmark.report.rows import Status


@dataclass(frozen=True)
class StudyFigure:
    """One figure of an analytic suite: lines with intervals over a numeric axis."""

    id: str
    title: str
    how: str  # how to read it, a sentence or two
    x_label: str
    y_label: str
    log_axes: bool
    lines: tuple[StudyLine, ...]


@dataclass(frozen=True)
class StudyLine:
    """One line; `method` decides its colour, `dash` marks what is drawn for comparison (a proven rate, say)."""

    label: str
    method: str
    x: tuple[float, ...]
    y: tuple[Estimate, ...]
    dashed: bool = False


@dataclass(frozen=True)
class StudyRow:
    """One method in one scenario of an analytic suite, by the study's headline numbers.

    verdict: a stable word of the suite's own, which `sentence` says in words; "" where nothing can be said.
    """

    scenario: str
    key: str  # the call
    method: str
    hparams: dict[str, Any]
    label: str
    role: str
    status: Status
    reason: str  # why it failed or was skipped, "" where done
    seeds_done: int
    metrics: dict[str, Estimate] = field(default_factory=dict)
    verdict: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class StudyTable:
    """A small table: column heads, and rows of text or of estimates."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Estimate, ...], ...]


@dataclass(frozen=True)
class Study:
    """An analytic suite with its figures, tables and rows; its headline and facts are in the suite's own words."""

    suite: str
    headline: str  # one sentence from the numbers
    facts: dict[str, str]
    figures: tuple[StudyFigure, ...]
    tables: tuple[StudyTable, ...] = ()
    rows: tuple[StudyRow, ...] = ()  # what leaderboard.csv shows
    caveats: tuple[Caveat, ...] = ()
