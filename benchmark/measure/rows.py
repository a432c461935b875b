"""One row of the table: a method with its hyper-parameters on one training shift, measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd

from benchmark.measure.controls.ceiling import ReferenceBins, feasible_lift
from benchmark.measure.controls.judged import inner_dpo
from benchmark.measure.panels.adversary import adversarial_curves
from benchmark.measure.panels.diagnostics import collapse, diagnostics
from benchmark.measure.panels.lm_eval import mean_score, task_scores
from benchmark.measure.panels.training_curves import row_versions, training_curve
from benchmark.measure.panels.trajectory import trajectory
from benchmark.measure.runs import names
from benchmark.measure.runs.arenas import ArenaData
from benchmark.measure.table.comparer import Comparer
from benchmark.measure.table.estimates import curve, hyperparameters, row_metrics
from benchmark.report import Absent, Estimate, Row, RowRole, Status, missing
from benchmark.report.rows import HEADLINE


def measured_row(comparer: Comparer, table: pd.DataFrame, key: str, bins: ReferenceBins | None) -> Row:
    """Everything about one row that needs no other row.

    Args:
        comparer: of the row's arena.
        table: what the run recorded along training (`diagnostics.recorded`).
        key: the call that makes the method.
        bins: of the reference's completions.
    """
    arena = comparer.arena
    cells = arena.cells[arena.cells["key"] == key]
    method, hparams = str(cells["method"].iloc[0]), hyperparameters(arena, key)
    facts = names.method_facts(method)
    siblings = [json.loads(text) for text in arena.cells.loc[arena.cells["method"] == method, "hparams"]]
    role, status, metrics = _role(arena, facts), _status(cells), row_metrics(comparer, key)
    if metrics:
        metrics["gated_feasible_lift"] = _feasible_lift(comparer, key, bins, metrics)
        metrics["lm_eval"] = mean_score(arena, key)
    return Row(
        key=key,
        method=method,
        hparams=hparams,
        label=names.method_label(facts, hparams, siblings),
        role=role,
        robust=role == "method",
        summary=facts.summary,
        paper=facts.paper,
        status=status,
        reason=_reason(arena, cells),
        seeds_done=len(arena.seed_rows(key)),
        seeds_planned=len(cells),
        metrics=metrics,
        broken=_broken(cells),
        curve=curve(comparer, key),
        trajectory=trajectory(arena, key),
        adversarial=adversarial_curves(comparer, key),
        diagnostics=diagnostics(arena, table, key),
        collapse=collapse(arena, table, key),
        training=training_curve(arena, key),
        tasks=task_scores(arena, key),
        versions=row_versions(arena, key),
        command=_command(arena, key),
        runs=tuple(sorted({int(run) + arena.runs.first_run for run in cells["run"]})),
    )


def _feasible_lift(
    comparer: Comparer, key: str, bins: ReferenceBins | None, metrics: Mapping[str, Estimate]
) -> Estimate:
    side = comparer.against(key)
    if isinstance(side, Absent):
        return missing(side)
    halves = comparer.halves([comparer.arena.trajectory(key)[-1]], side.seed_rows)
    return feasible_lift(bins, halves, metrics[HEADLINE])


def _role(arena: ArenaData, facts: names.MethodFacts) -> RowRole:
    """A method that was told who labelled what is a positive control where annotators disagree by group."""
    if facts.role == "control" or (facts.knows_annotators and len(arena.train.annotators()) > 1):
        return "positive control"
    return "baseline" if facts.role == "baseline" else "method"


def _command(arena: ArenaData, key: str) -> str:
    """Of the first run that the row comes from."""
    train = str(arena.cells["train_shift"].iloc[0])
    environment = arena.runs.environments[arena.cells.loc[arena.cells["key"] == key, "run"].min()]
    numbers = arena.cells.loc[arena.cells["key"] == key, "seed"].unique()
    seeds = sorted({arena.runs.draw(int(number)).seed for number in numbers})
    return names.rerun_command(str(environment.get("command", "")), key, train, seeds)


def with_negative_controls(rows: list[Row]) -> list[Row]:
    """Plain DPO inside the sweep is a negative control, the default setting apart, which is the baseline."""
    default = names.method_facts("dpo").defaults.get("beta")
    inside = {row.key for row in inner_dpo(rows) if row.hparams["beta"] != default}
    return [replace(row, role="negative control") if row.key in inside else row for row in rows]


def _broken(cells: pd.DataFrame) -> tuple[str, ...]:
    """Checks of the contract that the method failed in any run."""
    recorded: Iterable[object] = cells.get("broken_checks", [])
    failed = [name for text in recorded if isinstance(text, str) and text for name in json.loads(text)]
    return tuple(dict.fromkeys(failed))


def _status(cells: pd.DataFrame) -> Status:
    """done where any seed is, else failed where any failed, else skipped."""
    statuses = set(cells["status"])
    return "done" if "done" in statuses else "failed" if "failed" in statuses else "skipped"


def _reason(arena: ArenaData, cells: pd.DataFrame) -> str:
    """Why seeds are missing: each reason once, with its seeds where they are not all."""
    missing = cells[cells["status"] != "done"]
    reasons = []
    for (status, reason), same in missing.groupby(["status", "reason"], sort=False):
        seeds = ", ".join(arena.runs.draw(int(seed)).name for seed in sorted(same["seed"]))
        reasons.append(str(reason) if len(same) == len(cells) else f"seed {seeds} {status}: {reason}")
    return "; ".join(reasons)
