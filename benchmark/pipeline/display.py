"""What a person sees while the matrix runs, and at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmark.core.graph import Stage
from benchmark.pipeline.kind import Column

console = Console(stderr=True)
if not console.is_terminal:
    console.width = max(console.width, 120)  # a log has no edge to wrap at


class Display(AbstractContextManager["Display"]):
    """A bar for the matrix and one for each worker's stage; plain lines where the output is no terminal."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._total = len(stages)
        self._over = 0
        self._started: dict[str, float] = {}
        self._live = console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description:42.42}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not self._live,
        )
        self._all = self._progress.add_task("stages", total=self._total)
        self._bars: dict[int, TaskID] = {}  # by worker
        self._told: set[str] = set()  # stages that others make

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def started(self, stage: Stage, worker: int) -> None:
        """Give the stage a bar of its own, on its worker's line."""
        self._started[stage.key] = time.perf_counter()
        self._bars[worker] = self._progress.add_task(f"  {_title(stage)}", total=None)

    def advanced(self, stage: Stage, worker: int, done: int, total: int) -> None:
        """Move the worker's bar."""
        self._progress.update(self._bars[worker], completed=done, total=total)

    def waits(self, stage: Stage, worker: int, owner: str) -> None:
        """Take the worker's bar away; say once who is making the artefact."""
        self._progress.remove_task(self._bars.pop(worker))
        if owner and stage.key not in self._told:
            self._told.add(stage.key)
            console.print(f"waiting for {_title(stage)}, made by {owner}", markup=False, highlight=False)

    def ended(self, stage: Stage, worker: int, error: str | None) -> None:
        """Move the bar of the matrix; say what failed, and, without a terminal, what finished."""
        self._over += 1
        self._progress.remove_task(self._bars.pop(worker))
        self._progress.update(self._all, completed=self._over)
        seconds = time.perf_counter() - self._started[stage.key]
        if error is not None:
            console.print(f"[red]failed[/red] {escape(f'{_title(stage)}: {error}')}", highlight=False)
        elif not self._live:
            line = f"[{self._over}/{self._total}] {_title(stage)}  {seconds:.1f} s"
            console.print(line, markup=False, highlight=False)


def _title(stage: Stage) -> str:
    seed = stage.identity.get("seed")
    parts = [stage.kind.replace("_", " "), stage.label, "" if seed is None else f"seed {seed}"]
    return " ".join(part for part in parts if part)


def print_summary(table: pd.DataFrame, arena: str, columns: Sequence[Column], sentences: Sequence[str]) -> None:
    """The leaderboard in the terminal: one table per suite and arena, a row per method, then what is to be said.

    Args:
        table: leaderboard.csv.
        arena: what comes before the name of a training shift or scenario.
        columns: the numbers to show.
        sentences: below the tables.
    """
    for (suite, shift), part in table.groupby(["suite", "train_shift"], sort=False):
        shown = Table(title=f"{suite}: {arena} {shift}", title_justify="left")
        shown.add_column("method", no_wrap=True, min_width=14)
        for column in columns:
            shown.add_column(column.heading, justify="right", no_wrap=True)
        shown.add_column("status")
        rows = part.to_dict("records")
        for row in rows:
            shown.add_row(str(row["label"]), *(_number(row, column) for column in columns), row["status"])
        console.print(shown)
        for row in rows:
            if row["status"] != "done":
                console.print(f"{row['label']} {row['status']}: {row['reason']}", markup=False, highlight=False)
    for sentence in sentences:
        console.print(sentence, markup=False, highlight=False)


def _number(row: Mapping[Any, Any], column: Column) -> str:
    value, low, high = (row.get(column.metric + part) for part in ("", "_low", "_high"))
    if value is None or pd.isna(value):
        return "–"
    if not column.interval or low is None or pd.isna(low):
        return f"{value:.3f}"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
