"""One run: what is missing of the matrix is made, the tables are written, the page is built."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core.errors import UserError
from benchmark.core.graph import missing_stages
from benchmark.core.resources import gpu_count
from benchmark.core.store import Store
from benchmark.pipeline.analytic.matrix import StudyMatrix
from benchmark.pipeline.config import RunConfig, StudyConfig
from benchmark.pipeline.execute.base import Outcome
from benchmark.pipeline.matrix import Matrix, build_matrix
from benchmark.pipeline.provenance import code_versions, provenance

ENVIRONMENT = "environment.json"
GROWS = {"methods", "train_shifts", "extra", "eval_shifts", "seeds"}  # what a later run on the same folder may add to
FILES = ("cells.parquet", "samples.parquet", "results.parquet", "leaderboard.csv", "site/index.html")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class RunOptions:
    """Where and how to run; nothing here changes a number, except that `backend` is recorded with each."""

    out: Path
    store: Path
    backend: str
    workers: int
    plugins: tuple[Path, ...] = ()
    contributor: str = ""  # who ran it, where they want to be named


def prepare(config: RunConfig, options: RunOptions) -> Matrix:
    """The matrix of the configuration together with the cells that `out` holds already.

    Raises:
        UserError: `out` holds a run with other settings, a name in the configuration is wrong, or the machine lacks
            what the settings ask for.
    """
    if config.training.bf16 and gpu_count() == 0:
        raise UserError("training.bf16=true needs a GPU, and none is visible here.")
    config.make_suite()  # a wrong setting is named as such, before it differs from an earlier run's
    return build_matrix(config, options.backend, earlier_cells(config, options))


def execute(config: RunConfig, options: RunOptions, matrix: Matrix) -> bool:
    """Run what is missing, write all files of the run, return whether every cell is done or skipped by rule."""
    from benchmark.pipeline.display import console, print_summary

    store = Store(options.store)
    store.sweep()
    options.out.mkdir(parents=True, exist_ok=True)
    _write_environment(config, options, matrix, signature="")
    outcome = run_missing(matrix, options, store)
    if not up_to_date(options.out, signature_of(matrix, outcome), FILES):
        _write_results(config, options, matrix, outcome, store)
    print_summary(pd.read_csv(options.out / "leaderboard.csv", keep_default_na=True, dtype={"reason": str}))
    console.print(f"leaderboard: {(options.out / 'site' / 'index.html').resolve()}", highlight=False, soft_wrap=True)
    return not outcome.failed


def run_missing(matrix: Matrix | StudyMatrix, options: RunOptions, store: Store) -> Outcome:
    """Run the stages of the matrix that are not in the store, and what they are made from."""
    from benchmark.pipeline.display import Display

    stages = missing_stages(matrix.stages(), store)
    if not stages:
        return Outcome()
    with Display(stages) as display:
        outcome: Outcome = _executor(options, min(options.workers, len(stages))).execute(stages, display)
    return outcome


def _executor(options: RunOptions, workers: int) -> Any:
    from benchmark.pipeline.execute.local import LocalExecutor
    from benchmark.pipeline.execute.worker import WorkerSetup

    for variable in THREAD_VARIABLES:  # read once, when numpy and torch are first imported in a worker
        os.environ[variable] = "1"
    return LocalExecutor(
        WorkerSetup(options.store, options.plugins, threads=1, environment={}, log=options.out / "logs" / "worker.log"),
        workers,
    )


def _write_results(config: RunConfig, options: RunOptions, matrix: Matrix, outcome: Outcome, store: Store) -> None:
    from rich.progress import Progress

    from benchmark.pipeline.collect import collect
    from benchmark.pipeline.display import console

    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("collecting", total=len(matrix.cells))
        collect(matrix, outcome, store, options.out, lambda done, total: bar.update(task, completed=done))
        bar.update(task, description="measuring", total=None)
        write_page([options.out], options.out / "site", options.out / "leaderboard.csv")
    _write_environment(config, options, matrix, signature_of(matrix, outcome))


def write_page(runs: Sequence[Path], site: Path, table: Path, allow_mixed: bool = False) -> Path:
    """Measure finished runs, write the page into `site` and its main table to `table`; returns the page's path."""
    from benchmark.measure.build import build_report
    from benchmark.report.flat import leaderboard_rows
    from leaderboard import write_site

    report = build_report(list(runs), allow_mixed=allow_mixed)
    leaderboard_rows(report).to_csv(table, index=False)
    return write_site(report, site)


def read_environment(out: Path) -> dict[str, Any] | None:
    """What is recorded about the run in `out`, or None where there is none."""
    file = out / ENVIRONMENT
    return json.loads(file.read_text()) if file.is_file() else None


def earlier_cells(config: RunConfig | StudyConfig, options: RunOptions) -> list[tuple[str, str, int]]:
    """(method, training shift, seed) of the cells that `out` holds already.

    Raises:
        UserError: it holds a run with other settings.
    """
    earlier = read_environment(options.out)
    if earlier is None:
        return []
    now = fixed_settings(config, options.backend)
    different = [key for key in now if earlier["config"].get(key) != now[key]]
    if different:
        details = "; ".join(f"{key}: {earlier['config'].get(key)!r} there, {now[key]!r} here" for key in different)
        raise UserError(
            f"{str(options.out)!r} holds a run with other settings ({details}). Choose another --out. "
            "On the same one, only methods, shifts and seeds can be added."
        )
    return [(cell["method"], cell["train_shift"], cell["seed"]) for cell in earlier["cells"]]


def fixed_settings(config: RunConfig | StudyConfig, backend: str) -> dict[str, Any]:
    """What must not change between two runs on the same folder."""
    return json.loads(json.dumps({**config.model_dump(exclude=GROWS), "backend": backend}))  # type: ignore[no-any-return]


def _write_environment(config: RunConfig, options: RunOptions, matrix: Matrix, signature: str) -> None:
    suite = matrix.suite
    earlier = read_environment(options.out) or {}
    environment = {
        **provenance(),
        "commands": list(dict.fromkeys([*earlier.get("commands", []), provenance()["command"]])),
        "suite": suite.name,
        "preset": config.preset,
        "suite_facts": suite.describe(),
        "objectives": list(suite.objectives),
        "reward_ranges": suite.reward_ranges(),
        "eval_shifts": {str(shift): [str(p) for p in points] for shift, points in matrix.evaluation.items()},
        "seeds": sorted({cell.seed for cell in matrix.cells}),
        "plugins": [str(plugin) for plugin in options.plugins],
        "contributor": options.contributor or earlier.get("contributor", ""),
        "code": code_versions({type(plugin) for cell in matrix.cells for plugin in (cell.method, cell.train_shift)}),
        "labelling": config.labels.model_dump(),
        "config": fixed_settings(config, options.backend),
        "cells": [{"method": str(c.method), "train_shift": str(c.train_shift), "seed": c.seed} for c in matrix.cells],
        "signature": signature or earlier.get("signature", ""),
    }
    save_environment(options.out, environment)


def save_environment(out: Path, environment: dict[str, Any]) -> None:
    """Write environment.json, as a whole or not at all."""
    partial = out / f"{ENVIRONMENT}.partial"
    partial.write_text(json.dumps(environment, indent=1))
    partial.rename(out / ENVIRONMENT)


def signature_of(matrix: Matrix | StudyMatrix, outcome: Outcome) -> str:
    """Changes when a cell, its state, an evaluation shift or the code of the measurement or the page does."""
    digest = hashlib.sha256()
    for cell in matrix.cells:
        digest.update(f"{cell.cell_id} {cell.skipped}".encode())
    for key, reason in sorted(outcome.failed.items()):
        digest.update(f"{key} {reason}".encode())
    digest.update(str([[str(s), *map(str, points)] for s, points in matrix.evaluation.items()]).encode())
    root = Path(__file__).resolve().parents[2]
    for folder in ("benchmark/measure", "benchmark/report", "benchmark/studies", "leaderboard", "shifts"):
        for file in sorted((root / folder).rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.read_bytes())
    return digest.hexdigest()


def up_to_date(out: Path, signature: str, files: Sequence[str]) -> bool:
    """Whether `out` holds all the files, made from what the signature stands for."""
    environment = read_environment(out) or {}
    return environment.get("signature") == signature and all((out / file).is_file() for file in files)
