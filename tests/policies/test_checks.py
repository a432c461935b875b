"""A policy is looked at before anything trains: what was wrong, what was got, what is allowed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig, GPT2Config, GPT2LMHeadModel, LlamaForCausalLM, PreTrainedTokenizerFast, T5Config

from benchmark.core.errors import UserError
from benchmark.generation import backends
from benchmark.policies.checks import check_head_dimension, check_policy, head_dimension

MakeModel = Callable[..., LlamaForCausalLM]
MakeTokenizer = Callable[..., PreTrainedTokenizerFast]
FITS = {"prompt_tokens": 4, "max_new_tokens": 60}  # of 64 positions


@pytest.fixture
def saved(make_model: MakeModel, make_tokenizer: MakeTokenizer, tmp_path: Path) -> Path:
    """A sound policy of 64 positions, without a pad token."""
    make_model(0).save_pretrained(tmp_path / "policy")
    make_tokenizer(None).save_pretrained(tmp_path / "policy")
    return tmp_path / "policy"


def edit(file: Path, **changes: Any) -> None:
    """Set keys of a JSON file; None removes one."""
    whole = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({key: value for key, value in whole.items() if value is not None}))


def test_a_sound_policy_passes(saved: Path) -> None:
    described = check_policy(str(saved), **FITS, text_tokens=64)
    assert described.config.max_position_embeddings == 64 and described.tokenizer.eos_token_id == 2


def test_a_pad_token_that_is_end_of_sequence_passes(saved: Path, make_tokenizer: MakeTokenizer) -> None:
    """`load_policy` adds a distinct one."""
    make_tokenizer("</s>").save_pretrained(saved)
    check_policy(str(saved), **FITS)


@pytest.mark.parametrize("sizes", [{"max_new_tokens": 61}, {"prompt_tokens": 5}, {"text_tokens": 65}])
def test_too_few_positions(saved: Path, sizes: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"suite.policy: .* has 64 positions, and 65 are needed: .*max_new_tokens"):
        check_policy(str(saved), **{**FITS, **sizes})


def test_what_the_tokenizer_puts_before_a_prompt_takes_a_position(saved: Path) -> None:
    """BOS, from a post-processor as Llama's tokenizers have it."""
    file = saved / "tokenizer.json"
    bos = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    single = [bos, {"Sequence": {"id": "A", "type_id": 0}}]
    processor = {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
    }
    edit(file, post_processor=processor)
    with pytest.raises(UserError, match="65 are needed: prompts have 5 tokens"):
        check_policy(str(saved), **FITS)


def test_no_end_of_sequence_token(saved: Path) -> None:
    edit(saved / "tokenizer_config.json", eos_token=None)
    with pytest.raises(UserError, match=r"no end-of-sequence token, so no completion could end\. Set eos_token"):
        check_policy(str(saved), **FITS)


def test_more_tokens_than_embeddings(saved: Path, make_model: MakeModel) -> None:
    make_model(0, vocabulary=7).save_pretrained(saved)
    with pytest.raises(UserError, match="has 8 tokens, but the policy has embeddings for 7 only"):
        check_policy(str(saved), **FITS)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_no_tokenizer_files(saved: Path, kind: str) -> None:
    """For GPT-2 transformers makes up a tokenizer without words, which reads every text as nothing."""
    for file in saved.glob("tokenizer*"):
        file.unlink()
    if kind == "gpt2":
        config = GPT2Config(vocab_size=8, n_positions=64, n_embd=32, n_layer=1, n_head=1)
        GPT2LMHeadModel(config).save_pretrained(saved)
    with pytest.raises(UserError, match=r"policy .* has no (readable )?tokenizer: "):
        check_policy(str(saved), **FITS)


@pytest.mark.parametrize(
    ("left", "got"),
    [(None, "no file of weights"), ("pytorch_model.bin", "pytorch_model.bin"), ("short", "cannot be read")],
)
def test_no_weights(saved: Path, left: str | None, got: str) -> None:
    weights = saved / "model.safetensors"
    if left == "short":
        weights.write_bytes(weights.read_bytes()[:100])
    elif left:
        weights.rename(saved / left)
    else:
        weights.unlink()
    with pytest.raises(UserError, match=got):
        check_policy(str(saved), **FITS)


def test_no_config(saved: Path) -> None:
    (saved / "config.json").unlink()
    with pytest.raises(UserError, match=r"has no config.json"):
        check_policy(str(saved), **FITS)


def test_no_causal_language_model(saved: Path) -> None:
    T5Config().save_pretrained(saved)
    with pytest.raises(UserError, match="type 't5', which is no causal language model"):
        check_policy(str(saved), **FITS)


@pytest.mark.parametrize("weights", [True, False])
def test_of_a_hub_id_only_small_files_are_fetched(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: bool
) -> None:
    import huggingface_hub

    asked = []

    def snapshot_download(source: str, allow_patterns: list[str], **_: Any) -> str:
        asked.append(allow_patterns)
        shutil.copytree(saved, tmp_path / "snapshot", ignore=shutil.ignore_patterns("*.safetensors"))
        return str(tmp_path / "snapshot")

    names = ["config.json", "model.safetensors"] if weights else ["config.json", "model.gguf"]
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda self, source: names)
    if weights:
        check_policy("some/policy", **FITS)
    else:
        with pytest.raises(UserError, match=r"'some/policy' holds no weights: .*safetensors.*, got model.gguf"):
            check_policy("some/policy", **FITS)
    assert asked == [["*.json", "*.txt", "*.model", "*.jinja"]]


def test_a_hub_id_that_nobody_knows() -> None:
    with pytest.raises(UserError, match=r"my.setting: policy 'no/such-model' is neither a folder nor a model"):
        check_policy("no/such-model", **FITS, setting="my.setting")


def test_head_dimension() -> None:
    assert head_dimension(GPT2Config(n_embd=96, n_head=3)) == 32
    assert head_dimension(BertConfig(hidden_size=60, num_attention_heads=3)) == 20
    check_head_dimension("mine", GPT2Config(n_embd=96, n_head=3), (32, 64), "An engine")
    with pytest.raises(UserError, match=r"An engine cannot run 'mine': .* have 20 dimensions, allowed are 32, 64"):
        check_head_dimension("mine", BertConfig(hidden_size=60, num_attention_heads=3), (32, 64), "An engine")


def test_only_vllm_on_a_cpu_minds_the_head_dimension(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = GPT2Config(n_embd=40, n_head=2)
    monkeypatch.setattr(backends, "gpu_count", lambda: 0)
    backends.check_served("transformers", "mine", odd)
    with pytest.raises(UserError, match=r"vLLM on a CPU cannot run 'mine'.* have 20 dimensions.*'transformers'"):
        backends.check_served("vllm", "mine", odd)
    monkeypatch.setattr(backends, "gpu_count", lambda: 1)
    backends.check_served("vllm", "mine", odd)
