"""What the suite `emotion` looks at before anything runs, through the program itself: one message, exit status 2."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from benchmark.cli import main
from benchmark.policies.encoding import train_tokenizer
from tests.suites.emotion_texts import WORDS

SETTINGS = {"train_prompts": 40, "validation_prompts": 10, "test_prompts": 12, "max_new_tokens": 32, "max_tokens": 36}
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run(policy=..., KEY=...)`: exit status and message of a run; the data are a copy that may be changed."""
    shutil.copytree(data, tmp_path / "texts")
    monkeypatch.chdir(tmp_path)

    def with_settings(*options: str, command: str = "run", **settings: Any) -> tuple[int, str]:
        chosen = {"policy": "scratch", "data_dir": "texts", **SETTINGS, **settings}
        given = [part for key, value in chosen.items() for part in ("--set", f"suite.{key}={value}")]
        capsys.readouterr()
        status = main([command, "--suite", "emotion", "--preset", "smoke", "--methods", "dpo", *given, *options])
        printed = capsys.readouterr().err
        assert "Traceback" not in printed and not (tmp_path / "runs").exists()
        assert status != 2 or not (tmp_path / ".cache").exists()
        return status, printed

    return with_settings


@pytest.fixture
def policy(data: Path, tmp_path: Path) -> Path:
    """GPT-2's shape with 64 positions, two heads of 20 dimensions, and no pad token."""
    folder = tmp_path / "policy"
    tokenizer = train_tokenizer([line.split(";")[0] for line in (data / "train.txt").read_text().splitlines()], 120)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    size = len(tokenizer)
    config = GPT2Config(vocab_size=size, n_positions=64, n_embd=40, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=1)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def test_what_works_is_planned(run, policy):
    assert run(command="plan") == (0, "")
    assert run(command="plan", policy="policy") == (0, "")
    assert run(command="plan", policy="policy", max_new_tokens=60, max_tokens=64) == (0, "")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_new_tokens": 61}, "suite.policy: 'policy' has 64 positions, and 65 are needed"),
        ({"max_tokens": 65}, "training texts up to 65 (suite.max_tokens)"),
        ({"policy": "scratch", "max_new_tokens": 253}, "a scratch policy has 256 positions, and 257 are needed"),
        ({"policy": "scratch", "reward_model": "transformer:policy", "max_new_tokens": 61}, "reads texts of up to 64"),
        ({"policy": "scratch", "reward_model": "transformer:no/such"}, "convolution needs nothing pretrained"),
        ({"transformer": "{max_tokens: 35}"}, "must be at least prompt_tokens + max_new_tokens = 36"),
        ({"policy": "no/such"}, "model 'no/such' (suite.policy; scratch needs no hub)"),
        ({"policy": "texts"}, "suite.policy: 'texts' has no config.json"),
        ({"prompt_tokens": 40, "max_new_tokens": 24}, "train split has only 0 texts of more than 40 tokens"),
        ({"policy": "scratch", "prompt_tokens": 20}, "the train split has only 0 texts of more than 20 tokens"),
    ],
)
def test_models_that_cannot_do_what_is_asked(run, policy, settings, message):
    status, printed = run(**{"policy": "policy", **settings})
    assert status == 2 and message in printed


def test_no_end_of_sequence_token(run, policy):
    file = policy / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "eos_token": None}))
    assert run(policy="policy")[0] == 2
    assert "has no end-of-sequence token" in run(policy="policy")[1]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["tokenizer.json", "tokenizer_config.json"], "has no tokenizer"),
        (["model.safetensors"], "holds no weights: *.safetensors is expected"),
        (["config.json"], "has no config.json"),
    ],
)
def test_files_of_the_policy_that_are_missing(run, policy, files, message):
    for name in files:
        (policy / name).unlink()
    status, printed = run(policy="policy")
    assert status == 2 and message in printed and "suite.policy=scratch" in printed


def test_the_backend_minds_the_heads_before_anything_trains(run, policy, monkeypatch):
    from benchmark.generation import backends

    monkeypatch.setattr(backends, "vllm_available", lambda: True)
    monkeypatch.setattr(backends, "gpu_count", lambda: 0)
    status, printed = run("--backend", "vllm", policy="policy")
    assert status == 2 and "attention heads have 20 dimensions, allowed are 32, 64, 80" in printed
    assert run("--backend", "transformers", command="plan", policy="policy") == (0, "")
    assert run("--backend", "vllm", command="plan") == (0, "")  # a policy from scratch fits all


def _one_file_less(folder: Path) -> None:
    (folder / "test.txt").unlink()


def _folder_for_file(folder: Path) -> None:
    (folder / "test.txt").unlink()
    (folder / "test.txt").mkdir()


def _without_fear(folder: Path) -> None:
    lines = (folder / "train.txt").read_text().splitlines()
    (folder / "train.txt").write_text("\n".join(line for line in lines if WORDS["fear"] not in line))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_one_file_less, "lacks test.txt. It must hold"),
        (_folder_for_file, "lacks test.txt (test.txt is a folder)"),
        (_without_fear, "none is labelled fear"),
        (lambda folder: (folder / "train.txt").write_text(""), "train.txt holds no text"),
        (lambda folder: (folder / "train.txt").write_text("a b c;joi"), "Did you mean 'joy'"),
        (lambda folder: (folder / "train.txt").write_bytes(b"caf\xe9;joy"), "is not UTF-8"),
        (lambda folder: (folder / "train.txt").write_bytes(bytes(range(256))), "is not UTF-8"),
        (lambda folder: (folder / "test.txt").write_text("i am glad;joy"), "test split has only 1 texts"),
        (lambda folder: (folder / "test.txt").write_text("ha;joy\n" * 20), "has only 0 texts of more than 4 tokens"),
    ],
    ids=["missing", "folder", "label", "empty", "unknown label", "latin", "binary", "few", "short"],
)
def test_data_that_cannot_work(run, tmp_path, spoil, message):
    spoil(tmp_path / "texts")
    status, printed = run()
    assert status == 2 and message in printed


@pytest.mark.parametrize("data_dir", ["nowhere", "texts/train.txt"])
def test_a_folder_that_is_none(run, data_dir):
    status, printed = run(data_dir=data_dir)
    assert status == 2 and f"{data_dir!r} is not a folder" in printed


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path, data):
    from benchmark.suites.emotion.data import read_folder

    shutil.copytree(data, tmp_path / "marked")
    text = (data / "train.txt").read_text()
    (tmp_path / "marked" / "train.txt").write_text(text, encoding="utf-8-sig")
    assert read_folder(tmp_path / "marked", "train").texts == read_folder(data, "train").texts
