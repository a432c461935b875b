"""From finished run folders to the report: the one door through which the page and the tables get their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from benchmark.measure.analytic.runs import is_study_folder, load_studies
from benchmark.measure.claims import arena_findings, claim_table, read_catalogue
from benchmark.measure.panels.conflict import Distance, conflict, distances, label_agreement
from benchmark.measure.panels.diagnostics import collapse_caveats, recorded
from benchmark.measure.panels.label_distance import labelling_of
from benchmark.measure.panels.side_by_side import side_by_side
from benchmark.measure.records.linear import linear_weights
from benchmark.measure.rows import measured_row, with_negative_controls
from benchmark.measure.runs import names
from benchmark.measure.runs.arenas import ArenaData, arenas_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.selection import selection_caveats, selections
from benchmark.measure.settings import settings_of
from benchmark.measure.statistics.bootstrap import REPLICATES
from benchmark.measure.table.comparer import Comparer
from benchmark.measure.table.comparisons import comparisons, ranks
from benchmark.measure.table.seeds_needed import seeds_needed
from benchmark.measure.table.variance import variance
from benchmark.measure.table.verdict import control_caveats, seed_caveats
from benchmark.report import Absent, Arena, EvalShift, Report, Row, RowRole
from benchmark.report.rows import HEADLINE
from shifts.base import Shift

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
    data = [arena for runs in suites for arena in arenas_of(runs)]
    catalogue = read_catalogue()
    arenas, findings = [], []
    for arena in data:
        comparer = Comparer(arena, replicates)
        arenas.append(_arena(comparer))
        findings.append(arena_findings(comparer, catalogue))
    return Report(
        title=TITLE,
        arenas=tuple(arenas),
        suites={runs.suite: dict(runs.environments[0]["suite_facts"]) for runs in suites},
        provenance=(
            *(environment for runs in suites for environment in runs.environments),
            *(environment for runs in studies for environment in runs.environments),
        ),
        settings=settings_of(suites, data, replicates) if suites else None,
        studies=tuple(runs.report() for runs in studies),
        claims=claim_table(catalogue, findings, studies),
    )


def _arena(comparer: Comparer) -> Arena:
    arena = comparer.arena
    keys = list(dict.fromkeys(arena.cells["key"]))
    table = recorded(arena)
    rows = with_negative_controls([measured_row(comparer, table, key) for key in keys])
    ordered = _compared(comparer, sorted(rows, key=_order))
    seeds = len(arena.seeds)
    controls = control_caveats(ordered) if seeds > 1 else ()
    pairs = _pair_rewards(arena)
    shifts = _eval_shifts(arena, pairs)
    return Arena(
        suite=arena.runs.suite,
        train_shift=str(arena.cells["train_shift"].iloc[0]),
        train_label=names.shift_label(arena.train),
        seeds=seeds,
        conflict=conflict(shifts),
        label_agreement=label_agreement(pairs, arena.train, arena.runs.objectives),
        caveats=(
            *controls,
            *collapse_caveats(ordered),
            *arena.runs.caveats,
            *seed_caveats(seeds),
            *selection_caveats(arena, ordered),
        ),
        eval_shifts=shifts,
        objectives=arena.runs.objectives,
        rows=tuple(ordered),
        samples=side_by_side(arena, [row.key for row in ordered if row.status == "done"]),
        linear=all(shift.position() is not None and linear_weights(shift) for shift in arena.evaluated),
        selections=selections(comparer),
        seeds_needed=seeds_needed(comparer, ordered),
    )


def _compared(comparer: Comparer, rows: list[Row]) -> list[Row]:
    """With what can be said of a row beside the others."""
    against, rank_of = comparisons(comparer, [row.key for row in rows]), ranks(comparer, rows)
    return [
        replace(
            row,
            rank=rank_of.get(row.key),
            comparison=against.get(row.key),
            variance=variance(comparer.arena, row.key),
        )
        for row in rows
    ]


def _order(row: Row) -> tuple[int, float]:
    over = row.metrics.get(HEADLINE)
    return ORDER[row.role], -over.value if over and over.value is not None else float("inf")


def _pair_rewards(arena: ArenaData) -> pd.DataFrame | None:
    """Training pairs of the arena's shift, all seeds, with both sides' rewards."""
    pairs = arena.runs.pair_rewards
    return None if pairs is None else pairs[pairs["train_shift"] == arena.cells["train_shift"].iloc[0]]


def _eval_shifts(arena: ArenaData, pairs: pd.DataFrame | None) -> tuple[EvalShift, ...]:
    labelling = labelling_of(arena.runs.environments, str(arena.cells["train_shift"].iloc[0]))
    measured = distances(pairs, arena.train, arena.evaluated, arena.runs.objectives, labelling)
    return tuple(_eval_shift(arena, shift, far) for shift, far in zip(arena.evaluated, measured, strict=True))


def _eval_shift(arena: ArenaData, shift: Shift, far: Distance | None) -> EvalShift:
    known = {"label_absent": Absent.NO_REFERENCE_PAIRS} if far is None else asdict(far)
    return EvalShift(
        name=str(shift),
        label=names.point_label(shift),
        position=shift.position(),
        is_training=shift == arena.train,
        **known,
    )
