"""Small models with few words, made on the spot."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

MakeModel = Callable[..., LlamaForCausalLM]
MakeTokenizer = Callable[..., PreTrainedTokenizerFast]


@pytest.fixture(scope="session")
def make_model() -> MakeModel:
    """`make_model(seed, vocabulary)`: a Llama of one layer whose predictions are far from uniform."""

    def make(seed: int, vocabulary: int = 8, tied: bool = True) -> LlamaForCausalLM:
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=64,
            tie_word_embeddings=tied,
            initializer_range=0.5,
            rms_norm_eps=1e-2,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
        return LlamaForCausalLM(config).eval()

    return make


@pytest.fixture(scope="session")
def make_tokenizer() -> MakeTokenizer:
    """`make_tokenizer(pad)`: eight words; `pad` is the pad token, or None."""

    def make(pad: str | None = "<pad>") -> PreTrainedTokenizerFast:
        words = ["<pad>", "<s>", "</s>", "<unk>", "a", "b", "c", "d"]
        core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
        core.pre_tokenizer = pre_tokenizers.Whitespace()
        names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", **({"pad_token": pad} if pad else {})}
        return PreTrainedTokenizerFast(tokenizer_object=core, **names)

    return make
