"""From finished run folders to the report: the one door through which the page and the tables get their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmark.measure.analytic.runs import is_study_folder, load_studies
from benchmark.measure.claims import claim_table, group_findings, read_catalogue
from benchmark.measure.panels.conflict import conflict_sentence, distances, label_sentence
from benchmark.measure.panels.diagnostics import recorded
from benchmark.measure.panels.label_distance import labelling_of
from benchmark.measure.panels.side_by_side import side_by_side
from benchmark.measure.records.linear import linear_weights
from benchmark.measure.rows import measured_row, with_negative_controls
from benchmark.measure.runs import names
from benchmark.measure.runs.groups import GroupData, groups_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.selection import selection_caveats, selections
from benchmark.measure.settings import settings_in_words
from benchmark.measure.statistics.bootstrap import REPLICATES
from benchmark.measure.table.comparer import Judge
from benchmark.measure.table.comparisons import comparisons, ranks, words
from benchmark.measure.table.seeds_needed import seeds_needed
from benchmark.measure.table.variance import variance
from benchmark.measure.table.verdict import control_caveats, headline, seed_caveats
from benchmark.report.types import EvalShift, Group, Report, Row, RowRole

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
        settings=settings_in_words(suites, data, replicates) if suites else {},
        studies=tuple(runs.report() for runs in studies),
        claims=claim_table(catalogue, checked, studies),
    )


def _group(judge: Judge) -> Group:
    group = judge.group
    keys = list(dict.fromkeys(group.cells["key"]))
    table = recorded(group)
    rows = with_negative_controls([measured_row(judge, table, key) for key in keys])
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
        replace(
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
