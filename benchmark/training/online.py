"""TRL's RLOOTrainer on the learned reward, under the settings of all other methods.

One step draws 2 `batch_size` completions, as many as a step of DPO sees, from 2 `batch_size` / `generations` training
prompts, and there are as many steps. Completions are drawn from the policy itself: temperature 1, no truncation.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from torch import Tensor
from trl import RLOOConfig, RLOOTrainer

from benchmark.core.errors import UserError
from benchmark.core.resources import reset_peak_memory
from benchmark.policies.checkpoints import load_policy
from benchmark.training.adapters import with_adapters
from benchmark.training.cell import TrainingCell, World
from benchmark.training.recording import Keeper, record_loss, shared_settings, without_dropout, write_outcome


def train_rloo(cell: TrainingCell, beta: float, generations: int) -> None:
    """Train on the policy's own completions; writes checkpoints, `curve.parquet` and `cost.json`.

    A run that was stopped starts anew.

    Raises:
        UserError: a batch that cannot be cut into groups of `generations` completions.
        FloatingPointError: the loss was not finite at some step.
    """
    if cell.world is None:
        raise RuntimeError("the method trains online, but needs_rewards is not set")
    config = rloo_config(cell, cell.world, beta, generations)
    model, tokenizer = load_policy(cell.policy, attention=cell.settings.attention)
    without_dropout(model)
    model = with_adapters(model, cell.settings, cell.seed)
    keeper = Keeper(cell, tokenizer)
    reset_peak_memory()
    trainer = OnlineTrainer(cell.world, config, model=model, processing_class=tokenizer, callbacks=[keeper])
    keeper.trainer = trainer
    trainer.train()
    shutil.rmtree(str(config.output_dir), ignore_errors=True)
    write_outcome(cell, keeper)


def rloo_config(cell: TrainingCell, world: World, beta: float, generations: int) -> RLOOConfig:
    """TRL's arguments: the settings of all methods, and those of RLOO."""
    completions = 2 * cell.settings.batch_size
    if completions % generations or len(world.prompts) < completions // generations:
        raise UserError(
            f"rloo: a step of {completions} completions, two per pair of training.batch_size, cannot hold whole groups "
            f"of {generations} completions of {len(world.prompts)} prompts; lower or double one of them."
        )
    shared = shared_settings(cell)
    shared |= {"per_device_train_batch_size": 2 * shared["per_device_train_batch_size"], "save_strategy": "no"}
    return RLOOConfig(
        **shared,
        beta=beta,
        num_generations=generations,
        max_completion_length=world.max_new_tokens,
        temperature=1.0,
        disable_dropout=True,
    )


class OnlineTrainer(RLOOTrainer):
    """TRL's trainer on prompts that are tokenised already; TRL itself passes their ids around in place of text."""

    def __init__(self, world: World, args: RLOOConfig, **kwargs: Any) -> None:
        self.history: list[dict[str, Tensor]] = []
        self._row_of = {name: row for row, name in enumerate(world.prompts.ids)}
        self._world = world
        rows = Dataset.from_dict({"prompt": world.prompts.ids})
        super().__init__(reward_funcs=self._reward, args=args, train_dataset=rows, **kwargs)

    def _reward(self, prompts: Sequence[str], completions: Sequence[str], **kwargs: Any) -> list[float | None]:
        """In nats, one per completion."""
        texts = [self._world.prompts.texts[self._row_of[name]] for name in prompts]
        rewards: list[float | None] = self._world.reward(texts, completions).tolist()
        return rewards

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """The prompts' tokens, as the suite made them; no images."""
        return [self._world.prompts.tokens[self._row_of[name]] for name in prompts], None, {}

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss, recorded."""
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        last = {name: values[-1] for name, values in self._metrics["train"].items()}
        values = {"reward": last["reward"], "kl_per_token": last["kl"], "entropy_per_token": last["entropy"]}
        record_loss(self, loss, len(inputs["advantages"]) / 2, **values)
        return loss
