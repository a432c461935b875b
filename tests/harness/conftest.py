"""A folder of tasks, and small policies over its words: one that learnt the labels, and one that learnt nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from benchmark.policies.checkpoints import save_policy
from benchmark.policies.scratch import ScratchPolicy, build_scratch_policy
from benchmark.suites.emotion.data import OBJECTIVES
from tests.harness.emotion_tasks import write_tasks
from tests.suites.emotion_texts import write_texts

STEPS, BATCH = 60, 16


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tasks(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Texts as a policy reads them, each with its label behind it, and a word at which an answer is cut."""
    file = write_texts(tmp_path_factory.mktemp("texts")) / "train.txt"
    return [f"{line.replace(';', ' : ')} again" for line in file.read_text().splitlines()]


@pytest.fixture(scope="session")
def tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    words = ["<pad>", "</s>", "<unk>", *OBJECTIVES]
    words += sorted({word for text in texts for word in text.split()} - set(words))
    core = Tokenizer(models.WordLevel({word: row for row, word in enumerate(words)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


def built(tokenizer: PreTrainedTokenizerFast, positions: int = 64) -> torch.nn.Module:
    shape = ScratchPolicy(len(tokenizer), 64, 2, 2, 96, max_length=positions, initializer_range=0.08)
    return build_scratch_policy(shape, tokenizer, seed=0)


@pytest.fixture(scope="session")
def untrained(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("untrained")
    save_policy(built(tokenizer), tokenizer, folder)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def trained(tokenizer: PreTrainedTokenizerFast, texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It writes the label behind a text, `again`, and then ends."""
    model = built(tokenizer)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(STEPS):
        chosen = [f"{texts[row % len(texts)]} </s>" for row in range(step * BATCH, (step + 1) * BATCH)]
        batch = tokenizer(chosen, padding=True, padding_side="right", return_tensors="pt")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        loss = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    folder = tmp_path_factory.mktemp("trained")
    save_policy(model, tokenizer, folder)  # type: ignore[arg-type]
    return folder
