"""From checkpoints in the true formats to a page: chat policies, one-head reward models and ArmoRM, both backends."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from benchmark.generation.backends import vllm_available
from tests import chat_models

pytestmark = pytest.mark.slow
SMALL = [
    "--suite", "reward_models", "--preset", "smoke", "--methods", "reference,dpo(beta=0.1)", "--offline",
    "--set", "suite.train_prompts=48", "--set", "suite.validation_prompts=8", "--set", "suite.test_prompts=8",
    "--set", "suite.max_new_tokens=12", "--set", "training.learning_rate=1e-3",
]  # fmt: skip
HUMAN = "\\n\\nHuman: {prompt}\\n\\nAssistant:"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """Models and prompts by hub id."""
    folder = tmp_path_factory.mktemp("mirror")
    chat_models.llama3_policy(folder / "ORG/llama")
    chat_models.gpt2_policy(folder / "ORG/gpt2")
    for seed, name in enumerate(("kind", "honest", "judge")):
        chat_models.gpt2_reward(folder / "ORG" / name, seed)
    chat_models.armorm(folder / "ORG/ArmoRM", width=32)
    random = np.random.default_rng(0)
    rows = [" ".join(random.choice(chat_models.WORDS, random.integers(2, 8))) for _ in range(200)]
    (folder / "prompts.jsonl").write_text("\n".join(json.dumps({"prompt": row}) for row in rows))
    return folder


def run(prefshift, mirror, policy, out, *more):
    config = mirror / f"{policy}.yaml"
    objectives = [
        {"kind": {"model": "ORG/kind", "format": "pair"}},
        {"honest": {"model": "ORG/honest", "format": "pair"}},
        "ORG/ArmoRM#helpsteer-helpfulness",
        "ORG/ArmoRM#score",
    ]
    gold = {"kind": {"model": "ORG/judge", "format": "pair"}}
    prompts = {"source": str(mirror / "prompts.jsonl"), "column": "prompt", "dialogue": False, "test": None}
    suite = {"objectives": objectives, "gold": gold, "policy": f"ORG/{policy}", "prompts": prompts}
    config.write_text(json.dumps({"suite": suite, "hub": {"mirror": str(mirror)}}))
    prefshift(*SMALL, "--config", str(config), "--out", out, *more)
    return prefshift.home / out


def value(folder, method, metric, shift=""):
    table = pd.read_parquet(folder / "results.parquet")
    rows = table[(table["method"] == method) & (table["metric"] == metric) & (table["eval_shift"] == shift)]
    (found,) = rows["value"]
    return found


@pytest.fixture(scope="module")
def llama(prefshift, mirror):
    return run(prefshift, mirror, "llama", "llama", "--backend", "transformers")


def check_page(folder):
    """What every run of the suite shows."""
    board = pd.read_csv(folder / "leaderboard.csv")
    assert {"reference", "dpo"} <= set(board["method"])
    cells = pd.read_parquet(folder / "cells.parquet")
    assert set(cells["status"]) == {"done"}
    page = (folder / "site" / "index.html").read_text()
    assert "helpsteer-helpfulness = ORG/ArmoRM#helpsteer-helpfulness" in page and "NaN" not in page.split("<script")[0]
    samples = pd.read_parquet(folder / "samples.parquet")
    assert samples[["kind", "honest", "helpsteer-helpfulness", "score"]].notna().all().all()
    assert samples["gold_kind"].notna().all() and samples["gold_honest"].isna().all()  # no judge: missing, not 0
    assert not samples["completion"].str.contains(r"<\|").any()


def test_a_llama_3_chat_policy_goes_to_a_page(llama):
    check_page(llama)
    assert value(llama, "reference", "kl_to_reference") == pytest.approx(0, abs=1e-9)
    assert value(llama, "dpo", "kl_to_reference") > 0


def test_training_prefers_what_was_chosen_and_rewards_are_on_the_references_scale(llama):
    """z-scores: the reference's training completions have mean 0 and deviation 1, its test completions about that."""
    assert value(llama, "dpo", "logp_chosen") > value(llama, "dpo", "logp_rejected")
    samples = pd.read_parquet(llama / "samples.parquet")
    reference = samples[samples["step"] == 0]
    assert abs(reference["kind"].mean()) < 1 and 0.3 < reference["kind"].std() < 3


def test_a_gpt2_policy_without_a_chat_template_goes_to_a_page(prefshift, mirror):
    folder = run(prefshift, mirror, "gpt2", "gpt2", "--backend", "transformers", "--set", f'suite.template="{HUMAN}"')
    check_page(folder)


def test_best_against_worst_of_several(prefshift, mirror, llama):
    more = ["--set", "suite.candidates=4", "--train-shifts", "reward_blend(weights=score:1)"]
    folder = run(prefshift, mirror, "llama", "worst", "--backend", "transformers", *more)
    pairs = pd.read_parquet(folder / "pair_rewards.parquet")
    better = np.where(pairs["first_chosen"], pairs["first_score"], pairs["second_score"])
    worse = np.where(pairs["first_chosen"], pairs["second_score"], pairs["first_score"])
    assert (better > worse).all()
    two = pd.read_parquet(llama / "pair_rewards.parquet")
    assert (better - worse).mean() > 1.3 * (
        two["first_score"] - two["second_score"]
    ).abs().mean()  # 2.06 / 1.13 of a normal


@pytest.mark.skipif(not vllm_available(), reason="vLLM is not installed")
def test_vllm_serves_the_same_policy(prefshift, mirror):
    check_page(run(prefshift, mirror, "llama", "llama-vllm", "--backend", "vllm"))
