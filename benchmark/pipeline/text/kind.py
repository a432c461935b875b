"""Text suites: a policy writes, a reward model scores, training shifts are crossed with methods."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from benchmark.core.errors import UserError
from benchmark.core.graph import Progress
from benchmark.core.resources import gpu_count
from benchmark.core.store import Store
from benchmark.harness.found import find_tasks
from benchmark.pipeline.execute.base import Outcome
from benchmark.pipeline.kind import Column, SuiteKind
from benchmark.pipeline.matrix import CellCall
from benchmark.pipeline.text.builder import LM_EVAL, TextMatrix
from benchmark.pipeline.text.cells import build_matrix
from benchmark.pipeline.text.config import TextConfig
from benchmark.suites.base import Suite
from benchmark.suites.generated import GeneratedSuite
from benchmark.suites.labelled import OWN_LABELS, LabelledSuite

COLUMNS = (
    Column("gated_over_envelope", "over DPO envelope", interval=True),
    Column("gated_nominal", "nominal, gated"),
    Column("gated_worst_case", "worst case, gated"),
    Column("gated_auc", "AUC, gated"),
    Column("kl_to_reference", "KL"),
    Column("train_seconds", "train s"),
)


class TextKind(SuiteKind[TextConfig]):
    """Suites whose policies are sampled and whose completions are scored."""

    name = "text"
    family = Suite
    config = TextConfig
    tables: ClassVar[tuple[str, ...]] = tuple(
        f"{name}.parquet" for name in ("cells", "samples", "results", "pair_rewards", "curves")
    )
    arena = "trained on"

    def backend(self, requested: str) -> str:
        """The engine that generates here, where `requested` may be auto."""
        from benchmark.generation import resolve_backend

        return resolve_backend(requested)

    def check(self, config: TextConfig) -> None:
        """The suite's own settings, and what the machine must have for the training's."""
        if config.training.bf16 is True and gpu_count() == 0:
            raise UserError(
                "training.bf16=true needs a GPU, and none is visible here. auto: bfloat16 where there is one."
            )
        if config.training.lora is not None and importlib.util.find_spec("peft") is None:
            raise UserError("training.lora needs the package peft: install this one with its extra, prefshift[lora].")
        config.make_suite()

    def build(self, config: TextConfig, backend: str, earlier: Sequence[CellCall] = ()) -> TextMatrix:
        """Methods on every training shift."""
        return build_matrix(config, backend, earlier)

    def write_tables(self, matrix: TextMatrix, outcome: Outcome, store: Store, out: Path, progress: Progress) -> None:
        """cells, samples, results, pair_rewards and curves .parquet."""
        from benchmark.pipeline.text.tables import write_tables  # what measures is large, and plan does not need it

        write_tables(matrix, outcome, store, out, progress)

    def facts(self, config: TextConfig, matrix: TextMatrix) -> dict[str, Any]:
        """Objectives with their ranges, evaluation shifts, labelling, what a row of samples.parquet is, and which of
        lm-eval's tasks stand for those that were asked for."""
        shown = find_tasks(config.eval.lm_eval).shown if config.eval.lm_eval.tasks else ()
        return {
            "objectives": list(matrix.suite.objectives),
            "reward_ranges": matrix.suite.reward_ranges(),
            "eval_shifts": {str(shift): [str(p) for p in points] for shift, points in matrix.evaluation.items()},
            "labelling": OWN_LABELS if isinstance(matrix.suite, LabelledSuite) else config.labels.model_dump(),
            "rows": "completions" if isinstance(matrix.suite, GeneratedSuite) else "expectations",
            **({LM_EVAL: [task.__dict__ for task in shown]} if shown else {}),
        }

    def code(self, matrix: TextMatrix) -> dict[str, Any]:
        """The version of lm-eval and the content of the tasks, where any were asked for."""
        asked = next((cell.beside[LM_EVAL] for cell in matrix.cells if LM_EVAL in cell.beside), None)
        names = ("lm_eval", "tasks", "groups", "files")
        return {} if asked is None else {LM_EVAL: {name: asked.identity[name] for name in names}}

    def columns(self, table: pd.DataFrame) -> Sequence[Column]:
        """The headline, and what stands behind it."""
        return COLUMNS
