"""How the text and the log-probabilities of a method move along its training, and whether its policy has collapsed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.measure.runs.arenas import REFERENCE, ArenaData
from benchmark.report import Collapse, CollapseTerm, DiagnosticPoint

CHANGES = ("logp_chosen", "logp_rejected", "logp_unseen", "logp_heldout")  # 0 at the reference, by definition
OWN = ("gradient_ratio",)  # of the reference on a cell's own training pairs, so recorded there
TEXT = ("entropy", "eos_rate", "distinct_2", "longest_repeat", "length", "quality", "nominal", "gold_nominal")
LEAST = {  # a policy has collapsed where one of these falls below this share of the reference's
    "quality": 0.5,  # every other text that passed the gate no longer does
    "eos_rate": 0.1,  # it does not stop; longer texts that are cut off more often are drift, which `length` shows
    "entropy": 0.1,  # per token: what is left is all but one text
    "distinct_2": 0.5,  # texts repeat themselves, or each other
}


def recorded(arena: ArenaData) -> pd.DataFrame:
    """What the run recorded per checkpoint, by metric; one row per cell_id and step, NaN where there is no record."""
    results = arena.runs.results
    rows = results[results["cell_id"].isin(arena.cells["cell_id"])]
    rows = rows[rows["train_shift"] == arena.cells["train_shift"].iloc[0]]
    wanted = [*CHANGES, *OWN, *TEXT]
    metrics = pd.Series(rows["metric"].unique())
    parts = metrics.str.extract(r"^(?P<name>\w+)@(?P<step>\d+)$").assign(metric=metrics)
    rows = rows.merge(parts[parts["name"].isin(wanted)].astype({"step": int}), on="metric")
    table = rows.pivot_table(index=["cell_id", "step"], columns="name", values="value", aggfunc="first")
    return table.reindex(columns=wanted)


def diagnostics(arena: ArenaData, table: pd.DataFrame, key: str) -> tuple[DiagnosticPoint, ...]:
    """The checkpoints of a row, means over its seeds, with the reference as step 0 in front.

    Empty where no seed is done; a number that one of the seeds lacks is None.

    Args:
        arena: the row's arena.
        table: what `recorded` says of the arena.
        key: of the row.
    """
    seed_rows = sorted(arena.seed_rows(key))
    if not seed_rows:
        return ()
    cells = _cells(arena, key)
    points = [] if key == REFERENCE else [_start(table, cells, _cells(arena, REFERENCE))]
    for policy in arena.trajectory(key):
        step, kl = arena.policies[policy].step, float(arena.test.kl[policy][seed_rows].mean())
        points.append(_point(_of_cells(table, cells, step), step, kl))
    return tuple(points)


def collapse(arena: ArenaData, table: pd.DataFrame, key: str) -> Collapse | None:
    """The rule `LEAST` on a row's last checkpoint, seed by seed against the reference of the same seed.

    None for the reference itself, and where no term is known. A collapse of a single seed is one, and named.
    """
    if key == REFERENCE or not arena.seed_rows(key):
        return None
    cells = _cells(arena, key)
    last = _of_cells(table, cells, arena.policies[arena.trajectory(key)[-1]].step)
    start = _of_cells(table, _cells(arena, REFERENCE).reindex(cells.index), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = pd.DataFrame({name: last[name] / start[name] for name in LEAST}).replace(np.inf, np.nan)
    known = shares.notna().any(axis=1)
    if not known.any():
        return None
    fallen = (shares < pd.Series(LEAST)).any(axis=1)
    terms = tuple(CollapseTerm(name, _known(shares[name].min()), least) for name, least in LEAST.items())
    names = tuple(arena.runs.draw(int(seed)).name for seed in fallen.index[fallen])
    return Collapse(names, int(known.sum()), terms)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _start(table: pd.DataFrame, cells: pd.Series, reference: pd.Series) -> DiagnosticPoint:
    """The reference as step 0 of a row: its own text, no change, and its gradient ratio on the row's training pairs."""
    rows = _of_cells(table, reference.reindex(cells.index), 0)
    followed = table.loc[table.index.get_level_values("cell_id").isin(cells), list(CHANGES)].notna().any()
    rows[list(CHANGES)] = np.where(followed, 0.0, np.nan)
    rows[list(OWN)] = _of_cells(table, cells, 0)[list(OWN)]
    return _point(rows, step=0, kl=0.0)


def _point(rows: pd.DataFrame, step: int, kl: float) -> DiagnosticPoint:
    means = rows.mean(skipna=False)
    return DiagnosticPoint(step, kl, {str(name): _known(mean) for name, mean in means.items()})


def _of_cells(table: pd.DataFrame, cells: pd.Series, step: int) -> pd.DataFrame:
    """Rows of `recorded` at one step, one per seed of `cells`, NaN where there is none."""
    rows = table.reindex(pd.MultiIndex.from_arrays([cells, [step] * len(cells)]))
    return rows.set_axis(cells.index, axis=0)


def _cells(arena: ArenaData, key: str) -> pd.Series:
    """The cell of each finished seed of a row, by seed."""
    done = arena.cells[(arena.cells["key"] == key) & (arena.cells["status"] == "done")].set_index("seed")["cell_id"]
    return done.reindex([arena.seeds[row] for row in sorted(arena.seed_rows(key))])
