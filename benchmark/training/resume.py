"""Going on with a training run that was stopped: what TRL's checkpoints do not hold, beside them.

A full checkpoint (weights, optimiser, schedule, random state) is written every `training.save_every` steps into the
stage's scratch folder, together with the method's running quantities, the curve so far and the step times.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from benchmark.training.recording import Keeper
from benchmark.training.trainer import PreferenceTrainer

STATE, HISTORY = "method_state.safetensors", "history.json"


class Saver(TrainerCallback):
    """Completes every full checkpoint."""

    def __init__(self, trainer: PreferenceTrainer, keeper: Keeper) -> None:
        self.trainer = trainer
        self.keeper = keeper

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Write the method's state, the curve and the step times into the checkpoint that was just made."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        save_file({name: tensor.contiguous() for name, tensor in self.trainer.method_state.items()}, folder / STATE)
        entries = [{name: float(value) for name, value in entry.items()} for entry in self.trainer.history]
        kept = {
            "history": entries,
            "seconds": self.keeper.step_seconds,
            "difference": self.trainer.step_control.state(),
        }
        (folder / HISTORY).write_text(json.dumps(kept))


def resumable(folder: Path) -> Path | None:
    """The newest whole checkpoint in a folder, or None; one that was being written when the run stopped is removed."""
    while folder.is_dir() and (found := get_last_checkpoint(str(folder))):
        if (Path(found) / HISTORY).is_file():  # written last
            return Path(found)
        shutil.rmtree(found)
    return None


def restore(trainer: PreferenceTrainer, keeper: Keeper, checkpoint: Path) -> None:
    """Give the trainer back what its checkpoint held beyond TRL's own files."""
    trainer.method_state = {
        name: tensor.to(trainer.args.device) for name, tensor in load_file(checkpoint / STATE).items()
    }
    kept = json.loads((checkpoint / HISTORY).read_text())
    trainer.history = [{name: torch.tensor(value) for name, value in entry.items()} for entry in kept["history"]]
    keeper.step_seconds = list(kept["seconds"])
    trainer.step_control.restore(kept["difference"])
