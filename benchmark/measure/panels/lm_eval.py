"""What rows score on lm-eval's tasks: means over seeds, and differences to the reference."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.core.data import Floats
from benchmark.measure.runs.arenas import REFERENCE, ArenaData
from benchmark.measure.statistics.bootstrap import estimate_over_seeds
from benchmark.measure.statistics.questions import estimate_over_seeds_and_questions
from benchmark.report import Absent, Estimate, TaskScore, missing

PREFIX, STDERR = "lm_eval/", "_stderr"


def task_scores(arena: ArenaData, key: str) -> tuple[TaskScore, ...]:
    """Every task and metric that some seed of the row has, in lm-eval's order; none where nothing was asked for."""
    mine, theirs, asked = _recorded(arena, key), _recorded(arena, REFERENCE), _asked(arena)
    scores = []
    for name in mine.metrics:
        task, _, metric = name.removeprefix(PREFIX).rpartition("/")
        if key == REFERENCE:
            difference = missing(Absent.IS_REFERENCE)
        else:
            gap = mine.values(name) - theirs.values(name)
            difference = estimate_over_seeds(gap, REFERENCE, Absent.NO_SEED_WITH_REFERENCE)
        value = estimate_over_seeds_and_questions(mine.values(name), mine.values(name + STDERR))
        scores.append(TaskScore(task, metric, mine.questions(name), name in asked, value, difference))
    return tuple(scores)


def mean_score(arena: ArenaData, key: str) -> Estimate:
    """The mean over the tasks that stand for those that were asked for, each by its first metric, where more is better.

    A seed that lacks one of them has no mean. The questions of different tasks are taken as independent.
    """
    mine, names = _recorded(arena, key), [name for name, higher in _asked(arena).items() if higher]
    if not names:
        return missing(Absent.NO_TASKS)
    values, stderrs = (np.stack([mine.values(name + end) for name in names]) for end in ("", STDERR))
    return estimate_over_seeds_and_questions(values.mean(axis=0), np.sqrt((stderrs**2).sum(axis=0)) / len(names))


class _Recorded:
    """What lm-eval said of one row."""

    def __init__(self, rows: pd.DataFrame, seeds: tuple[int, ...]) -> None:
        """rows: of results.parquet, with the column `row_seed`; seeds: of the arena."""
        self._rows, self._seeds = rows, list(seeds)
        self.metrics = [name for name in dict.fromkeys(rows["metric"]) if not name.endswith(STDERR)]

    def values(self, name: str) -> Floats:
        """One number per seed of the arena, NaN where there is none."""
        rows = self._rows[self._rows["metric"] == name].drop_duplicates("row_seed")
        return rows.set_index("row_seed")["value"].reindex(self._seeds).to_numpy(dtype=np.float64)

    def questions(self, name: str) -> int:
        """Behind a number of one seed."""
        return int(self._rows.loc[self._rows["metric"] == name, "n"].max())


def _recorded(arena: ArenaData, key: str) -> _Recorded:
    cells = arena.cells[(arena.cells["key"] == key) & (arena.cells["status"] == "done")]
    seed_of = dict(zip(cells["cell_id"], cells["seed"], strict=True))
    results = arena.runs.results[arena.runs.results["cell_id"].isin(seed_of)]
    rows = results[results["metric"].str.startswith(PREFIX)]
    return _Recorded(rows.assign(row_seed=rows["cell_id"].map(seed_of)), arena.seeds)


def _asked(arena: ArenaData) -> dict[str, bool]:
    """Names in results.parquet of what stands for the tasks that were asked for, and whether more is better. Of
    a metric with several filters it is the first."""
    shown = [task for environment in arena.runs.environments for task in environment.get("lm_eval", ())]
    if not shown:
        return {}
    names = arena.runs.results["metric"].drop_duplicates()
    recorded = [name for name in names[names.str.startswith(PREFIX)] if not name.endswith(STDERR)]
    asked = {}
    for task in shown:
        wanted = f"{PREFIX}{task['task']}/{task['metric']}"
        if found := next((name for name in recorded if name == wanted or name.startswith(f"{wanted},")), None):
            asked[found] = bool(task["higher_is_better"])
    return asked
