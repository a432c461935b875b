"""The stage that holds a policy to lm-eval's tasks; it stands beside a cell, which is done without it."""

from __future__ import annotations

from benchmark.core.data import write_table
from benchmark.core.graph import Task, stage
from benchmark.harness.settings import LmEvalSettings
from benchmark.pipeline.text.stages.common import TASK_SCORES, checkpoints_of, generator


@stage("lm_eval", version=1)
def evaluate_on_tasks(task: Task, settings: LmEvalSettings, backend: str) -> None:
    """`task_scores.parquet` of the last checkpoint: task, metric, value, stderr (NaN where there is none), n."""
    from benchmark.harness.evaluate import evaluate

    policy = list(checkpoints_of(task).values())[-1]
    write_table(task.folder / TASK_SCORES, evaluate(generator(backend), policy, settings))
