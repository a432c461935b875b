"""The suite: settings, specs, prompts, the tokenizer, a tiny policy and reward model, and scores."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from benchmark.core.graph import silent
from benchmark.suites.base import Suite
from benchmark.suites.grammar import GrammarSettings, GrammarSuite
from benchmark.suites.grammar.gold import gold_rewards
from benchmark.suites.grammar.language import POSSESSIVE_OF, grammatical, render, sample
from benchmark.suites.grammar.tokenizer import VOCABULARY, build_tokenizer, sentence_tokens

TINY = GrammarSettings(
    policy_sentences=128,
    policy_batch=32,
    policy_layers=1,
    policy_width=32,
    policy_heads=1,
    policy_feed_forward=32,
    reward_sentences=3000,
    train_prompts=50,
    validation_prompts=20,
    test_prompts=20,
)


@pytest.fixture(scope="module")
def suite():
    return GrammarSuite(TINY)


@pytest.fixture(scope="module")
def policy(suite, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    suite.build_policy(0, folder, silent)
    return folder


@pytest.fixture(scope="module")
def reward_model(suite, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reward_model")
    suite.build_reward_model(folder, silent)
    return folder


def test_the_suite_is_registered():
    assert Suite.registry.get("grammar") is GrammarSuite


@pytest.mark.parametrize(
    "wrong",
    [
        {"policy_width": 64, "policy_heads": 8},
        {"policy_sentences": 0},
        {"max_new_tokens": 10},
        {"unknown": 1},
        {"test_prompts": 0},
        {"policy_learning_rate": -1},
    ],
)
def test_settings_that_cannot_work(wrong):
    with pytest.raises(ValidationError):
        GrammarSettings(**wrong)


def test_specs_name_what_determines_an_artefact(suite):
    other = GrammarSuite(TINY.model_copy(update={"test_prompts": 21, "reward_channels": 8}))
    assert suite.policy_spec(0) == other.policy_spec(0) != suite.policy_spec(1)
    assert suite.reward_model_spec() != other.reward_model_spec()
    assert suite.prompts_spec("test") != other.prompts_spec("test")
    assert suite.prompts_spec("train") == other.prompts_spec("train")
    assert all("grammar" in spec for spec in (suite.policy_spec(0), suite.reward_model_spec(), suite.scoring_spec()))


def test_the_specs_cover_every_setting(suite):
    named = {*suite.policy_spec(0), *suite.reward_model_spec()}
    left = {"train_prompts", "validation_prompts", "test_prompts", "max_new_tokens"}
    assert set(GrammarSettings.model_fields) == (named & set(GrammarSettings.model_fields)) | left


def test_tokenizer_round_trip():
    tokenizer = build_tokenizer(64)
    for sentence in sample(200, np.random.default_rng(0)):
        text = render(sentence.opening + sentence.rest)
        assert tokenizer.decode(tokenizer.encode(text)) == text
        assert [*tokenizer.encode(text), tokenizer.eos_token_id] == sentence_tokens(sentence)


def test_special_tokens():
    tokenizer = build_tokenizer(64)
    assert len({tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id}) == 3
    assert tokenizer.bos_token_id is None
    assert tokenizer.encode("my zebra felt sad.").count(tokenizer.unk_token_id) == 1
    assert tokenizer.decode(tokenizer.encode("my zebra felt sad.")) == "my <unk> felt sad."


def test_prompts_are_openings_that_no_other_split_has(suite, policy):
    splits = {split: suite.prompts(split, policy) for split in ("train", "validation", "test")}
    assert [len(prompts) for prompts in splits.values()] == [50, 20, 20]
    texts = [text for prompts in splits.values() for text in prompts.texts]
    assert len(set(texts)) == 90
    tokenizer = build_tokenizer(64)
    assert splits["test"].tokens == [tokenizer.encode(text) for text in splits["test"].texts]
    for text in texts:
        possessive = next(POSSESSIVE_OF[word] for word in text.split() if word in POSSESSIVE_OF)
        assert grammatical(f"{text} felt sad, then slowly lost {possessive} dog with grief.")


def test_more_prompts_only_append(suite, policy):
    more = GrammarSuite(TINY.model_copy(update={"test_prompts": 40}))
    assert more.prompts("test", policy).texts[:20] == suite.prompts("test", policy).texts


def test_the_policy_can_be_reloaded(policy):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(policy), AutoTokenizer.from_pretrained(policy)
    assert tokenizer.get_vocab() == VOCABULARY
    assert model.config.pad_token_id == tokenizer.pad_token_id != tokenizer.eos_token_id == model.config.eos_token_id
    assert model.config.vocab_size == len(VOCABULARY) and model.dtype == torch.float32
    assert not list(policy.glob("tmp*"))  # the trainer's scratch space is gone


def test_same_seed_same_policy_bit_for_bit(suite, policy, tmp_path):
    (tmp_path / "again").mkdir()
    (tmp_path / "other").mkdir()
    suite.build_policy(0, tmp_path / "again", silent)
    suite.build_policy(1, tmp_path / "other", silent)
    folders = (policy, tmp_path / "again", tmp_path / "other")
    weights = [(folder / "model.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1] != weights[2]


def test_scores(suite, reward_model):
    sentences = sample(500, np.random.default_rng(1))
    prompts, rests = [render(s.opening) for s in sentences], [render(s.rest) for s in sentences]
    texts = [f"{prompt} {rest}" for prompt, rest in zip(prompts, rests, strict=True)]
    rests[0] += " rage rage"
    scores = suite.score(prompts, rests, reward_model, None)
    assert scores.learned.shape == scores.gold.shape == (500, 5) and scores.quality.dtype == np.bool_
    assert not scores.quality[0] and scores.quality[1:].all()
    assert scores.gold[1:] == pytest.approx(gold_rewards(texts)[1:])
    assert scores.gold[0, 0] > gold_rewards(texts[:1])[0, 0]
    for column in range(5):
        assert np.corrcoef(scores.learned[:, column], scores.gold[:, column])[0, 1] > 0.7
    assert scores.learned.min() > 0 and scores.learned.max() < 1


def test_learned_rewards_are_sigmoids_of_the_logits(suite, reward_model):
    from benchmark.scoring import load_reward_model

    prompt, rest = "my son went to the court and", "felt angry, then rudely blamed his dog with spite."
    logit = load_reward_model(reward_model).score([f"{prompt} {rest}"])[0, 0]
    assert suite.score([prompt], [rest], reward_model, None).learned[0, 0] == pytest.approx(1 / (1 + math.exp(-logit)))


def test_ranges_and_facts(suite):
    assert suite.reward_ranges() == dict.fromkeys(suite.objectives, (0.0, 1.0))
    assert suite.judge_spec() is None and suite.max_new_tokens == 24
    assert set(suite.describe()) == {"data", "policy", "reward", "gold", "quality"}
