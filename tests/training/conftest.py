"""A tiny policy with a word-level tokenizer, and pairs of random tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from benchmark.core.data import Pairs
from benchmark.policies.logprobs import completion_logps
from benchmark.training.batch import ReferenceLogps

VOCABULARY = 24


@pytest.fixture
def tokenizer():
    words = {"<pad>": 0, "<eos>": 1, "<unk>": 2, **{f"w{i}": i for i in range(3, VOCABULARY)}}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")


@pytest.fixture
def make_policy():
    def make(attention: str = "sdpa", vocabulary: int = VOCABULARY) -> LlamaForCausalLM:
        torch.manual_seed(1)
        config = LlamaConfig(
            vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=1,
            num_key_value_heads=1, tie_word_embeddings=True, rms_norm_eps=1e-2, initializer_range=0.3,
            pad_token_id=0, eos_token_id=1, bos_token_id=None, attn_implementation=attention,
        )  # fmt: skip
        return LlamaForCausalLM(config)

    return make


@pytest.fixture
def pairs() -> Pairs:
    """64 pairs; prompts of 2 to 4 tokens, chosen completions of 1 to 7, rejected ones of 1 to 9."""
    rng = np.random.default_rng(0)

    def tokens(low: int, high: int) -> list[list[int]]:
        return [rng.integers(3, VOCABULARY, rng.integers(low, high + 1)).tolist() for _ in range(64)]

    return Pairs(tokens(2, 4), tokens(1, 7), tokens(1, 9), rng.random(64))


@pytest.fixture
def reference(pairs, make_policy) -> ReferenceLogps:
    """Reference log-probabilities off those of the policy, so that log-ratios are not all zero."""
    model, noise = make_policy().eval(), np.random.default_rng(1)
    chosen = completion_logps(model, pairs.prompts, pairs.chosen, 0) + noise.normal(0, 2, 64)
    rejected = completion_logps(model, pairs.prompts, pairs.rejected, 0) + noise.normal(0, 2, 64)
    return ReferenceLogps(chosen, rejected)
