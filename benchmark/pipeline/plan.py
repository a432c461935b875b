"""What a run would do, and what it would cost, without running anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.table import Table

from benchmark.core.graph import Stage, missing_stages
from benchmark.core.resources import gpu_count
from benchmark.core.store import Store
from benchmark.pipeline.matrix import Cell, Matrix

GUESS_SECONDS = 10.0  # for a kind of stage that this store has never seen


@dataclass(frozen=True)
class Plan:
    """Stages to run, in order, and the state of every cell."""

    stages: tuple[Stage, ...]
    cells_done: int
    cells_to_do: int
    skipped: tuple[tuple[str, str], ...]  # (cell, reason)
    seconds: float  # of work, over all workers
    guessed: tuple[str, ...]  # kinds of stages whose time is a guess
    disk_mb: float


def make_plan(matrix: Matrix[Any, Any, Any], store: Store) -> Plan:
    """The plan of a matrix; times are medians of what this store's finished stages took."""
    stages = missing_stages(matrix.stages(), store)
    durations = store.durations()
    seconds, guessed = 0.0, set()
    for stage in stages:
        known = durations.get(f"{stage.kind}:{stage.label}") or durations.get(stage.kind)
        seconds += median(known) if known else GUESS_SECONDS
        guessed |= set() if known else {stage.kind}
    done = sum(bool(cell.stages) and _result(cell).done(store) for cell in matrix.cells)
    skipped = tuple(
        (f"{cell.method} on {cell.train_shift}, seed {cell.seed}", cell.skipped)
        for cell in matrix.cells
        if cell.skipped
    )
    todo = len(matrix.cells) - done - len(skipped)
    return Plan(tuple(stages), done, todo, skipped, seconds, tuple(sorted(guessed)), _disk_mb(stages, store))


def _result(cell: Cell[Any, Any]) -> Stage:
    """The cell's last stage, which is made from all others."""
    return list(cell.stages.values())[-1]


def _disk_mb(stages: list[Stage], store: Store) -> float:
    """Median size of finished artefacts of the same kind, summed; kinds never seen count nothing."""
    sizes: dict[str, float] = {}
    for kind in {stage.kind for stage in stages}:
        artefacts = list((store.root / kind).glob("*"))[:20]
        measured = [sum(f.stat().st_size for f in a.rglob("*") if f.is_file()) / 2**20 for a in artefacts]
        sizes[kind] = median(measured) if measured else 0.0
    return sum(sizes[stage.kind] for stage in stages)


def plan_table(plan: Plan, workers: int) -> Table:
    """The plan for the terminal."""
    table = Table(title="what would run", title_justify="left", show_header=False)
    table.add_row("cells", f"{plan.cells_done} done, {plan.cells_to_do} to do, {len(plan.skipped)} skipped")
    counts = Counter(stage.kind for stage in plan.stages)
    table.add_row("stages to run", ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none")
    gpus = gpu_count()
    table.add_row("estimated time", f"{plan.seconds / workers / 60:.1f} min with {workers} workers")
    table.add_row("estimated GPU-hours", f"{plan.seconds / 3600:.2f}" if gpus else "0 (no GPU here)")
    table.add_row("estimated disk", f"{plan.disk_mb:.0f} MB")
    if plan.guessed:
        table.add_row(
            "guessed",
            f"{GUESS_SECONDS:.0f} s and no disk for each of: {', '.join(plan.guessed)} "
            "(this store has not seen them yet)",
        )
    for cell, reason in plan.skipped:
        table.add_row("skipped", f"{cell}: {reason}")
    return table
