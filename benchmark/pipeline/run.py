"""One run of any kind of suite: what is missing of the matrix is made, the tables are written, the page is built."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core.folders import alone_in, replacing
from benchmark.core.graph import Stage
from benchmark.core.processes import terminated_like_interrupted
from benchmark.core.room import watching_room
from benchmark.core.store import Store
from benchmark.measure.runs.record import ENVIRONMENT
from benchmark.pipeline.config import RunConfig
from benchmark.pipeline.environment import (
    earlier_cells,
    environment_of,
    finished,
    read_environment,
    signature_of,
    up_to_date,
    write_environment,
)
from benchmark.pipeline.execute.base import Executor, Outcome
from benchmark.pipeline.kind import PAGE, TABLE, SuiteKind
from benchmark.pipeline.kinds import kind_of
from benchmark.pipeline.limits import stage_limit
from benchmark.pipeline.matrix import Cell, Matrix
from benchmark.pipeline.numerics import Numerics, check_numerics, worker_environment
from benchmark.pipeline.options import RunOptions
from benchmark.pipeline.references import refer
from benchmark.pipeline.registered import changed_code, check_registered
from benchmark.pipeline.soundness import stages_to_run

REGISTERS_STAGES = ("benchmark.pipeline.kinds",)  # modules that a worker imports before its first stage


def prepare(config: RunConfig, options: RunOptions) -> Matrix[Any, Any, Any]:
    """The matrix of the configuration together with the cells that `out` holds already.

    Raises:
        UserError: `out` holds a run with other settings, a name in the configuration is wrong, a plug-in of the earlier
            run is not there, or the machine lacks what the settings ask for.
    """
    kind = kind_of(config.suite_name)
    check_numerics(config.numerics)
    kind.check(config)  # a wrong setting is named as such, before it differs from an earlier run's
    earlier = earlier_cells(config, options)
    check_registered(options.out, options.plugins)
    return kind.build(config, options.backend, earlier)


def execute(config: RunConfig, options: RunOptions, matrix: Matrix[Any, Any, Any]) -> bool:
    """Run what is missing, write all files of the run, return whether every cell is done or skipped by rule.

    Raises:
        UserError: `out` or the store cannot be written, or another process writes into `out`.
        NoRoom: `out` or the store is full; the files of an earlier run stay as they are.
        KeyboardInterrupt: the run was interrupted; the files hold what was finished by then.
    """
    with watching_room(options.out), alone_in(options.out, "--out"), terminated_like_interrupted():
        return _execute(config, options, matrix)


def _execute(config: RunConfig, options: RunOptions, matrix: Matrix[Any, Any, Any]) -> bool:
    from benchmark.pipeline.display import console, print_summary

    kind = kind_of(config.suite_name)
    store = Store(options.store)
    store.sweep()
    if changed := changed_code(options.out):
        console.print(f"changed since the last run on this folder: {', '.join(changed)}; their cells are made again.")
    if not (read_environment(options.out) or {}).get("signature"):  # so that the folder is known, should this one stop
        write_environment(options.out, environment_of(kind, config, options, matrix))
    refer(store.root, options.out, matrix)
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    stages, mended = stages_to_run(matrix, store, say)
    outcome = run_stages(stages, options, store, config)
    signature = signature_of(matrix, outcome)
    environment = {**environment_of(kind, config, options, matrix), "signature": signature}
    if not mended and up_to_date(options.out, signature, kind.files):
        write_environment(options.out, finished(environment, options.out, kind.files))
    elif outcome.interrupted and not any(_done(cell, store) for cell in matrix.cells):
        raise KeyboardInterrupt
    else:
        _write_files(kind, options.out, matrix, outcome, store, environment)
    table = pd.read_csv(options.out / TABLE, keep_default_na=True, dtype={"reason": str})
    print_summary(table, kind.arena, kind.columns(table), kind.sentences(options.out))
    console.print(f"leaderboard: {(options.out / PAGE).resolve()}", highlight=False, soft_wrap=True)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return not outcome.failed


def run_stages(stages: Sequence[Stage], options: RunOptions, store: Store, config: RunConfig) -> Outcome:
    """Run stages, inputs before those that need them."""
    from benchmark.pipeline.display import Display

    if not stages:
        return Outcome()
    with Display(stages) as display:
        executor = _executor(options, config.numerics)
        return executor.execute(stages, display, stage_limit(config.execution, store))


def _executor(options: RunOptions, numerics: Numerics) -> Executor:
    from benchmark.pipeline.execute.local import LocalExecutor, default_workers
    from benchmark.pipeline.execute.worker import WorkerSetup

    setup = WorkerSetup(
        store=options.store,
        plugins=options.plugins,
        threads=1,
        environment=worker_environment(numerics),
        log=options.out / "logs" / "worker.log",
        modules=REGISTERS_STAGES,
    )
    if options.executor == "local":
        return LocalExecutor(setup, options.workers or default_workers())
    from benchmark.pipeline.execute.on_ray import RayExecutor

    return RayExecutor(setup, options.workers, options.needs, options.ray_address)


def _done(cell: Cell[Any, Any], store: Store) -> bool:
    return cell.result is not None and cell.result.done(store)


def _write_files(
    kind: SuiteKind[Any],
    out: Path,
    matrix: Matrix[Any, Any, Any],
    outcome: Outcome,
    store: Store,
    environment: dict[str, Any],
) -> None:
    """Write all files of the run beside those of an earlier one, then put them in their place together."""
    from rich.progress import Progress

    from benchmark.pipeline.display import console

    with (
        replacing(out, (*kind.files, ENVIRONMENT)) as folder,
        Progress(console=console, disable=not console.is_terminal, transient=True) as bar,
    ):
        task = bar.add_task("collecting", total=len(matrix.cells))

        def collected(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        kind.write_tables(matrix, outcome, store, folder, collected)
        bar.update(task, description="measuring", total=None)
        write_environment(folder, environment)
        write_page([folder], (folder / PAGE).parent, folder / TABLE)
        write_environment(folder, finished(environment, folder, kind.files))


def write_page(runs: Sequence[Path], site: Path, table: Path, allow_mixed: bool = False) -> Path:
    """Measure finished runs, write the page into `site` and its main table to `table`; returns the page's path."""
    from benchmark.measure.build import build_report
    from benchmark.report.flat import leaderboard_rows
    from leaderboard import write_site

    report = build_report(list(runs), allow_mixed=allow_mixed)
    leaderboard_rows(report).to_csv(table, index=False)
    return write_site(report, site)
