"""From finished run folders to the report: the one door through which the page and the tables get their numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.measure import names
from benchmark.measure.bootstrap import LEVEL, REPLICATES
from benchmark.measure.columns import METRICS
from benchmark.measure.conflict import conflict_sentence, distances, label_sentence
from benchmark.measure.estimates import curve, hyperparameters, row_metrics
from benchmark.measure.group_data import GroupData, groups_of
from benchmark.measure.judged import Judge
from benchmark.measure.linear import linear_weights
from benchmark.measure.paths import path
from benchmark.measure.report import EvalShift, Group, Report, Row, RowRole, Status
from benchmark.measure.run_data import SuiteRuns, load_runs
from benchmark.measure.side_by_side import side_by_side
from benchmark.measure.verdict import control_caveats, headline, inner_dpo, row_verdict, seed_caveats

TITLE = "Preference-shift robustness"
ORDER: dict[RowRole, int] = {"method": 0, "baseline": 1, "positive control": 2, "negative control": 3}


def build_report(run_folders: Sequence[Path], replicates: int = REPLICATES) -> Report:
    """Measure finished runs and merge them into one report.

    Args:
        run_folders: folders with cells, samples and results .parquet and environment.json.
        replicates: of the bootstrap.

    Raises:
        UserError: a folder is not a finished run, or runs of one suite do not fit together.
    """
    suites = load_runs(run_folders)
    data = [group for runs in suites for group in groups_of(runs)]
    return Report(
        title=TITLE,
        groups=tuple(_group(group, replicates) for group in data),
        suites={runs.suite: dict(runs.environments[0]["suite_facts"]) for runs in suites},
        provenance=tuple(environment for runs in suites for environment in runs.environments),
        settings=_settings(suites, data, replicates),
    )


def leaderboard_rows(report: Report) -> pd.DataFrame:
    """leaderboard.csv: one row per method and training shift, in the order of the page; missing numbers are NaN.

    Columns: who it is, then METRIC, METRIC_low and METRIC_high for every metric, then n (seeds), verdict, status and
    reason.
    """
    return pd.DataFrame([_flat(group, row) for group in report.groups for row in group.rows])


def _flat(group: Group, row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "suite": group.suite,
        "train_shift": group.train_shift,
        "method": row.method,
        "key": row.key,
        "hparams": json.dumps(row.hparams),
        "label": row.label,
        "role": row.role,
    }
    for metric in METRICS:
        told = row.metrics.get(metric.name)
        for suffix, value in (("", told and told.value), ("_low", told and told.low), ("_high", told and told.high)):
            flat[metric.name + suffix] = float("nan") if value is None else value
    return {**flat, "n": row.seeds_done, "verdict": row.verdict, "status": row.status, "reason": row.reason}


def _group(group: GroupData, replicates: int) -> Group:
    judge = Judge(group, replicates)
    keys = list(dict.fromkeys(group.cells["key"]))
    rows = _with_negative_controls([_row(judge, key) for key in keys])
    ordered = sorted(rows, key=_place)
    seeds = len(group.seeds)
    controls = control_caveats(ordered) if seeds > 1 else ()
    pairs = _pairs(group)
    shifts = _eval_shifts(group, pairs)
    return Group(
        suite=group.runs.suite,
        train_shift=str(group.cells["train_shift"].iloc[0]),
        train_label=names.shift_label(group.train),
        headline=headline(ordered, controls, seeds),
        conflict=conflict_sentence(shifts) + label_sentence(pairs, group.train, group.runs.objectives),
        caveats=(*controls, *seed_caveats(seeds)),
        eval_shifts=shifts,
        objectives=group.runs.objectives,
        rows=tuple(ordered),
        samples=side_by_side(group, [row.key for row in ordered if row.status == "done"]),
        linear=all(shift.position() is not None and linear_weights(shift) for shift in group.evaluated),
    )


def _place(row: Row) -> tuple[int, float]:
    over = row.metrics.get("over_envelope")
    return ORDER[row.role], -over.value if over and over.value is not None else float("inf")


def _row(judge: Judge, key: str) -> Row:
    group = judge.group
    cells = group.cells[group.cells["key"] == key]
    method, hparams = str(cells["method"].iloc[0]), hyperparameters(group, key)
    facts = names.method_facts(method)
    siblings = [json.loads(text) for text in group.cells.loc[group.cells["method"] == method, "hparams"]]
    role: RowRole = (
        "positive control" if facts.role == "control" else "baseline" if facts.role == "baseline" else "method"
    )
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
        command=_command(group, key),
    )
    return _replace(row, verdict=row_verdict(row))


def _command(group: GroupData, key: str) -> str:
    """Of the first run that holds the row's method and training shift."""
    train = str(group.cells["train_shift"].iloc[0])
    environment = next(e for e in group.runs.environments if train in e["eval_shifts"])
    seeds = group.cells.loc[group.cells["key"] == key, "seed"].unique()
    return names.rerun_command(str(environment.get("command", "")), key, train, list(seeds))


def _with_negative_controls(rows: list[Row]) -> list[Row]:
    """Plain DPO inside the sweep is a negative control, the default setting apart, which is the baseline."""
    default = names.method_facts("dpo").defaults.get("beta")
    inside = {row.key for row in inner_dpo(rows) if row.hparams["beta"] != default}
    return [_replace(row, role="negative control") if row.key in inside else row for row in rows]


def _replace(row: Row, **changes: Any) -> Row:
    return Row(**{**{name: getattr(row, name) for name in Row.__dataclass_fields__}, **changes})


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


def _pairs(group: GroupData) -> pd.DataFrame | None:
    """Training pairs of the group's shift, all seeds, with both sides' rewards."""
    pairs = group.runs.conflict
    return None if pairs is None else pairs[pairs["train_shift"] == group.cells["train_shift"].iloc[0]]


def _eval_shifts(group: GroupData, pairs: pd.DataFrame | None) -> tuple[EvalShift, ...]:
    measured = distances(pairs, group.train, group.evaluated, group.runs.objectives)
    return tuple(
        EvalShift(
            name=str(shift),
            label=names.point_label(shift),
            position=shift.position(),
            is_training=shift == group.train,
            agreement=far.agreement if far else None,
            target_gap=far.target_gap if far else None,
        )
        for shift, far in zip(group.evaluated, measured, strict=True)
    )


def _settings(suites: Sequence[SuiteRuns], groups: Sequence[GroupData], replicates: int) -> dict[str, str]:
    """How the numbers were made, in words."""
    prompts = sorted({len(group.test.prompt_ids) for group in groups})
    samples = sorted({group.test.kl.shape[-1] for group in groups})
    labels = dict.fromkeys(
        ", ".join(f"{key} {value}" for key, value in environment["labelling"].items())
        for runs in suites
        for environment in runs.environments
        if "labelling" in environment
    )
    told = {
        "Intervals": f"{LEVEL:.0%} percentile; seeds and prompts resampled together (crossed bootstrap), paired over "
        f"methods, {replicates:,} replicates",
        "Envelope": "mixtures of plain DPO over beta and checkpoints, with the reference; chosen on validation prompts "
        "and judged on test prompts, then the other way round, averaged; solved anew in every replicate",
        "Selection": "none: every setting is a row of its own, at its last checkpoint",
        "Test prompts": ", ".join(f"{count:,}" for count in prompts),
        "Samples per prompt": ", ".join(str(count) for count in samples),
        "Seeds": ", ".join(dict.fromkeys(str(len(group.seeds)) for group in groups)),
    }
    return {**told, "Labels": "; ".join(labels)} if labels else told
