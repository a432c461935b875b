"""What a run would do, and what it would cost, without running anything."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.table import Table

from benchmark.core.graph import Stage, missing_stages
from benchmark.core.resources import device_name
from benchmark.core.store import Store
from benchmark.pipeline.estimates.chain import side_by_side
from benchmark.pipeline.estimates.devices import CPU, Device, device
from benchmark.pipeline.estimates.estimate import Basis, Estimate, Estimator
from benchmark.pipeline.matrix import Cell, Matrix

NARROW = 1.2  # a total whose ends are closer than this is one number
BY_METHOD = {"trained_policy", "study"}  # kinds whose cost depends on the method


@dataclass(frozen=True)
class Line:
    """Stages of one kind, and of one method where that matters. basis: the weakest of theirs."""

    name: str
    count: int
    seconds: float
    basis: Basis


@dataclass(frozen=True)
class Plan:
    """Estimates of the stages to run, in order, and the state of every cell."""

    estimates: tuple[Estimate, ...]
    cells_done: int
    cells_to_do: int
    skipped: tuple[tuple[str, str], ...]  # (cell, reason)
    device: Device

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages to run, in order."""
        return tuple(estimate.stage for estimate in self.estimates)

    @property
    def bytes(self) -> float:
        """What they write."""
        return sum(estimate.bytes for estimate in self.estimates)

    def seconds(self, workers: int, of: Callable[[Estimate], float] = lambda estimate: estimate.seconds) -> float:
        """On the clock; `of` picks the middle or an end of each estimate."""
        by_key = {estimate.stage.key: of(estimate) for estimate in self.estimates}
        return side_by_side(self.stages, lambda stage: by_key[stage.key], workers)

    def lines(self) -> list[Line]:
        """Kind by kind, in the order in which they first run."""
        grouped: dict[str, list[Estimate]] = defaultdict(list)
        for estimate in self.estimates:
            stage = estimate.stage
            grouped[f"{stage.kind} {stage.label}" if stage.kind in BY_METHOD else stage.kind].append(estimate)
        return [_line(name, estimates) for name, estimates in grouped.items()]


def _line(name: str, estimates: list[Estimate]) -> Line:
    weakest = max(estimates, key=lambda estimate: (estimate.greatest / estimate.seconds, estimate.seconds))
    return Line(name, len(estimates), sum(estimate.seconds for estimate in estimates), weakest.basis)


def make_plan(matrix: Matrix[Any, Any, Any], store: Store, machine: Device | None = None) -> Plan:
    """The plan of a matrix, estimated from the store's finished stages, for this machine's device or another one."""
    machine = machine or device(device_name())
    estimator = Estimator(store, machine)
    stages = missing_stages(matrix.stages(), store)
    done = sum(bool(cell.stages) and _result(cell).done(store) for cell in matrix.cells)
    skipped = tuple(
        (f"{cell.method} on {cell.train_shift}, seed {cell.seed}", cell.skipped)
        for cell in matrix.cells
        if cell.skipped
    )
    todo = len(matrix.cells) - done - len(skipped)
    return Plan(tuple(map(estimator.estimate, stages)), done, todo, skipped, machine)


def _result(cell: Cell[Any, Any]) -> Stage:
    """The cell's last stage, which is made from all others."""
    return list(cell.stages.values())[-1]


def plan_table(plan: Plan, workers: int) -> Group:
    """The plan for the terminal."""
    table = Table(title="what would run", title_justify="left", show_header=False)
    table.add_row("cells", f"{plan.cells_done} done, {plan.cells_to_do} to do, {len(plan.skipped)} skipped")
    counts = Counter(stage.kind for stage in plan.stages)
    table.add_row("stages to run", ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none")
    table.add_row("estimated time", f"{_total(plan, workers)} with {workers} worker{'s' if workers > 1 else ''}")
    hours = sum(estimate.seconds for estimate in plan.estimates) / 3600
    table.add_row("estimated GPU-hours", "0 (no GPU here)" if plan.device.name == CPU else f"{hours:.2f}")
    table.add_row("estimated disk", f"{plan.bytes / 1e6:.0f} MB" if plan.bytes < 1e10 else f"{plan.bytes / 1e9:.0f} GB")
    for cell, reason in plan.skipped:
        table.add_row("skipped", f"{cell}: {reason}")
    return Group(table, *([_lines_table(plan)] if plan.estimates else []))


def _lines_table(plan: Plan) -> Table:
    table = Table(title="time of one worker, without its start and the page", title_justify="left")
    if any(estimate.basis.sort == "guessed" for estimate in plan.estimates):
        table.caption = f"guessed at {plan.device}"
    for name in ("stage", "count", "time", "basis"):
        table.add_column(name, justify="right" if name in ("count", "time") else "left", overflow="fold")
    for line in plan.lines():
        table.add_row(line.name, str(line.count), in_words(line.seconds), str(line.basis))
    return table


def _total(plan: Plan, workers: int) -> str:
    """The time on the clock: one number, or a range where the basis is weak."""
    least = plan.seconds(workers, lambda estimate: estimate.least)
    greatest = plan.seconds(workers, lambda estimate: estimate.greatest)
    middle = in_words(plan.seconds(workers))
    if not least or greatest / least < NARROW**2:
        return middle
    return f"{middle} ({in_words(least)} to {in_words(greatest)})"


def in_words(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h"
