"""What training recorded of a row, and the packages that made it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from benchmark.measure.runs.arenas import ArenaData
from benchmark.report import TrainingCurve

MOST_STEPS = 60


def training_curve(arena: ArenaData, key: str) -> TrainingCurve | None:
    """The row's training curve: means over its seeds and over consecutive blocks of steps, at most `MOST_STEPS` blocks,
    each under its last step. None where nothing was recorded.

    A column that some block lacks, as one that is recorded now and then, is left out.
    """
    curves = arena.runs.curves
    if curves is None:
        return None
    rows = curves[curves["cell_id"].isin(_done(arena, key)["cell_id"])].drop(columns="cell_id").dropna(subset=["step"])
    if rows.empty:
        return None
    steps = np.sort(rows["step"].unique())
    blocks = np.array_split(steps, min(len(steps), MOST_STEPS))
    ends = np.array([block[-1] for block in blocks])
    means = rows.groupby(np.searchsorted(ends, rows["step"])).mean().drop(columns="step").dropna(axis=1)
    return TrainingCurve(
        steps=tuple(int(end) for end in ends),
        values={str(name): tuple(float(value) for value in column) for name, column in means.items()},
    )


def row_versions(arena: ArenaData, key: str) -> dict[str, str]:
    """Versions of the packages that made the row's finished cells, `a, b` where cells differ; empty: not recorded."""
    cells = _done(arena, key)
    if "versions" not in cells:
        return {}
    by_package: dict[str, dict[str, None]] = {}
    for text in cells["versions"].dropna():
        for package, version in json.loads(text or "{}").items():
            by_package.setdefault(package, {})[str(version)] = None
    return {package: ", ".join(versions) for package, versions in sorted(by_package.items())}


def _done(arena: ArenaData, key: str) -> pd.DataFrame:
    return arena.cells[(arena.cells["key"] == key) & (arena.cells["status"] == "done")]
