"""The suite end to end on a small made-up folder of texts: one word tells the emotion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.core.errors import UserError
from benchmark.core.graph import silent
from benchmark.pipeline.config import PRESETS
from benchmark.pipeline.kinds import read_config
from benchmark.policies.checkpoints import load_policy, load_tokenizer
from benchmark.policies.encoding import train_tokenizer
from benchmark.suites.base import Suite
from benchmark.suites.emotion import EmotionSuite
from benchmark.suites.emotion.data import OBJECTIVES
from benchmark.suites.emotion.settings import EmotionSettings
from tests.suites.emotion_texts import WORDS

SCRATCH = {"vocabulary": 120, "width": 32, "layers": 1, "heads": 1, "feed_forward": 32, "epochs": 2, "batch_size": 16}
COUNTS = {"train_prompts": 40, "validation_prompts": 10, "test_prompts": 12}


def make(data: Path, **settings: Any) -> EmotionSuite:
    return EmotionSuite(
        EmotionSettings(
            **{
                "data_dir": data,
                "policy": "scratch",
                "scratch": SCRATCH,
                "convolution": {"epochs": 8},
                **COUNTS,
                **settings,
            }
        )
    )


@pytest.fixture(scope="session")
def built(data, tmp_path_factory) -> dict[str, Path]:
    """Policy, reward model and judge of the suite with its small settings."""
    suite = make(data)
    folders = {name: tmp_path_factory.mktemp(name) for name in ("policy", "reward_model", "judge")}
    suite.build_policy(0, folders["policy"], silent)
    suite.build_reward_model(folders["reward_model"], silent)
    suite.build_judge(folders["judge"], silent)
    return folders


def test_is_registered():
    assert Suite.registry.get("emotion") is EmotionSuite


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_fit_the_settings(data, preset):
    suite = read_config("emotion", preset, settings=[f"suite.data_dir={data}", "suite.policy=scratch"]).make_suite()
    assert suite.settings.reward_model_kind == "convolution" and suite.max_new_tokens <= 64


def test_prompts_are_openings_of_the_texts(data, built):
    suite, tokenizer = make(data), load_tokenizer(built["policy"])
    prompts = suite.prompts("test", built["policy"])
    texts = [line.split(";")[0] for line in (data / "test.txt").read_text().splitlines()]
    assert len(prompts) == 12 and prompts.ids[0] == "test-0"
    for number, text, tokens in zip(prompts.ids, prompts.texts, prompts.tokens, strict=True):
        assert len(tokens) == 4
        assert texts[int(number.removeprefix("test-"))].startswith(text)
        assert tokenizer.decode(tokens) == text
    assert not set(prompts.ids) & set(suite.prompts("validation", built["policy"]).ids)


def test_prompt_and_completion_join_to_the_whole_text(data, built):
    tokenizer = load_tokenizer(built["policy"])
    tokens = tokenizer("we were so furious about my dog")["input_ids"]
    for cut in range(1, len(tokens)):
        assert tokenizer.decode(tokens[:cut]) + tokenizer.decode(tokens[cut:]) == "we were so furious about my dog"


def test_policy_has_distinct_special_tokens_and_no_dropout_left(data, built):
    model, tokenizer = load_policy(built["policy"])
    assert len({tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id}) == 3
    assert model.config.attention_dropout == 0
    metrics = json.loads((built["policy"] / "metrics.json").read_text())
    assert 1 < metrics["perplexity"] < len(tokenizer) and metrics["texts"] == 60


def test_policy_seed_varies_the_weights_alone(data, built, tmp_path):
    suite = make(data)
    for name, seed in (("again", 0), ("other", 1)):
        (tmp_path / name).mkdir()
        suite.build_policy(seed, tmp_path / name, silent)
    files = {name: (tmp_path / name) for name in ("again", "other")} | {"first": built["policy"]}
    weights = {name: (folder / "model.safetensors").read_bytes() for name, folder in files.items()}
    tokenizers = {(folder / "tokenizer.json").read_text() for folder in files.values()}
    assert weights["first"] == weights["again"] != weights["other"]
    assert len(tokenizers) == 1


@pytest.mark.parametrize("role", ["reward_model", "judge"])
def test_scorers_are_measured_on_held_out_texts(built, role):
    metrics = json.loads((built[role] / "metrics.json").read_text())
    assert set(metrics) == {"single", "concatenated"}
    assert metrics["single"]["macro_roc_auc"] > 0.99 and metrics["single"]["texts"] == 60
    assert metrics["concatenated"]["macro_roc_auc"] > 0.9


def test_scores_read_the_whole_text(data, built):
    prompts = ["today i am merry", "today i am", "we were so", "we were so"]
    completions = [" about my dog", " furious about my dog", " afraid", ""]
    scores = make(data).score(prompts, completions, built["reward_model"], built["judge"])
    for rewards in (scores.learned, scores.gold):
        assert rewards.shape == (4, 5) and rewards.min() >= 0 and rewards.max() <= 1
        assert [OBJECTIVES[row.argmax()] for row in rewards[:3]] == ["joy", "anger", "fear"]
    assert scores.quality.tolist() == [True, True, True, False]


def test_the_scales_are_one_reward(data, built):
    """sigmoid(logit scale) is the sigmoid scale wherever the logit is not clipped; both lie within their ranges."""
    prompts, completions = ["today i am"] * 5, [f" {word} about my dog" for word in WORDS.values()]
    arguments = (prompts, completions, built["reward_model"], built["judge"])
    sigmoid, logit = make(data), make(data, reward_scale="logit")
    chances, odds = sigmoid.score(*arguments).learned, logit.score(*arguments).learned
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), chances, atol=5e-5)
    assert (odds < 0).any() and (np.abs(odds) <= 10).all()
    assert sigmoid.reward_ranges()["joy"] == (0, 1) and logit.reward_ranges()["joy"] == (-10, 10)
    assert sigmoid.scoring_spec() != logit.scoring_spec()


def _specs(suite: EmotionSuite) -> dict[str, Any]:
    return {
        "policy": suite.policy_spec(0),
        "reward_model": suite.reward_model_spec(),
        "judge": suite.judge_spec(),
        "prompts": suite.prompts_spec("train"),
        "scoring": suite.scoring_spec(),
    }


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({}, set()),
        ({"max_new_tokens": 8}, set()),  # belongs to sampling
        ({"finetune": {"epochs": 1}}, set()),  # no policy is fine-tuned here
        ({"validation_prompts": 9}, set()),
        ({"scratch": {**SCRATCH, "epochs": 1}}, {"policy"}),
        ({"convolution": {"epochs": 1}}, {"reward_model"}),
        ({"linear": {"copies": 1}}, {"judge"}),
        ({"judge": "convolution"}, {"judge"}),
        ({"train_prompts": 39}, {"prompts"}),
        ({"prompt_tokens": 3}, {"prompts"}),
        ({"reward_scale": "logit"}, {"scoring"}),
    ],
)
def test_specs_name_what_matters_and_nothing_else(data, settings, changed):
    before, after = _specs(make(data)), _specs(make(data, **settings))
    assert {name for name in before if before[name] != after[name]} == changed
    assert json.loads(json.dumps(after)) == after


def test_specs_follow_the_content_of_the_data_not_its_place(data, tmp_path):
    for name in ("train.txt", "validation.txt", "test.txt"):
        (tmp_path / name).write_bytes((data / name).read_bytes())
    assert _specs(make(tmp_path)) == _specs(make(data))
    with (tmp_path / "train.txt").open("a") as file:
        file.write("\none more;joy")
    before, after = _specs(make(data)), _specs(make(tmp_path))
    assert all(before[name] != after[name] for name in ("policy", "reward_model", "judge", "prompts"))


def test_policy_seed_is_in_the_spec(data):
    assert make(data).policy_spec(0) != make(data).policy_spec(1)


def test_check_accepts_what_works(data):
    make(data).check()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"test_prompts": 61}, "suite.test_prompts is 61, but the test split has only 60 texts"),
        ({"scratch": {**SCRATCH, "width": 100}}, "width / heads must be 32 or 64"),
        ({"policy": "no/such-model"}, r"'no/such-model' is neither a folder.*suite.policy=scratch"),
        ({"data_dir": Path("nowhere")}, "suite.data_dir: 'nowhere' is not a folder"),
    ],
)
def test_check_refuses_what_cannot_work(data, settings, message):
    with pytest.raises(UserError, match=message):
        make(data, **settings).check()


def test_check_refuses_a_policy_folder_without_a_model(data, tmp_path):
    with pytest.raises(UserError, match=r"has no config.json.*suite.policy=scratch"):
        make(data, policy=str(tmp_path)).check()


def test_more_prompts_than_long_texts(data, built):
    with pytest.raises(UserError, match=r"suite.test_prompts is 12, .* only 0 texts of more than 60 tokens"):
        make(data, prompt_tokens=60).prompts("test", built["policy"])


def test_gold_needs_its_judge(data, built):
    with pytest.raises(ValueError, match="without its judge"):
        make(data).score(["a"], ["b"], built["reward_model"], None)


def test_reward_model_follows_the_policy(data):
    assert EmotionSettings(policy="scratch").reward_model_kind == "convolution"
    assert EmotionSettings().reward_model_kind == "transformer:gpt2"
    assert EmotionSettings(reward_model="convolution").reward_model_kind == "convolution"
    with pytest.raises(ValueError, match="got 'transformer:'"):
        EmotionSettings(reward_model="transformer:")


def test_describe_says_what_a_reader_needs(data):
    facts = make(data).describe()
    assert {"data", "policy", "reward", "gold", "quality gate"} <= set(facts)
    assert "sigmoid" in facts["reward"] and "log-odds" in make(data, reward_scale="logit").describe()["reward"]


def test_tokenizer_is_the_same_every_time(data):
    texts = (data / "train.txt").read_text().splitlines()
    assert train_tokenizer(texts, 100).get_vocab() == train_tokenizer(texts, 100).get_vocab()


def test_a_pretrained_policy_gets_a_pad_token_and_learns(data, tmp_path):
    """GPT-2's shape, whose tokenizer has an end of sequence and no pad token."""
    from transformers import GPT2Config, GPT2LMHeadModel

    source, folder = tmp_path / "source", tmp_path / "policy"
    source.mkdir()
    folder.mkdir()
    tokenizer = train_tokenizer([line.split(";")[0] for line in (data / "train.txt").read_text().splitlines()], 120)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(source)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=80, n_embd=32, n_layer=1, n_head=1, bos_token_id=1, eos_token_id=1
    )
    GPT2LMHeadModel(config).save_pretrained(source)
    fast = {"epochs": 4, "batch_size": 16, "learning_rate": 1e-2}
    suite = make(data, policy=str(source), finetune=fast)
    suite.check()
    suite.build_policy(0, folder, silent)
    saved = load_tokenizer(folder)
    assert saved.pad_token_id != saved.eos_token_id
    assert json.loads((folder / "metrics.json").read_text())["perplexity"] < 0.5 * len(tokenizer)
    assert suite.prompts("train", folder).tokens[0] == saved(suite.prompts("train", folder).texts[0])["input_ids"]
    assert suite.policy_spec(0) != make(data, policy=str(source)).policy_spec(0)
