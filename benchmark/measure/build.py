"""From finished run folders to the report: the one door through which the page and the tables get their numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.measure import names
from benchmark.measure.adversary import adversarial_curves
from benchmark.measure.bootstrap import LEVEL, REPLICATES
from benchmark.measure.claims import claim_table, group_findings, read_catalogue
from benchmark.measure.columns import METRICS
from benchmark.measure.comparisons import comparisons, ranks, words
from benchmark.measure.conflict import conflict_sentence, distances, label_sentence, objective_correlations
from benchmark.measure.diagnostics import collapse, diagnostics, recorded
from benchmark.measure.estimates import curve, hyperparameters, row_metrics
from benchmark.measure.group_data import GroupData, groups_of
from benchmark.measure.judged import Judge
from benchmark.measure.label_distance import labelling_of
from benchmark.measure.linear import linear_weights
from benchmark.measure.paths import path
from benchmark.measure.report import EvalShift, Group, Report, Row, RowRole, Status
from benchmark.measure.run_data import SuiteRuns, load_runs
from benchmark.measure.seeds_needed import seeds_needed
from benchmark.measure.selection import RULES, selection_caveats, selections
from benchmark.measure.side_by_side import side_by_side
from benchmark.measure.studies import flat_study_row, is_study_folder, load_studies
from benchmark.measure.training_curves import row_versions, training_curve
from benchmark.measure.variance import variance
from benchmark.measure.verdict import control_caveats, headline, inner_dpo, row_verdict, seed_caveats

TITLE = "Preference-shift robustness"
ORDER: dict[RowRole, int] = {"method": 0, "baseline": 1, "positive control": 2, "negative control": 3}


def build_report(run_folders: Sequence[Path], replicates: int = REPLICATES, allow_mixed: bool = False) -> Report:
    """Measure finished runs and merge them into one report.

    Args:
        run_folders: folders with cells, samples and results .parquet and environment.json.
        replicates: of the bootstrap.
        allow_mixed: merge runs of one suite that were not made alike, and name their differences as caveats.

    Raises:
        UserError: a folder is not a finished run, or runs of one suite do not fit together.
    """
    analytic = [folder for folder in run_folders if is_study_folder(folder)]
    texts = [folder for folder in run_folders if folder not in analytic]
    suites = load_runs(texts, allow_mixed) if texts or not analytic else []
    studies = load_studies(analytic, allow_mixed)
    data = [group for runs in suites for group in groups_of(runs)]
    catalogue = read_catalogue()
    groups, checked = [], []
    for group in data:
        judge = Judge(group, replicates)
        groups.append(_group(judge))
        checked.append(group_findings(judge, catalogue))
    return Report(
        title=TITLE,
        groups=tuple(groups),
        suites={runs.suite: dict(runs.environments[0]["suite_facts"]) for runs in suites},
        provenance=(
            *(environment for runs in suites for environment in runs.environments),
            *(environment for runs in studies for environment in runs.environments),
        ),
        settings=_settings(suites, data, replicates) if suites else {},
        studies=tuple(runs.report() for runs in studies),
        claims=claim_table(catalogue, checked, studies),
    )


def leaderboard_rows(report: Report) -> pd.DataFrame:
    """leaderboard.csv: one row per method and training shift, in the order of the page; missing numbers are NaN.

    Columns: who it is, its rank, then METRIC, METRIC_low and METRIC_high for every metric and for difference_to_dpo,
    whose verdict and corrected p follow, then n (seeds), verdict, status and reason.
    """
    rows = [_flat(group, row) for group in report.groups for row in group.rows]
    rows += [flat_study_row(study.suite, row) for study in report.studies for row in study.rows]
    table = pd.DataFrame(rows)
    return table.astype({"rank": "Int64"}) if "rank" in table else table


def _flat(group: Group, row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "suite": group.suite,
        "train_shift": group.train_shift,
        "method": row.method,
        "key": row.key,
        "hparams": json.dumps(row.hparams),
        "label": row.label,
        "role": row.role,
        "rank": float("nan") if row.rank is None else row.rank,
    }
    numbers = {metric.name: row.metrics.get(metric.name) for metric in METRICS}
    numbers["difference_to_dpo"] = row.comparison.difference if row.comparison else None
    for name, told in numbers.items():
        for suffix, value in (("", told and told.value), ("_low", told and told.low), ("_high", told and told.high)):
            flat[name + suffix] = float("nan") if value is None else value
    flat["verdict_to_dpo"] = row.comparison.verdict if row.comparison else ""
    holm = row.comparison.p_holm if row.comparison else None
    flat["p_holm_to_dpo"] = float("nan") if holm is None else holm
    return {**flat, "n": row.seeds_done, "verdict": row.verdict, "status": row.status, "reason": row.reason}


def _group(judge: Judge) -> Group:
    group = judge.group
    keys = list(dict.fromkeys(group.cells["key"]))
    table = recorded(group)
    rows = _with_negative_controls([_row(judge, table, key) for key in keys])
    ordered = _compared(judge, sorted(rows, key=_place))
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
        caveats=(*controls, *group.runs.caveats, *seed_caveats(seeds), *selection_caveats(group, ordered)),
        eval_shifts=shifts,
        objectives=group.runs.objectives,
        rows=tuple(ordered),
        samples=side_by_side(group, [row.key for row in ordered if row.status == "done"]),
        linear=all(shift.position() is not None and linear_weights(shift) for shift in group.evaluated),
        selections=selections(judge),
        seeds_needed=seeds_needed(judge, ordered),
    )


def _compared(judge: Judge, rows: list[Row]) -> list[Row]:
    """With what can be said of a row beside the others."""
    against, placed = comparisons(judge, [row.key for row in rows]), ranks(judge, rows)
    return [
        _replace(
            row,
            rank=placed.get(row.key),
            comparison=against.get(row.key),
            variance=variance(judge.group, row.key),
            verdict=row.verdict + (words(against.get(row.key)) if row.role == "method" else ""),
        )
        for row in rows
    ]


def _place(row: Row) -> tuple[int, float]:
    over = row.metrics.get("over_envelope")
    return ORDER[row.role], -over.value if over and over.value is not None else float("inf")


def _row(judge: Judge, table: pd.DataFrame, key: str) -> Row:
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
    return _replace(row, verdict=row_verdict(row))


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
    labelling = labelling_of(group.runs.environments, str(group.cells["train_shift"].iloc[0]))
    measured = distances(pairs, group.train, group.evaluated, group.runs.objectives, labelling)
    return tuple(
        EvalShift(
            name=str(shift),
            label=names.point_label(shift),
            position=shift.position(),
            is_training=shift == group.train,
            agreement=far.agreement if far else None,
            target_gap=far.target_gap if far else None,
            correlation=far.correlation if far else None,
            flip_rate=far.flip_rate if far else None,
            label_kl=far.label_kl if far else None,
            label_w1=far.label_w1 if far else None,
            label_note=far.note if far else "the run has no reference pairs",
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
    correlated = {runs.suite: objective_correlations(runs.conflict, runs.objectives) for runs in suites}
    told = {
        "Intervals": f"{LEVEL:.0%}; seeds, prompts, and both resampled (crossed bootstrap), paired over methods, "
        f"{replicates:,} replicates; Student's t where seeds make the spread",
        "Against plain DPO": f"worst case, paired; p corrected for all rows of a table (Holm), {1 - LEVEL:.0%} level. "
        "Ranks are of over_envelope: 1 + rows that are better by more than the interval of the difference",
        "Envelope": "mixtures of plain DPO over beta and checkpoints, with the reference; chosen on validation prompts "
        "and judged on test prompts, then the other way round, averaged; solved anew in every replicate",
        "Selection": "in the table none: every setting is a row of its own, at its last checkpoint. Under a rule: among "
        "all settings and checkpoints of a method, on validation prompts, anew in every replicate; judged on test "
        "prompts. " + ". ".join(f"{rule.name}: {rule.summary}" for rule in RULES.values()),
        "Test prompts": ", ".join(f"{count:,}" for count in prompts),
        "Samples per prompt": ", ".join(str(count) for count in samples),
        "Seeds": ", ".join(dict.fromkeys(str(len(group.seeds)) for group in groups)),
    }
    merged = [f"{runs.suite}: {len(runs.folders)} runs; {runs.repeats}" for runs in suites if len(runs.folders) > 1]
    if merged:
        told["Merged runs"] = "; ".join(merged)
    if labels:
        told["Labels"] = "; ".join(labels)
    if any(correlated.values()):
        told["Correlation of objectives"] = "; ".join(f"{suite}: {line}" for suite, line in correlated.items() if line)
    return told
