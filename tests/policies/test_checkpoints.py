"""Policies on disk: what is written is read, and what does not fit is refused with its reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from benchmark.core.errors import UserError
from benchmark.policies.checkpoints import (
    architecture_key,
    check_checkpoint,
    end_tokens,
    load_policy,
    save_policy,
    weights_stamp,
)

MakeModel = Callable[..., LlamaForCausalLM]
MakeTokenizer = Callable[..., PreTrainedTokenizerFast]


@pytest.fixture
def saved(make_model: MakeModel, make_tokenizer: MakeTokenizer, tmp_path: Path) -> Path:
    """A sound checkpoint."""
    folder = tmp_path / "policy"
    save_policy(make_model(0), make_tokenizer(), folder)
    return folder


def edited(folder: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change the tensors of a checkpoint."""
    weights = load_file(folder / "model.safetensors")
    edit(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_round_trip(saved: Path, make_model: MakeModel) -> None:
    """Weights, ids and tokenizer come back; the model is in evaluation mode and fp32."""
    model, tokenizer = load_policy(saved, attention="eager")
    for name, weight in make_model(0).state_dict().items():
        assert torch.equal(model.state_dict()[name], weight), name
    assert not model.training and model.dtype == torch.float32 and model.config._attn_implementation == "eager"
    assert tokenizer("a c")["input_ids"] == [4, 6]
    assert (model.config.pad_token_id, model.generation_config.eos_token_id) == (0, 2)
    assert end_tokens(saved, tokenizer) == [2]
    assert load_policy(saved, dtype=torch.bfloat16)[0].dtype == torch.bfloat16


@pytest.mark.parametrize("tied", [True, False])
def test_sound_checkpoints_pass(
    make_model: MakeModel, make_tokenizer: MakeTokenizer, tmp_path: Path, tied: bool
) -> None:
    """With tied embeddings no output head is stored; without, it must be."""
    save_policy(make_model(0, tied=tied), make_tokenizer(), tmp_path)
    check_checkpoint(tmp_path)
    if not tied:
        edited(tmp_path, lambda weights: weights.pop("lm_head.weight"))
        with pytest.raises(UserError, match=r"lm_head.weight is missing"):
            check_checkpoint(tmp_path)


@pytest.mark.parametrize("read", [check_checkpoint, load_policy])
@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda weights: weights.pop("model.norm.weight"), "model.norm.weight is missing"),
        (lambda weights: weights.update({"model.norm.weight": torch.ones(3)}), r"shape \[3\], its config says \[16\]"),
    ],
)
def test_weights_that_do_not_fit(
    saved: Path, read: Callable[[Path], object], edit: Callable[[dict[str, torch.Tensor]], object], message: str
) -> None:
    """The tensor is named; nothing is made up in its place."""
    edited(saved, edit)
    with pytest.raises(UserError, match=message):
        read(saved)


@pytest.mark.parametrize("read", [check_checkpoint, load_policy])
def test_files_that_cannot_be_read(saved: Path, read: Callable[[Path], object]) -> None:
    """A truncated weights file, none at all, a broken config, no folder."""
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be read"):
        read(saved)
    weights.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        read(saved)
    (saved / "config.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        read(saved)
    shutil.rmtree(saved)
    with pytest.raises(UserError, match=r"does not exist|neither a folder nor a model"):
        read(saved)


@pytest.mark.parametrize("pad", [None, "</s>"])
def test_a_pad_token_is_needed(
    make_model: MakeModel, make_tokenizer: MakeTokenizer, tmp_path: Path, pad: str | None
) -> None:
    """None, or the end of sequence in its place: refused, or added with a row of its own when asked for."""
    make_model(0).save_pretrained(tmp_path)
    make_tokenizer(pad).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="no pad token of its own"):
        load_policy(tmp_path)
    with pytest.raises(UserError, match="without a pad token"):
        save_policy(make_model(0), make_tokenizer(pad), tmp_path / "again")
    model, tokenizer = load_policy(tmp_path, pad_token="<|pad|>")
    assert tokenizer.pad_token_id == 8 == model.config.pad_token_id
    assert model.config.vocab_size == 9 == model.lm_head.weight.shape[0]
    save_policy(model, tokenizer, tmp_path / "padded")
    assert load_policy(tmp_path / "padded")[1].pad_token_id == 8


def test_no_tokenizer(saved: Path) -> None:
    """Weights alone are not a policy."""
    for path in saved.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(UserError, match="tokenizer"):
        load_policy(saved)


def test_architecture_key(saved: Path, make_model: MakeModel, make_tokenizer: MakeTokenizer, tmp_path: Path) -> None:
    """Weights and token ids do not change it; vocabulary and shape do."""
    key = architecture_key(saved)
    save_policy(make_model(1), make_tokenizer(), tmp_path / "weights")
    assert architecture_key(tmp_path / "weights") == key
    save_policy(make_model(0, vocabulary=9), make_tokenizer(), tmp_path / "vocabulary")
    assert architecture_key(tmp_path / "vocabulary") != key
    config = json.loads((saved / "config.json").read_text())
    changes = (({"eos_token_id": 5}, True), ({"rms_norm_eps": 1e-6}, False), ({"num_attention_heads": 4}, False))
    for change, same in changes:
        (saved / "config.json").write_text(json.dumps({**config, **change}))
        assert (architecture_key(saved) == key) == same


def test_weights_stamp_changes_with_the_weights(saved: Path) -> None:
    """Rewriting a checkpoint in place is noticed."""
    before = weights_stamp(saved)
    assert weights_stamp(saved) == before
    edited(saved, lambda weights: weights.update({"model.norm.weight": torch.zeros(16)}))
    assert weights_stamp(saved) != before


def test_a_pad_token_that_was_added_is_all_but_never_said(make_tokenizer: MakeTokenizer, tmp_path: Path) -> None:
    """All logits of this policy are far below 0, as GPT-2's are: a row near 0 would win. The mean row has the mean
    logit, so by Jensen's inequality at most 1 / 8 of what the eight words have."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=8, n_positions=16, n_embd=8, n_layer=1, n_head=1, initializer_range=0.5)
    made = GPT2LMHeadModel(config)
    made.transformer.ln_f.bias.data[:] = 10.0
    made.transformer.wte.weight.data -= 1.0
    made.save_pretrained(tmp_path)
    make_tokenizer(None).save_pretrained(tmp_path)
    model, tokenizer = load_policy(tmp_path, pad_token="<|pad|>")
    logits = model(torch.tensor([[4, 5, 6]])).logits
    assert tokenizer.pad_token_id == 8 and logits.max() < -20
    assert (logits.softmax(-1)[..., 8] <= 1 / 9).all()
    assert torch.allclose(logits[..., 8], logits[..., :8].mean(-1), atol=1e-4)
