"""One row of the table: a method with its hyper-parameters on one training shift, measured."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd

from benchmark.measure.panels.adversary import adversarial_curves
from benchmark.measure.panels.diagnostics import collapse, diagnostics
from benchmark.measure.panels.training_curves import row_versions, training_curve
from benchmark.measure.panels.trajectory import path
from benchmark.measure.runs import names
from benchmark.measure.runs.groups import GroupData
from benchmark.measure.table.comparer import Judge
from benchmark.measure.table.estimates import curve, hyperparameters, row_metrics
from benchmark.measure.table.verdict import inner_dpo, row_verdict
from benchmark.report.types import Row, RowRole, Status


def measured_row(judge: Judge, table: pd.DataFrame, key: str) -> Row:
    """Everything about one row that needs no other row.

    Args:
        judge: of the row's group.
        table: what the run recorded along training (`diagnostics.recorded`).
        key: the call that makes the method.
    """
    group = judge.group
    cells = group.cells[group.cells["key"] == key]
    method, hparams = str(cells["method"].iloc[0]), hyperparameters(group, key)
    facts = names.method_facts(method)
    siblings = [json.loads(text) for text in group.cells.loc[group.cells["method"] == method, "hparams"]]
    role = _role(group, facts)
    row = Row(
        key=key,
        method=method,
        hparams=hparams,
        label=names.method_label(facts, hparams, siblings),
        role=role,
        robust=role == "method",
        summary=facts.summary,
        paper=facts.paper,
        status=_status(cells),
        reason=_reason(cells),
        seeds_done=len(group.seeds_of(key)),
        seeds_planned=len(cells),
        metrics=row_metrics(judge, key),
        curve=curve(judge, key),
        path=path(group, key),
        adversarial=adversarial_curves(judge, key),
        diagnostics=diagnostics(group, table, key),
        collapse=collapse(group, table, key),
        training=training_curve(group, key),
        versions=row_versions(group, key),
        command=_command(group, key),
        runs=tuple(sorted({int(place) + group.runs.first_run for place in cells["run"]})),
    )
    return replace(row, verdict=row_verdict(row))


def _role(group: GroupData, facts: names.MethodFacts) -> RowRole:
    """A method that was told who labelled what is a positive control where annotators disagree by group."""
    if facts.role == "control" or (facts.knows_annotators and len(group.train.annotators()) > 1):
        return "positive control"
    return "baseline" if facts.role == "baseline" else "method"


def _command(group: GroupData, key: str) -> str:
    """Of the first run that the row comes from."""
    train = str(group.cells["train_shift"].iloc[0])
    environment = group.runs.environments[group.cells.loc[group.cells["key"] == key, "run"].min()]
    seeds = group.cells.loc[group.cells["key"] == key, "seed"].unique()
    return names.rerun_command(str(environment.get("command", "")), key, train, list(seeds))


def with_negative_controls(rows: list[Row]) -> list[Row]:
    """Plain DPO inside the sweep is a negative control, the default setting apart, which is the baseline."""
    default = names.method_facts("dpo").defaults.get("beta")
    inside = {row.key for row in inner_dpo(rows) if row.hparams["beta"] != default}
    return [replace(row, role="negative control") if row.key in inside else row for row in rows]


def _status(cells: pd.DataFrame) -> Status:
    """done where any seed is, else failed where any failed, else skipped."""
    found = set(cells["status"])
    return "done" if "done" in found else "failed" if "failed" in found else "skipped"


def _reason(cells: pd.DataFrame) -> str:
    """Why seeds are missing: each reason once, with its seeds where they are not all."""
    missing = cells[cells["status"] != "done"]
    told = []
    for (status, reason), same in missing.groupby(["status", "reason"], sort=False):
        seeds = ", ".join(str(seed) for seed in sorted(same["seed"]))
        told.append(str(reason) if len(same) == len(cells) else f"seed {seeds} {status}: {reason}")
    return "; ".join(told)
