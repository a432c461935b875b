"""What every preference-training run keeps: checkpoints, step times, training curve and cost."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from transformers import TrainerCallback

from benchmark.core.resources import peak_memory_mb
from benchmark.policies.checkpoints import save_policy
from benchmark.training.adapters import whole_policy
from benchmark.training.cell import TrainingCell
from benchmark.training.settings import checkpoint_steps
from benchmark.training.trainer import trainer_config

SKIPPED_STEPS = 3  # the first steps allocate memory and are left out of the median step time
_SHARED = (
    "output_dir",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "max_steps",
    "learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "bf16",
    "gradient_checkpointing",
    "seed",
    "data_seed",
    "use_cpu",
    "dataloader_pin_memory",
    "save_strategy",
    "logging_strategy",
    "report_to",
    "disable_tqdm",
)


class Recorded(Protocol):
    """A trainer that keeps what a training curve shows."""

    history: list[dict[str, Tensor]]
    state: Any
    current_gradient_accumulation_steps: int


def record_loss(trainer: Recorded, loss: Tensor, pairs: float, **values: float) -> None:
    """Add one micro-batch of a trainer whose loss is TRL's own to its curve; `loss` is as TRL returns it."""
    entry = {
        "step": trainer.state.global_step + 1,
        "pairs": pairs,
        "objective": loss.item() / trainer.current_gradient_accumulation_steps,
        **values,
    }
    trainer.history.append({name: torch.tensor(float(value)) for name, value in entry.items()})


class Keeper(TrainerCallback):
    """Keeps checkpoints, times steps, reports progress, and stops a run whose objective is no longer a number.

    folder: where the checkpoints go; stop_after: the part of the schedule that is run.
    """

    def __init__(self, cell: TrainingCell, tokenizer: Any, folder: Path | None = None, stop_after: float = 1.0) -> None:
        self.cell = cell
        self.tokenizer = tokenizer
        self.folder = folder or cell.folder
        self.stop_after = stop_after
        self.trainer: Recorded | None = None
        self.step_seconds: list[float] = []
        self._started = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock. It runs from the end of one step to the end of the next, since a first pass over the batch
        comes before what the trainer calls the beginning of a step."""
        self._started = time.perf_counter()

    on_save = on_train_begin

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Stop the clock; keep the policy where a checkpoint is due; end a run that stops early."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.step_seconds.append(time.perf_counter() - self._started)
        last = max(1, math.ceil(self.stop_after * state.max_steps))
        self.cell.progress(state.global_step, last)
        if state.global_step in checkpoint_steps(last, self.cell.settings.checkpoints):
            assert self.trainer is not None
            check_finite(self.trainer.history)
            whole, weights = whole_policy(model)
            save_policy(whole, self.tokenizer, self.folder / f"step-{state.global_step:06d}", weights)
        control.should_training_stop = control.should_training_stop or state.global_step >= last
        self._started = time.perf_counter()


def shared_settings(cell: TrainingCell) -> dict[str, Any]:
    """The trainer arguments of preference training, by name; the batch size is in pairs."""
    config = trainer_config(cell.settings, len(cell.pairs), cell.seed, cell.folder)
    return {name: getattr(config, name) for name in _SHARED}


def without_dropout(model: Any) -> None:
    """Switch off the dropout that attention layers keep as a number; TRL switches off `Dropout` modules alone."""
    for module in model.modules():
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.0


def write_outcome(cell: TrainingCell, keeper: Keeper) -> None:
    """Write `curve.parquet` and `cost.json` of a finished run."""
    assert keeper.trainer is not None
    curve(keeper.trainer.history).to_parquet(cell.folder / "curve.parquet")
    cost = {
        "train_seconds": float(sum(keeper.step_seconds)),
        "step_seconds": median(keeper.step_seconds[SKIPPED_STEPS:] or keeper.step_seconds),
        "steps": len(keeper.step_seconds),
        "peak_memory_mb": peak_memory_mb(),
    }
    (cell.folder / "cost.json").write_text(json.dumps(cost))


def check_finite(history: list[dict[str, Tensor]]) -> None:
    """Raise a FloatingPointError that names the first step whose objective was not finite."""
    values = torch.stack([entry["objective"] for entry in history])
    if not bool(values.isfinite().all()):
        entry = history[int((~values.isfinite()).nonzero()[0])]
        raise FloatingPointError(f"the objective was {entry['objective'].item()} at step {int(entry['step'])}")


def curve(history: list[dict[str, Tensor]]) -> pd.DataFrame:
    """One row per step; micro-batches of a step are merged, each counting by its pairs (the objective adds up)."""
    frame = pd.DataFrame([{name: float(value) for name, value in entry.items()} for entry in history])
    means = [name for name in frame.columns if name not in ("step", "pairs", "objective")]

    def merge(part: pd.DataFrame) -> pd.Series:
        merged = {name: np.average(part[name], weights=part["pairs"]) for name in means}
        return pd.Series({"pairs": part["pairs"].sum(), "objective": part["objective"].sum(), **merged})

    if frame["step"].is_unique:
        return frame
    return frame.groupby("step").apply(merge).reset_index()
