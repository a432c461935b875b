"""TRL's KTOTrainer on pairs that are taken apart, under the settings of all other methods.

One step sees both sides of `batch_size` pairs, so as many completions as a step of DPO, in as many steps. What KTO
subtracts from every log-ratio, z = max(0, mean log-ratio of completions beside prompts that are not theirs), is the
mean over the whole batch here, whatever the micro-batches: TRL's own is that of one micro-batch.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from trl import KTOConfig, KTOTrainer
from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

from benchmark.core.data import Floats, Pairs
from benchmark.core.errors import UserError
from benchmark.core.resources import reset_peak_memory
from benchmark.policies.checkpoints import load_policy
from benchmark.policies.logprobs import completion_logps
from benchmark.training.adapters import with_adapters
from benchmark.training.batch import ReferenceLogps
from benchmark.training.cell import TrainingCell
from benchmark.training.recording import Keeper, record_loss, shared_settings, without_dropout, write_outcome


def train_kto(cell: TrainingCell, beta: float, desirable_weight: float, undesirable_weight: float) -> None:
    """Train on the cell's pairs with KTO's loss; writes checkpoints, `curve.parquet` and `cost.json`.

    The reference's log-probabilities beside other prompts are set-up and not part of the step times. A run that was
    stopped starts anew.

    Raises:
        UserError: batches of one pair, in which every completion stands beside its own prompt.
        FloatingPointError: the loss was not finite at some step.
    """
    config = kto_config(cell, beta, desirable_weight, undesirable_weight)
    model, tokenizer = load_policy(cell.policy, "cpu" if config.use_cpu else "cuda", cell.settings.attention)
    without_dropout(model)
    model = with_adapters(model, cell.settings, cell.seed)
    micro = config.per_device_train_batch_size // 2
    examples = lay_out(cell.pairs, cell.settings.batch_size, micro, config.max_steps, cell.seed)
    logps = reference_logps(model, cell.pairs, cell.reference, examples, tokenizer.pad_token_id)
    keeper = Keeper(cell, tokenizer)
    reset_peak_memory()
    trainer = UnpairedTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_dict({"row": range(len(examples))}),
        data_collator=UnpairedCollator(cell.pairs, examples, logps, tokenizer.pad_token_id),
        processing_class=tokenizer,
        callbacks=[keeper],
    )
    keeper.trainer = trainer
    trainer.train()
    shutil.rmtree(str(config.output_dir), ignore_errors=True)
    write_outcome(cell, keeper)


def kto_config(cell: TrainingCell, beta: float, desirable_weight: float, undesirable_weight: float) -> KTOConfig:
    """TRL's arguments: the settings of all methods, and those of the loss."""
    if cell.settings.batch_size < 2 or len(cell.pairs) < 2:
        raise UserError("kto needs at least two pairs per batch: a completion must stand beside another's prompt.")
    shared = shared_settings(cell)
    shared |= {"per_device_train_batch_size": 2 * shared["per_device_train_batch_size"], "save_strategy": "no"}
    return KTOConfig(
        **shared,
        beta=beta,
        desirable_weight=desirable_weight,
        undesirable_weight=undesirable_weight,
        precompute_ref_log_probs=True,  # they come with the batch: no reference model is loaded
        remove_unused_columns=False,
        max_length=None,
    )


@dataclass(frozen=True)
class Examples:
    """The completions that training sees, in the order of the steps; each of shape [examples].

    pair: whose completion it is; beside: the pair whose prompt stands before it where z is estimated; desirable:
    whether it is the chosen one.
    """

    pair: np.ndarray
    beside: np.ndarray
    desirable: np.ndarray

    def __len__(self) -> int:
        return len(self.pair)


def lay_out(pairs: Pairs, batch_size: int, micro: int, steps: int, seed: int) -> Examples:
    """Pairs in a new order in every epoch, cut into batches without a break between epochs; a micro-batch holds the
    chosen completions of its pairs, then the rejected ones.

    For z, a completion goes with the prompt of the next pair of its batch, so that the batch's completions stand there
    once each, and none depends on the micro-batches.
    """
    order = np.concatenate(list(_epochs(len(pairs), math.ceil(steps * batch_size / len(pairs)), seed)))
    batches = order[: steps * batch_size].reshape(steps, batch_size)
    beside = np.roll(batches, -1, axis=1)

    def both_sides(rows: np.ndarray) -> np.ndarray:
        return np.repeat(rows.reshape(-1, 1, micro), 2, axis=1).ravel()

    desirable = np.tile(np.repeat([True, False], micro), steps * batch_size // micro)
    return Examples(both_sides(batches), both_sides(beside), desirable)


def _epochs(pairs: int, epochs: int, seed: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(seed)
    return (random.permutation(pairs) for _ in range(epochs))


@dataclass(frozen=True)
class UnpairedLogps:
    """Log-probabilities under the reference in nats, shape [examples]: beside its own prompt, and beside another's."""

    own: Floats
    beside: Floats


def reference_logps(
    model: Any, pairs: Pairs, reference: ReferenceLogps, examples: Examples, pad_token_id: int
) -> UnpairedLogps:
    """What the trainer needs of the reference, from `model`, which is not trained yet, and from what is known."""
    prompts = [pairs.prompts[pair] for pair in examples.beside]
    return UnpairedLogps(
        np.where(examples.desirable, reference.chosen[examples.pair], reference.rejected[examples.pair]),
        completion_logps(model, prompts, _completions(pairs, examples), pad_token_id),
    )


def _completions(pairs: Pairs, examples: Examples) -> list[list[int]]:
    return [
        pairs.chosen[pair] if desirable else pairs.rejected[pair]
        for pair, desirable in zip(examples.pair, examples.desirable, strict=True)
    ]


class UnpairedCollator:
    """Turns row numbers into TRL's batch, through TRL's own collator; token ids are taken as they are."""

    def __init__(self, pairs: Pairs, examples: Examples, logps: UnpairedLogps, pad_token_id: int) -> None:
        self._pairs, self._examples, self._logps = pairs, examples, logps
        self._completions = _completions(pairs, examples)
        self._collate = DataCollatorForUnpairedPreference(pad_token_id=pad_token_id)

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, Tensor]:
        """The batch of the given rows, each `{"row": number}`."""
        numbers = [row["row"] for row in rows]
        batch = self._collate([self._example(number) for number in numbers])
        swapped = self._collate([self._beside(number) for number in numbers])
        batch |= {f"KL_{name}": swapped[name] for name in ("input_ids", "attention_mask", "completion_mask")}
        return {name: value.float() if value.is_floating_point() else value for name, value in batch.items()}

    def _example(self, row: int) -> dict[str, Any]:
        return {
            "prompt_ids": self._pairs.prompts[self._examples.pair[row]],
            "completion_ids": self._completions[row],
            "label": bool(self._examples.desirable[row]),
            "ref_logps": self._logps.own[row],
            "ref_KL_logps": self._logps.beside[row],
        }

    def _beside(self, row: int) -> dict[str, Any]:
        prompt = self._pairs.prompts[self._examples.beside[row]]
        return {"prompt_ids": prompt, "completion_ids": self._completions[row], "label": True}


class UnpairedTrainer(KTOTrainer):
    """TRL's trainer with batches that come ready-made, and with z taken over the whole batch of an optimiser step."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.history: list[dict[str, Tensor]] = []
        self._batches: list[dict[str, Tensor]] = []  # the micro-batches of the step
        self._mean: Tensor | None = None  # of their mismatched log-ratios, once it is asked for
        super().__init__(*args, **kwargs)

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        """The rows are numbers of completions that are tokenised already."""
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        """The batch carries them."""
        return dataset

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], Any]:
        """All micro-batches of one optimiser step, kept until the step is done."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._batches, self._mean = [self._prepare_inputs(batch) for batch in batches], None
        return self._batches, items

    def _compute_kl_logps(self, model: Any, batch: dict[str, Tensor]) -> Tensor:
        """Such log-probabilities that TRL, which takes their mean distance from the reference's, finds that of the
        whole batch; shape [examples of the micro-batch]."""
        if self._mean is None:
            logps = [super(UnpairedTrainer, self)._compute_kl_logps(model, other) for other in self._batches]
            gaps = [own - other["ref_KL_logps"] for own, other in zip(logps, self._batches, strict=True)]
            self._mean = self.accelerator.gather(torch.cat(gaps)).mean()
        return batch["ref_KL_logps"] + self._mean

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss, recorded."""
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        last = {name: values[-1] for name, values in self._metrics["train"].items()}
        ratios = {f"{side}_log_ratio": last[f"rewards/{side}"] / self.beta for side in ("chosen", "rejected")}
        record_loss(self, loss, len(inputs["label"]) / 2, **ratios, z=last["kl"])
        return loss
