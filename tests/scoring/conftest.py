"""Texts whose labels one word decides, and a tiny pretrained transformer made on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core.data import Floats

MARKERS = ("furious", "merry")
FILLERS = ("today", "i", "was", "at", "home", "and", "then", "the", "dog", "slept", "again", "quietly")


@pytest.fixture(scope="session")
def marked_texts() -> tuple[list[str], Floats]:
    """600 texts of 4 to 14 words; objective j is 1 where its marker word is in the text."""
    generator = np.random.default_rng(0)
    texts, labels = [], []
    for _ in range(600):
        words = list(generator.choice(FILLERS, size=generator.integers(4, 13)))
        present = generator.random(2) < 0.5
        for marker in np.array(MARKERS)[present]:
            words.insert(int(generator.integers(len(words) + 1)), str(marker))
        texts.append(" ".join(words))
        labels.append(present.astype(float))
    return texts, np.array(labels)


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of one layer with a word-level tokenizer that, like GPT-2's, has no pad token."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_gpt2")
    words = ["<|endoftext|>", "<unk>", *FILLERS, *MARKERS]
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|endoftext|>", unk_token="<unk>")
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(words), n_positions=64, n_embd=32, n_layer=1, n_head=1, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
