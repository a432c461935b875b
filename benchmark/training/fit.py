"""One preference-training run: policy and pairs in, checkpoints, training curve and cost out."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from transformers import TrainerCallback

from benchmark.policies.checkpoints import load_policy, save_policy
from benchmark.resources import peak_memory_mb, reset_peak_memory
from benchmark.training.batch import PairCollator
from benchmark.training.settings import checkpoint_steps
from benchmark.training.trainer import PreferenceTrainer, trainer_config
from methods import PairwiseMethod

if TYPE_CHECKING:
    from benchmark.training.job import CellJob

SKIPPED_STEPS = 3  # the first steps allocate memory and are left out of the median step time


def fit_pairs(
    job: CellJob, method: PairwiseMethod, stop_after: float = 1.0, margins: torch.Tensor | None = None
) -> None:
    """Train on the job's pairs; writes `step-NNNNNN/` per checkpoint, `curve.parquet` and `cost.json`.

    Args:
        job: policy, pairs, settings and folder.
        method: the formula.
        stop_after: the part of the schedule that is run, in (0, 1].
        margins: what the formula sees as margins, shape [pairs]; None: those of the pairs.

    Raises:
        FloatingPointError: the objective was not finite at some step.
    """
    attention = "eager" if method.penalises_inputs() else None  # only eager attention has a second derivative
    model, tokenizer = load_policy(job.policy, attention=attention)
    _without_dropout(model)
    pairs = job.pairs if margins is None else replace(job.pairs, margins=margins.double().numpy())
    config = trainer_config(job.settings, len(pairs), job.seed, job.folder)
    keeper = _Keeper(job, tokenizer)
    reset_peak_memory()
    trainer = PreferenceTrainer(
        method,
        len(pairs),
        config,
        model=model,
        processing_class=tokenizer,
        data_collator=PairCollator(pairs, job.reference, tokenizer.pad_token_id),
        callbacks=[keeper],
    )
    keeper.trainer = trainer
    trainer.train()
    _curve(trainer.history).to_parquet(job.folder / "curve.parquet")
    cost = {
        "train_seconds": float(sum(keeper.step_seconds)),
        "step_seconds": median(keeper.step_seconds[SKIPPED_STEPS:] or keeper.step_seconds),
        "steps": len(keeper.step_seconds),
        "peak_memory_mb": peak_memory_mb(),
    }
    (job.folder / "cost.json").write_text(json.dumps(cost))


class _Keeper(TrainerCallback):
    """Keeps checkpoints, times steps, reports progress, and stops a run whose objective is no longer a number."""

    def __init__(self, job: CellJob, tokenizer: Any) -> None:
        self.job = job
        self.tokenizer = tokenizer
        self.trainer: PreferenceTrainer | None = None
        self.step_seconds: list[float] = []
        self._started = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Stop the clock; keep the policy where a checkpoint is due."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.step_seconds.append(time.perf_counter() - self._started)
        self.job.progress(state.global_step, state.max_steps)
        if state.global_step in checkpoint_steps(state.max_steps, self.job.settings.checkpoints):
            assert self.trainer is not None
            _check_finite(self.trainer.history)
            save_policy(model, self.tokenizer, self.job.folder / f"step-{state.global_step:06d}")


def _without_dropout(model: Any) -> None:
    """Switch off the dropout that attention layers keep as a number; TRL switches off `Dropout` modules alone."""
    for module in model.modules():
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.0


def _check_finite(history: list[dict[str, torch.Tensor]]) -> None:
    values = torch.stack([entry["objective"] for entry in history])
    if not bool(values.isfinite().all()):
        entry = history[int((~values.isfinite()).nonzero()[0])]
        raise FloatingPointError(f"the objective was {entry['objective'].item()} at step {int(entry['step'])}")


def _curve(history: list[dict[str, torch.Tensor]]) -> pd.DataFrame:
    """One row per step; micro-batches of a step are merged, each counting by its pairs (the objective adds up)."""
    frame = pd.DataFrame([{name: float(value) for name, value in entry.items()} for entry in history])
    means = [name for name in frame.columns if name not in ("step", "pairs", "objective")]

    def merge(part: pd.DataFrame) -> pd.Series:
        merged = {name: np.average(part[name], weights=part["pairs"]) for name in means}
        return pd.Series({"pairs": part["pairs"].sum(), "objective": part["objective"].sum(), **merged})

    if frame["step"].is_unique:
        return frame
    return frame.groupby("step").apply(merge).reset_index()
