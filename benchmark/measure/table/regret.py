"""Worst-case regret: what a row lacks against the best row for each shift."""

from __future__ import annotations

import numpy as np

from benchmark.measure.statistics.bootstrap import estimate
from benchmark.measure.statistics.envelope import TEST, VALIDATION
from benchmark.measure.table.comparer import Comparer
from benchmark.report import Absent, Estimate, missing


def regret(comparer: Comparer, key: str) -> Estimate:
    """max over shifts s of (J_s of the best row for s) - J_s(m), gated, at last checkpoints on test prompts.

    The best row for each shift is taken on validation prompts, anew in every replicate, among all rows that have the
    method's seeds, oracles and the reference among them. So this number, unlike the others, depends on what else is in
    the table.
    """
    arena = comparer.arena
    seed_rows = tuple(sorted(arena.seed_rows(key)))
    rivals, halves = comparer.last_checkpoints(seed_rows)
    if len(rivals) < 2:
        return missing(Absent.NO_COMMON_SEED)
    best = halves[VALIDATION].utility.argmax(axis=1)
    theirs = np.take_along_axis(halves[TEST].utility, best[:, None], axis=1)[:, 0]
    mine = halves[TEST].utility[:, rivals.index(key)]
    return estimate((theirs - mine).max(axis=1), len(seed_rows), jumps=True)
