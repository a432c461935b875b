"""Every configuration of real models can be planned, offline, against a mirror with stand-ins of what it names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmark.cli import MISTAKE, main
from benchmark.core import hub
from tests import chat_models

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NAMES = ["gpt2-helpful-harmless", *(f"{kind}-{size}" for kind in ("armorm", "openllm") for size in ("1b", "3b", "8b"))]
ARMORM = "RLHFlow/ArmoRM-Llama3-8B-v0.1"
PROMPTS = 9600  # different ones, of which a tenth goes to each split that the data does not have


def write_splits(folder: Path, text, column: str, held_out: str) -> None:
    """Prompts as the data sets of the hub keep them: lines of JSON, a file per split."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for split, count in (("train", PROMPTS), (held_out, 700)):
        words = random.choice(chat_models.WORDS, (count, 6))
        rows = ({column: text(f"{' '.join(row)} {split} {number}")} for number, row in enumerate(words))
        (folder / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """All that the configurations name, small."""
    folder = tmp_path_factory.mktemp("mirror")
    chat_models.gpt2_policy(folder / "gpt2")
    for kind in ("helpful", "harmless"):
        chat_models.gpt2_reward(folder / f"Ray2333/gpt2-large-{kind}-reward_model", 0)
    chat_models.llama3_reward(folder / "Skywork/Skywork-Reward-V2-Qwen3-0.6B", 1)
    for name in ("Llama-3.2-1B-Instruct", "Llama-3.2-3B-Instruct", "Llama-3.1-8B-Instruct"):
        chat_models.llama3_policy(folder / "meta-llama" / name)
    chat_models.armorm(folder / ARMORM)
    write_splits(folder / "nvidia/HelpSteer2", str, "prompt", "validation")
    dialogue = "\n\nHuman: {}\n\nAssistant: left"
    write_splits(folder / "Anthropic/hh-rlhf", dialogue.format, "chosen", "test")
    return folder


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    """What the program sets in it is gone afterwards."""
    for name in (hub.MIRROR, hub.OFFLINE, "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "")


def plan(name: str, tmp_path: Path, *more: str) -> int:
    there = ["--out", str(tmp_path / "out"), "--store", str(tmp_path / "store")]
    return main(
        ["plan", "--suite", "reward_models", "--config", str(CONFIGS / f"{name}.yaml"), "--offline", *there, *more]
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_can_be_planned(name, mirror, tmp_path, capsys):
    assert plan(name, tmp_path, "--set", f"hub.mirror={mirror}") == 0
    cells = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
    assert "reference" in cells["methods"], "the untouched model is always a row"
    assert "to do" in capsys.readouterr().out
    assert not list((tmp_path / "store").glob("[!.]*"))  # nothing was made


def test_without_the_mirror_all_that_is_missing_is_listed(tmp_path, capsys):
    assert plan("armorm-1b", tmp_path) == MISTAKE
    said = capsys.readouterr().err
    assert said.count(ARMORM) == 8 and "meta-llama/Llama-3.2-1B-Instruct" in said and "nvidia/HelpSteer2" in said
    assert "hub.mirror=DIR" in said and "Traceback" not in said
