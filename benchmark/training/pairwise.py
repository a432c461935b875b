"""One preference-training run: policy and pairs in, checkpoints, training curve and cost out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmark.core.errors import UserError
from benchmark.core.resources import reset_peak_memory
from benchmark.policies.checkpoints import load_policy
from benchmark.training.adapters import with_adapters
from benchmark.training.batch import PairCollator
from benchmark.training.cell import TrainingCell
from benchmark.training.recording import Keeper, without_dropout, write_outcome
from benchmark.training.resume import Saver, restore, resumable
from benchmark.training.settings import TrainingSettings
from benchmark.training.shared_prompt import ATTENTIONS, SharedPromptCollator
from benchmark.training.trainer import PreferenceTrainer, trainer_config
from methods import PairwiseMethod, Solver


def train_pairwise(
    cell: TrainingCell, method: PairwiseMethod, stop_after: float = 1.0, margins: Tensor | None = None
) -> None:
    """Train on the cell's pairs; writes `step-NNNNNN/` per checkpoint, `curve.parquet` and `cost.json`.

    Args:
        cell: policy, pairs, settings and folder. Where it has a scratch folder and `training.save_every` is set, a run
            that was stopped goes on from its last full checkpoint.
        method: the formula.
        stop_after: the part of the schedule that is run, in (0, 1].
        margins: what the formula sees as margins, shape [pairs]; None: those of the pairs.

    Raises:
        FloatingPointError: the objective was not finite at some step.
        UserError: the method's solver does not work with the model's attention.
    """
    workspace = cell.scratch if cell.settings.save_every and cell.scratch else cell.folder
    workspace.mkdir(parents=True, exist_ok=True)
    keeper, trainer = _trainer(cell, method, workspace, stop_after, margins)
    checkpoint = resumable(workspace / "trainer")
    if checkpoint is not None:
        restore(trainer, keeper, checkpoint)
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if workspace != cell.folder:
        for folder in workspace.glob("step-*"):
            folder.rename(cell.folder / folder.name)
    shutil.rmtree(workspace / "trainer", ignore_errors=True)
    write_outcome(cell, keeper)


def _trainer(
    cell: TrainingCell, method: PairwiseMethod, workspace: Path, stop_after: float, margins: Tensor | None
) -> tuple[Keeper, PreferenceTrainer]:
    model, tokenizer = load_policy(cell.policy, attention=attention_for(method, cell.settings))
    without_dropout(model)
    model = with_adapters(model, cell.settings, cell.seed)
    pairs = cell.pairs if margins is None else replace(cell.pairs, margins=margins.double().numpy())
    keeper = Keeper(cell, tokenizer, workspace, stop_after)
    reset_peak_memory()
    trainer = PreferenceTrainer(
        method,
        len(pairs),
        trainer_config(cell.settings, len(pairs), cell.seed, workspace, method.learning_rate_factor),
        groups=0 if pairs.groups is None else int(pairs.groups.max()) + 1,
        model=model,
        processing_class=tokenizer,
        data_collator=_collator(method, model, cell.settings)(pairs, cell.reference, tokenizer.pad_token_id),
        callbacks=[keeper],
    )
    keeper.trainer = trainer
    trainer.add_callback(Saver(trainer, keeper))
    return keeper, trainer


def _collator(
    method: PairwiseMethod, model: Any, settings: TrainingSettings
) -> type[PairCollator] | type[SharedPromptCollator]:
    """One row per completion, or per pair."""
    if not settings.share_prompt or method.penalises_inputs():
        return PairCollator
    attention = model.config._attn_implementation
    if attention not in ATTENTIONS:
        raise UserError(f"training.share_prompt needs attention {' or '.join(ATTENTIONS)}, got {attention!r}.")
    return SharedPromptCollator


def attention_for(method: PairwiseMethod, settings: TrainingSettings) -> str | None:
    """The attention to load a policy with: as set, else eager where an exact input-gradient penalty can use it."""
    exact = method.penalises_inputs() and method.penalty_solver in (Solver.AUTO, Solver.DOUBLE_BACKWARD)
    return settings.attention or ("eager" if exact and not settings.gradient_checkpointing else None)
