"""What policies scored on lm-eval's tasks, as records of results.parquet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmark.core.data import read_table
from benchmark.core.store import Store
from benchmark.measure.records.metrics import MetricRecord
from benchmark.pipeline.text.builder import LM_EVAL, TextCell
from benchmark.pipeline.text.stages.common import TASK_SCORES


def task_records(cell: TextCell, store: Store) -> Iterator[MetricRecord]:
    """lm_eval/TASK/METRIC and, where lm-eval knows it, lm_eval/TASK/METRIC_stderr, in lm-eval's order; none where the
    cell was not held to tasks, or that failed."""
    stage = cell.beside.get(LM_EVAL)
    if stage is None or not stage.done(store):
        return
    scores = read_table(stage.folder(store) / TASK_SCORES)
    for task, metric, value, stderr, n in zip(*scores.values(), strict=True):
        name = f"{LM_EVAL}/{task}/{metric}"
        yield MetricRecord("", name, float(value), int(n))
        if not np.isnan(stderr):
            yield MetricRecord("", f"{name}_stderr", float(stderr), int(n))
