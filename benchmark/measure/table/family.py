"""Is plain DPO's family large enough? How far the envelope rises when its policies double."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.measure.runs.arenas import REFERENCE
from benchmark.measure.statistics.bootstrap import estimate
from benchmark.measure.table.comparer import Against, Comparer
from benchmark.measure.table.verdict import corrected
from benchmark.report import Absent, Estimate, Family, Row, missing
from benchmark.report.rows import HEADLINE


def family(comparer: Comparer, rows: Sequence[Row]) -> Family | None:
    """The envelope of all policies against that of every other checkpoint, where the judged rows stand."""
    rivals = comparer.rivals()
    if not comparer.arena.dpo_keys():
        return None
    half = _every_other(comparer, rivals)
    return Family(len(comparer.family(rivals)), len(half), _gain(comparer, rows, half))


def _gain(comparer: Comparer, rows: Sequence[Row], half: Sequence[int]) -> Estimate:
    known = [
        row for row in rows if corrected(row) and HEADLINE in row.metrics and row.metrics[HEADLINE].value is not None
    ]
    sides = [side for row in known if isinstance(side := comparer.against(row.key), Against)]
    sides = [side for side in sides if side.seed_rows == max((s.seed_rows for s in sides), key=len)]
    if not sides:
        return missing(Absent.NOT_RECORDED)
    gains = []
    for side in sides:
        without = Against(side.key, side.seed_rows, tuple(policy for policy in side.policies if policy in set(half)))
        gains.append(comparer.over_values(without) - comparer.over_values(side))
    stacked = np.stack(gains)
    there = ~np.isnan(stacked)
    total = np.where(there, stacked, 0.0).sum(axis=0)
    mean = np.where(there.any(axis=0), total / np.maximum(there.sum(axis=0), 1), np.nan)
    return estimate(mean, len(sides[0].seed_rows))


def _every_other(comparer: Comparer, rivals: Sequence[str]) -> list[int]:
    """Policies at every second checkpoint of each row, the last one among them, and the reference."""
    kept: list[int] = []
    for key in rivals:
        trajectory = comparer.arena.trajectory(key)
        kept += trajectory if key == REFERENCE else trajectory[::-1][::2][::-1]
    return kept
