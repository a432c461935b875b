"""A tiny Llama with a word-level tokenizer, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from benchmark.core.data import Prompts
from benchmark.policies.checkpoints import save_policy

WORDS = 60

MakePolicy = Callable[..., Path]


def _tokenizer() -> PreTrainedTokenizerFast:
    words = ["<pad>", "<s>", "</s>", "<unk>", *(f"w{i}" for i in range(WORDS - 4))]
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


@pytest.fixture(scope="session")
def make_policy(tmp_path_factory: pytest.TempPathFactory) -> MakePolicy:
    """`make_policy(seed)` writes a policy with heads of 32 dimensions; seeds give different weights."""

    def make(seed: int, heads: int = 2, positions: int = 512) -> Path:
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=WORDS,
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            max_position_embeddings=positions,
            tie_word_embeddings=True,
            initializer_range=0.15,
            rms_norm_eps=1e-2,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
        folder = tmp_path_factory.mktemp(f"policy{seed}-")
        save_policy(LlamaForCausalLM(config), _tokenizer(), folder)
        return folder

    return make


@pytest.fixture(scope="session")
def policy(make_policy: MakePolicy) -> Path:
    """One policy."""
    return make_policy(0)


@pytest.fixture(scope="session")
def other_policy(make_policy: MakePolicy) -> Path:
    """Another policy of the same architecture."""
    return make_policy(1)


@pytest.fixture(scope="session")
def prompts() -> Prompts:
    """Prompts of 3 to 11 tokens, and three of more than 128 that share a prefix."""
    source = torch.Generator().manual_seed(5)
    short = [torch.randint(3, WORDS, (3 + i % 9,), generator=source).tolist() for i in range(21)]
    shared = torch.randint(3, WORDS, (150,), generator=source).tolist()
    long = [[*shared, *torch.randint(3, WORDS, (1 + i,), generator=source).tolist()] for i in range(3)]
    tokens = [*short, *long]
    return Prompts([str(i) for i in range(len(tokens))], ["" for _ in tokens], tokens)


def single_prompt() -> Prompts:
    """One prompt of three tokens."""
    return Prompts(["0"], [""], [[5, 6, 7]])


def repeated(count: int) -> Prompts:
    """The same prompt `count` times."""
    return Prompts([str(i) for i in range(count)], [""] * count, [[5, 6, 7]] * count)
