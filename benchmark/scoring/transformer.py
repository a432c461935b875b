"""The reward model of arXiv:2502.01930, Experiment 1: a pretrained transformer with a multi-label head.

The head reads the last token of the text.
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from benchmark.core.data import Floats
from benchmark.core.errors import UserError
from benchmark.core.graph import Progress, silent
from benchmark.core.hub import located, refusal
from benchmark.scoring.base import RewardModel
from benchmark.scoring.batches import sorted_batches

PAD_TOKEN = "<pad>"  # added where a tokenizer has none: with EOS as padding the last real token could not be found
SCORE_BATCH = 64
_WEIGHTS = ("*.safetensors", "*.bin")


class TransformerRewardModel(RewardModel):
    """A sequence classifier with one logit per objective, read at the last token of the text.

    max_tokens: where texts are cut, in training and in scoring.
    """

    kind = "transformer"

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, objectives: Sequence[str], max_tokens: int
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.objectives = tuple(objectives)
        self.max_tokens = max_tokens

    @torch.inference_mode()
    def score(self, texts: Sequence[str], batch_size: int = SCORE_BATCH) -> Floats:
        """Logits of shape [texts, objectives], batched by length; a text is cut after `max_tokens`."""
        rows = _encode(self.tokenizer, texts, self.max_tokens)
        scores = np.empty((len(rows), len(self.objectives)))
        for batch in sorted_batches([len(row) for row in rows], batch_size):
            inputs = _pad(self.tokenizer, [rows[row] for row in batch]).to(self.model.device)
            scores[batch] = self.model(**inputs).logits.float().cpu().numpy()
        return scores

    def save(self, folder: Path) -> None:
        """Write a transformers checkpoint with its tokenizer, the objectives and the length of texts."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        described = {"kind": self.kind, "objectives": self.objectives, "max_tokens": self.max_tokens}
        (folder / "reward_model.json").write_text(json.dumps(described))

    @classmethod
    def load(cls, folder: Path) -> TransformerRewardModel:
        """Read what `save` wrote; the model goes to the GPU where there is one."""
        described = json.loads((folder / "reward_model.json").read_text())
        model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = model.to("cuda" if torch.cuda.is_available() else "cpu")
        return cls(model, tokenizer, described["objectives"], described["max_tokens"])


def fit_transformer(
    source: str,
    texts: Sequence[str],
    labels: Floats,
    objectives: Sequence[str],
    *,
    seed: int,
    epochs: float = 8,
    batch_size: int = 64,
    learning_rate: float = 5e-5,
    weight_decay: float = 0.01,
    max_tokens: int = 256,
    progress: Progress = silent,
) -> TransformerRewardModel:
    """Fine-tune `source` as a multi-label classifier by binary cross-entropy, with transformers' Trainer.

    The defaults of the optimisation are those of the paper.

    Args:
        source: hub id or folder of a pretrained model.
        texts: training texts.
        labels: probability of every objective, shape [texts, objectives], in [0, 1].
        objectives: names of the columns of `labels`.
        seed: of the head's weights, the order and dropout.
        epochs: passes over the texts.
        batch_size: texts per step.
        learning_rate: AdamW's step at the start; it falls linearly to 0.
        weight_decay: of AdamW.
        max_tokens: where a text is cut; where `source` has fewer positions, it is cut there.
        progress: called with (steps done, steps in all).

    Raises:
        UserError: `source` cannot be loaded.
    """
    torch.manual_seed(seed)
    model, tokenizer = _pretrained(source, objectives)
    length = min(max_tokens, longest_text(model.config, tokenizer))
    rows = [
        {"input_ids": tokens, "labels": target}
        for tokens, target in zip(_encode(tokenizer, texts, length), np.asarray(labels, np.float32), strict=True)
    ]
    schedule = {"num_train_epochs": epochs, "per_device_train_batch_size": batch_size, "seed": seed}
    step = {"learning_rate": learning_rate, "weight_decay": weight_decay}
    _train(model, tokenizer, rows, progress, **schedule, **step)
    return TransformerRewardModel(model, tokenizer, objectives, length)


def _train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[dict[str, Any]],
    progress: Progress,
    **arguments: Any,
) -> None:
    """Train `model` in place on `rows` of tokens and labels; `arguments` are transformers' own."""
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=scratch,
                train_sampling_strategy="group_by_length",
                bf16=False,
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
                dataloader_pin_memory=torch.cuda.is_available(),
                remove_unused_columns=False,
                **arguments,
            ),
            train_dataset=rows,
            data_collator=functools.partial(_collate, tokenizer),
            callbacks=[_Report(progress)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def _collate(tokenizer: PreTrainedTokenizerBase, batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    targets = torch.from_numpy(np.stack([row["labels"] for row in batch]))
    return {**_pad(tokenizer, [row["input_ids"] for row in batch]), "labels": targets}


def check_base(source: str, text_tokens: int) -> None:
    """Look at a pretrained model before it is fine-tuned; of a hub id, only config and tokenizer are fetched.

    Args:
        source: hub id or folder.
        text_tokens: of the longest text whose score must not depend on a part of it alone.

    Raises:
        UserError: it cannot be had, has no tokenizer, or has too few positions.
    """
    folder = located(source)
    found = source if folder is None else folder
    try:
        config, tokenizer = AutoConfig.from_pretrained(found), AutoTokenizer.from_pretrained(found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _not_there(source, error) from error
    if not tokenizer("a text", add_special_tokens=False)["input_ids"]:
        raise UserError(f"the reward model's base {source!r} has no tokenizer: its files are missing or empty.")
    if folder is not None and not any(file for kind in _WEIGHTS for file in folder.glob(kind)):
        raise UserError(f"the reward model's base {source!r} holds no weights: {' or '.join(_WEIGHTS)} is expected.")
    length, needed = longest_text(config, tokenizer), text_tokens + tokenizer.num_special_tokens_to_add()
    if length < needed:
        raise UserError(
            f"the reward model's base {source!r} reads texts of up to {length} tokens, and {needed} are needed for a "
            "prompt and its completion. Take a model with more positions, or lower suite.max_new_tokens."
        )


def longest_text(config: Any, tokenizer: PreTrainedTokenizerBase) -> int:
    """Tokens that a model can read: the lesser of its positions and of what its tokenizer says."""
    positions: int | None = getattr(config, "max_position_embeddings", None)
    limit = int(tokenizer.model_max_length)
    return limit if positions is None else min(positions, limit)


def _pretrained(source: str, objectives: Sequence[str]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A classifier over `source` with a new head, and its tokenizer, both with the same pad token."""
    found = located(source) or source
    try:
        tokenizer = AutoTokenizer.from_pretrained(found)
        model = AutoModelForSequenceClassification.from_pretrained(
            found,
            num_labels=len(objectives),
            problem_type="multi_label_classification",
            id2label=dict(enumerate(objectives)),
            label2id={name: row for row, name in enumerate(objectives)},
            dtype=torch.float32,
        )
    except (OSError, ValueError) as error:
        raise _not_there(source, error) from error
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        tokenizer.add_special_tokens({"pad_token": PAD_TOKEN})
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    tokenizer.padding_side = "right"
    return model, tokenizer


def _not_there(source: str, error: Exception) -> UserError:
    return UserError(
        f"the reward model's base {source!r} is neither a folder with a model nor a model that the hub hands out: "
        f"{refusal(error)}\nsuite.reward_model=convolution needs nothing pretrained."
    )


def _encode(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
    """Tokens of every text, cut after `max_tokens`; a text without any is one end-of-sequence token."""
    rows = tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"] if len(texts) else []
    return [row or [tokenizer.eos_token_id] for row in rows]


def _pad(tokenizer: PreTrainedTokenizerBase, rows: list[list[int]]) -> Any:
    return tokenizer.pad({"input_ids": rows}, return_tensors="pt")


class _Report(TrainerCallback):
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Report the steps that are done."""
        self._progress(state.global_step, state.max_steps)
