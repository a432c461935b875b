"""Supervised fine-tuning of a causal language model on token rows, by transformers' own Trainer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from benchmark.core.errors import UserError
from benchmark.core.graph import Progress, silent


@dataclass(frozen=True)
class LanguageModelFit:
    """What a fit cost and reached. loss: mean nats per token over about the last tenth of steps."""

    loss: float
    steps: int
    seconds: float


def fit_language_model(
    model: PreTrainedModel,
    rows: Sequence[Sequence[int]],
    *,
    pad_token_id: int,
    learning_rate: float,
    batch_size: int,
    epochs: float,
    warmup_steps: int = 0,
    schedule: str = "linear",
    weight_decay: float = 0.0,
    clip: float = 1.0,
    seed: int,
    folder: Path,
    progress: Progress = silent,
) -> LanguageModelFit:
    """Train `model` in place on the next-token loss, averaged over the tokens of a batch, with AdamW.

    The same seed on one thread gives the same weights, bit for bit.

    Args:
        rows: token ids of whole texts, EOS included; shuffled anew in every epoch.
        epochs: passes over `rows`; may be fractional.
        schedule: of the learning rate, by transformers' name ("linear", "cosine", "constant", ...).
        clip: the largest gradient norm; 0 switches clipping off.
        folder: scratch space of the Trainer; nothing is saved there.
        progress: called with (steps done, steps in all) after every step.

    Raises:
        UserError: no rows, or a row of fewer than two tokens.
    """
    if not rows or min(map(len, rows)) < 2:
        raise UserError("a language model is trained on at least one text, and every text has at least two tokens.")
    size = {"per_device_train_batch_size": batch_size, "num_train_epochs": epochs, "seed": seed}
    rate = {"learning_rate": learning_rate, "lr_scheduler_type": schedule, "warmup_steps": warmup_steps}
    arguments = _arguments(folder, **size, **rate, weight_decay=weight_decay, max_grad_norm=clip)
    watch = _Watch(progress)
    batches = LengthGroupedBatches([len(row) for row in rows], batch_size, seed)
    trainer = _RowTrainer(PaddedRows(rows, pad_token_id), batches, model=model, args=arguments, callbacks=[watch])
    trainer.remove_callback(PrinterCallback)
    start = time.perf_counter()
    steps = trainer.train().global_step
    model.eval()
    return LanguageModelFit(watch.loss, steps, time.perf_counter() - start)


def _arguments(folder: Path, **chosen: Any) -> TrainingArguments:
    """Those that were chosen, and those that are the same for every fit."""
    return TrainingArguments(
        str(folder),
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=True,
        logging_steps=0.1,
        save_strategy="no",
        report_to="none",
        **chosen,
    )


class PaddedRows(Dataset[dict[str, Tensor]]):
    """Token rows padded once, on the right, to the longest; a batch is cut to its own longest row.

    No attention mask is needed: under causal attention no token sees the padding behind it, and padding has no label.
    """

    def __init__(self, rows: Sequence[Sequence[int]], pad_token_id: int) -> None:
        self.lengths = torch.tensor([len(row) for row in rows])
        self.tokens = torch.full((len(rows), int(self.lengths.max())), pad_token_id)
        for row, tokens in enumerate(rows):
            self.tokens[row, : len(tokens)] = torch.as_tensor(tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitems__(self, rows: list[int]) -> dict[str, Tensor]:
        """A batch: `input_ids` and `labels` (-100 at padding), shape [rows, longest]."""
        lengths = self.lengths[rows]
        tokens = self.tokens[rows, : int(lengths.max())]
        padding = torch.arange(tokens.shape[1]) >= lengths[:, None]
        return {"input_ids": tokens, "labels": tokens.masked_fill(padding, -100)}


class LengthGroupedBatches(Sampler[list[int]]):
    """Batches of rows of like length, so that little is padded: every row once per pass, in a fresh random order.

    Each pass shuffles the rows, sorts them by length within stretches of `STRETCH` batches, and shuffles the batches.
    """

    STRETCH = 20

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.batch_size = batch_size
        self.drop_last = False
        self._lengths = np.asarray(lengths)
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-len(self._lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = self._random.permutation(len(self._lengths))
        stretch = self.STRETCH * self.batch_size
        batches: list[list[int]] = []
        for start in range(0, len(order), stretch):
            rows = order[start : start + stretch]
            rows = rows[np.argsort(self._lengths[rows], kind="stable")]
            batches += [rows[at : at + self.batch_size].tolist() for at in range(0, len(rows), self.batch_size)]
        return (batches[index] for index in self._random.permutation(len(batches)))


class _RowTrainer(Trainer):
    """A Trainer that takes the batches of `rows` as `batches` says."""

    def __init__(self, rows: PaddedRows, batches: LengthGroupedBatches, **kwargs: Any) -> None:
        super().__init__(train_dataset=rows, **kwargs)
        self.rows, self.batches = rows, batches

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Whole batches, split over processes where there are several."""
        return self.accelerator.prepare(
            DataLoader(
                self.rows, batch_sampler=self.batches, collate_fn=_as_it_is, pin_memory=self.args.dataloader_pin_memory
            )
        )


def _as_it_is(batch: Any) -> Any:
    """`PaddedRows` hands out whole batches: there is nothing left to collate."""
    return batch


class _Watch(TrainerCallback):
    """Reports progress after every step and keeps the loss that was logged last."""

    def __init__(self, progress: Progress) -> None:
        self.loss = float("nan")
        self._progress = progress

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """One more step is done."""
        self._progress(state.global_step, state.max_steps)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """A mean over the steps since the last log; the summary at the end of training has no `loss`."""
        self.loss = kwargs["logs"].get("loss", self.loss)
