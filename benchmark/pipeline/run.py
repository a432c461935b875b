"""One run of any kind of suite: what is missing of the matrix is made, the tables are written, the page is built."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core.folders import make_folder
from benchmark.core.graph import missing_stages
from benchmark.core.store import Store
from benchmark.pipeline.config import RunConfig
from benchmark.pipeline.environment import earlier_cells, signature_of, up_to_date, write_environment
from benchmark.pipeline.execute.base import Executor, Outcome
from benchmark.pipeline.kind import PAGE, TABLE, SuiteKind
from benchmark.pipeline.kinds import kind_of
from benchmark.pipeline.matrix import Matrix
from benchmark.pipeline.numerics import Numerics, check_numerics, worker_environment
from benchmark.pipeline.options import RunOptions
from benchmark.pipeline.registered import changed_code, check_registered

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
        UserError: `out` or the store cannot be written.
    """
    from benchmark.pipeline.display import console, print_summary

    kind = kind_of(config.suite_name)
    make_folder(options.out, "--out")
    store = Store(options.store)
    store.sweep()
    if changed := changed_code(options.out):
        console.print(f"changed since the last run on this folder: {', '.join(changed)}; their cells are made again.")
    write_environment(kind, config, options, matrix)
    outcome = run_missing(matrix, options, store, config.numerics)
    signature = signature_of(matrix, outcome)
    if not up_to_date(options.out, signature, kind.files):
        _write_results(kind, options, matrix, outcome, store)
        write_environment(kind, config, options, matrix, signature)
    table = pd.read_csv(options.out / TABLE, keep_default_na=True, dtype={"reason": str})
    print_summary(table, kind.arena, kind.columns(table), kind.sentences(options.out))
    console.print(f"leaderboard: {(options.out / PAGE).resolve()}", highlight=False, soft_wrap=True)
    return not outcome.failed


def run_missing(matrix: Matrix[Any, Any, Any], options: RunOptions, store: Store, numerics: Numerics) -> Outcome:
    """Run the stages of the matrix that are not in the store, and what they are made from."""
    from benchmark.pipeline.display import Display

    stages = missing_stages(matrix.stages(), store)
    if not stages:
        return Outcome()
    with Display(stages) as display:
        return _executor(options, min(options.workers, len(stages)), numerics).execute(stages, display)


def _executor(options: RunOptions, workers: int, numerics: Numerics) -> Executor:
    from benchmark.pipeline.execute.local import LocalExecutor
    from benchmark.pipeline.execute.worker import WorkerSetup

    setup = WorkerSetup(
        store=options.store,
        plugins=options.plugins,
        threads=1,
        environment=worker_environment(numerics),
        log=options.out / "logs" / "worker.log",
        modules=REGISTERS_STAGES,
    )
    return LocalExecutor(setup, workers)


def _write_results(
    kind: SuiteKind[Any], options: RunOptions, matrix: Matrix[Any, Any, Any], outcome: Outcome, store: Store
) -> None:
    from rich.progress import Progress

    from benchmark.pipeline.display import console

    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("collecting", total=len(matrix.cells))

        def collected(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        kind.write_tables(matrix, outcome, store, options.out, collected)
        bar.update(task, description="measuring", total=None)
        write_page([options.out], (options.out / PAGE).parent, options.out / TABLE)


def write_page(runs: Sequence[Path], site: Path, table: Path, allow_mixed: bool = False) -> Path:
    """Measure finished runs, write the page into `site` and its main table to `table`; returns the page's path."""
    from benchmark.measure.build import build_report
    from benchmark.report.flat import leaderboard_rows
    from leaderboard import write_site

    report = build_report(list(runs), allow_mixed=allow_mixed)
    leaderboard_rows(report).to_csv(table, index=False)
    return write_site(report, site)
