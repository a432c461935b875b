"""Reward models that are sequence classifiers of transformers: one head or many, read at the last token of a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from benchmark.core.data import Floats
from benchmark.core.errors import UserError, unknown
from benchmark.core.hub import located
from benchmark.policies.checkpoints import HUB_FILES, SMALL_FILES, WEIGHTS, fetch, hub_files
from benchmark.scoring.answers import AnswerFormat, AnswerScorer, batches, resolve_format, unused_padding
from benchmark.scoring.transformer import longest_text

BATCH = 16  # texts; large batches of long texts are slower, for their padding


def device() -> torch.device:
    """Where reward models compute."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision() -> torch.dtype:
    """Of their weights: bfloat16 on a GPU, float32 on a CPU."""
    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


class SequenceClassifier(AnswerScorer):
    """Any checkpoint of `AutoModelForSequenceClassification`; rewards are its logits, never squashed."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Tokenizer,
        format_: AnswerFormat,
        max_tokens: int,
        batch_size: int = BATCH,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.format = format_
        self.max_tokens = min(max_tokens, longest_text(model.config, tokenizer))
        self.batch_size = batch_size
        self.heads = head_names(model.config)

    @classmethod
    def load(
        cls, source: str, format_: AnswerFormat | None, max_tokens: int, dtype: torch.dtype | None = None
    ) -> SequenceClassifier:
        """Read a checkpoint.

        Args:
            source: folder or hub id.
            format_: what it reads; None: by its chat template.
            max_tokens: where texts are cut; where it has fewer positions, they are cut there.
            dtype: of the weights; None: bfloat16 on a GPU, float32 on a CPU.

        Raises:
            UserError: nothing there, no reward model, no chat template, or weights without the head.
        """
        folder = fetch_whole(source)
        tokenizer, _ = _described(source)
        chosen = resolve_format(format_, tokenizer, source)
        loaded: Any = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, dtype=dtype or precision()
        )
        model, info = loaded
        check_complete(source, info)
        return cls(model.to(device()), tokenizer, chosen, max_tokens)

    @torch.inference_mode()
    def score(self, prompts: Sequence[str], answers: Sequence[str]) -> Floats:
        """Logits of shape [answers, heads]; batched by length, padded with a token that ends no text."""
        rows = self.format.encode(self.tokenizer, prompts, answers, self.max_tokens)
        scores = np.empty((len(rows), len(self.heads)))
        if not rows:
            return scores
        config = self.model.config
        pad = unused_padding(rows, self.tokenizer, config.get_text_config().vocab_size)
        config.pad_token_id = config.get_text_config().pad_token_id = pad
        for batch, inputs in batches(rows, pad, self.batch_size):
            logits = self.model(**{name: tensor.to(self.model.device) for name, tensor in inputs.items()}).logits
            scores[batch] = logits.float().cpu().numpy()
        return scores


def head_names(config: Any) -> tuple[str, ...]:
    """Names of a classifier's heads: those of its `id2label`."""
    labels = {int(number): str(name) for number, name in config.id2label.items()}
    return tuple(labels[number] for number in range(config.num_labels))


def head_position(source: str, heads: Sequence[str], head: str | None) -> int:
    """The column of one head, which is named, or numbered from 0.

    Raises:
        UserError: no such head; or none is named and there are several.
    """
    if head is None:
        if len(heads) == 1:
            return 0
        raise UserError(
            f"{source!r} has {len(heads)} heads: name one as {source}#{heads[0]}. It has {', '.join(heads)}."
        )
    if head in heads:
        return list(heads).index(head)
    if head.isdigit() and int(head) < len(heads):
        return int(head)
    raise UserError(f"{source!r}: {unknown('head', head, heads)}")


def check_classifier(source: str, format_: AnswerFormat | None, text_tokens: int) -> tuple[str, ...]:
    """Look at a checkpoint before anything runs, by its small files; returns its heads.

    Args:
        source: folder or hub id.
        format_: as in `SequenceClassifier.load`.
        text_tokens: of the longest prompt with its answer.

    Raises:
        UserError: it cannot be had, is no sequence classifier, has no chat template where one is needed, or reads
            fewer tokens.
    """
    tokenizer, config = _described(source)
    resolve_format(format_, tokenizer, source)
    named = config.architectures or []
    if not any("ForSequenceClassification" in name or "RewardModel" in name for name in named):
        raise UserError(
            f"{source!r} is no reward model: a sequence classifier is expected, and its config.json names "
            f"{', '.join(named) or 'no architecture'}."
        )
    check_length(source, longest_text(config, tokenizer), text_tokens)
    return head_names(config)


def check_length(source: str, readable: int, text_tokens: int) -> None:
    """Raise a UserError where a reward model could not read the longest prompt with its answer to its end."""
    if readable < text_tokens:
        raise UserError(
            f"the reward model {source!r} reads {readable} tokens, and a prompt with its answer may have {text_tokens}"
            ": lower suite.max_prompt_tokens or suite.max_new_tokens, or take another model."
        )


def check_complete(source: str, info: Any) -> None:
    """Raise a UserError where weights are missing: transformers itself would only warn, and make them up."""
    if info["missing_keys"]:
        some = ", ".join(sorted(info["missing_keys"])[:3])
        raise UserError(f"the reward model {source!r} lacks weights: {some}. It was not trained as one.")


def fetch_whole(source: str) -> Path:
    """The folder of a checkpoint with its weights: safetensors, else what PyTorch pickled."""
    folder = located(source)
    if folder is not None:
        return folder
    old = not any(Path(name).match(WEIGHTS) for name in hub_files(source))
    return fetch(source, (*SMALL_FILES, "*.bin") if old else HUB_FILES)


def _described(source: str) -> tuple[Tokenizer, Any]:
    """The tokenizer and the config of a checkpoint, from its small files."""
    folder = fetch(source, SMALL_FILES)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"the reward model {source!r} cannot be read: {str(error).splitlines()[0]}") from error
    if not tokenizer("a text", add_special_tokens=False)["input_ids"]:
        raise UserError(f"the reward model {source!r} has no tokenizer: its files are missing or empty.")
    return tokenizer, config
