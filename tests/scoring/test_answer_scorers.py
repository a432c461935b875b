"""Scorers of answers on checkpoints in the true formats: rewards redone by hand, whatever the batch and its padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import GPT2ForSequenceClassification, LlamaConfig, LlamaModel

from benchmark.core.errors import UserError
from benchmark.policies.chat import render
from benchmark.scoring.answers import AnswerFormat
from benchmark.scoring.armorm import HEADS, TURN, ArmoRM, check_armorm, is_armorm, last_turn
from benchmark.scoring.sequence_classification import SequenceClassifier, check_classifier, head_position
from tests import chat_models

PROMPTS = ["which way home", "which way", "dear friend", "never"]
ANSWERS = ["left", "right please dear friend", "kind kind kind far", "please"]
PAIR = AnswerFormat("pair")


@pytest.fixture(scope="module")
def armorm(tmp_path_factory):
    return chat_models.armorm(tmp_path_factory.mktemp("armorm"))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return chat_models.gpt2_reward(tmp_path_factory.mktemp("gpt2"), seed=0)


# ArmoRM --------------------------------------------------------------------------------------------------------------


def tensors(folder):
    with safe_open(folder / "model.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping


def by_hand(folder, tokens):
    """Rewards, gate and score of one conversation, in numpy from the raw tensors and the body's hidden states."""
    raw = tensors(folder)
    body = LlamaModel(LlamaConfig.from_pretrained(folder)).eval()
    body.load_state_dict({n.removeprefix("model."): t for n, t in raw.items() if n.startswith("model.")})
    with torch.inference_mode():
        states = body(torch.tensor([tokens])).last_hidden_state[0].numpy()
    raw = {name: tensor.numpy() for name, tensor in raw.items()}
    rewards = raw["regression_layer.weight"] @ states[-1]
    turn = next(i for i in range(len(tokens) - 5, -1, -1) if tuple(tokens[i : i + 5]) == TURN)
    hidden = states[turn]
    for number in range(4):
        hidden = raw[f"gating.layers.{number}.weight"] @ hidden + raw[f"gating.layers.{number}.bias"]
        hidden = np.maximum(hidden, 0) if number < 3 else hidden
    gate = np.exp(hidden / 10) / np.exp(hidden / 10).sum() * raw["gating.logit_scale"]
    return rewards, gate, float(gate @ (rewards @ raw["reward_transform_matrix"]))


def test_armorm_equals_numbers_computed_by_hand(armorm):
    scorer = ArmoRM.load(str(armorm), 512, torch.float32)
    output = scorer.judge(PROMPTS, ANSWERS)
    tokens = render(scorer.tokenizer, PROMPTS, ANSWERS)
    for row, text in enumerate(tokens):
        rewards, gate, score = by_hand(armorm, text)
        assert output.rewards[row].numpy() == pytest.approx(rewards, rel=1e-4, abs=1e-5)
        assert output.gate[row].numpy() == pytest.approx(gate, rel=1e-4, abs=1e-6)
        assert float(output.score[row]) == pytest.approx(score, rel=1e-4, abs=1e-5)
    assert output.gate.std() > 1e-3 and output.gate.sum(1).numpy() == pytest.approx(1.3, rel=1e-5)
    whole = scorer.score(PROMPTS, ANSWERS)
    assert whole.shape == (4, 20) and HEADS[-1] == "score"
    assert whole[:, 19] == pytest.approx(output.score.numpy()) and whole[:, 0] == pytest.approx(output.rewards[:, 0])


def test_the_gate_reads_the_prompt_alone_and_the_rewards_the_answer(armorm):
    output = ArmoRM.load(str(armorm), 512, torch.float32).judge([PROMPTS[0]] * 2, ANSWERS[:2])
    assert output.gate[0].numpy() == pytest.approx(output.gate[1].numpy(), abs=1e-6)
    assert (output.rewards[0] - output.rewards[1]).abs().max() > 0.1


@pytest.mark.parametrize("batch_size", [1, 3])
def test_padding_and_order_do_not_matter_to_armorm(armorm, batch_size):
    scorer = ArmoRM.load(str(armorm), 512, torch.float32)
    expected = scorer.score(PROMPTS, ANSWERS)
    scorer.batch_size = batch_size
    order = [2, 0, 3, 1]
    again = scorer.score([PROMPTS[row] for row in order], [ANSWERS[row] for row in order])
    assert again == pytest.approx(expected[order], rel=1e-4, abs=1e-5)


def test_the_last_of_several_turns_is_read():
    assert last_turn([1, *TURN, 2, *TURN, 3]) == 7
    assert last_turn([*TURN]) == 0
    with pytest.raises(UserError, match="no assistant's turn"):
        last_turn([1, *TURN[:-1], 2])


def test_the_heads_of_armorm_stay_in_float32(armorm):
    model = ArmoRM.load(str(armorm), 512, torch.bfloat16).model
    assert model.regression_layer.weight.dtype == model.gating.layers[0].weight.dtype == torch.float32
    assert model.model.layers[0].mlp.up_proj.weight.dtype == torch.bfloat16
    assert (model.reward_transform_matrix == tensors(armorm)["reward_transform_matrix"]).all()


def test_armorm_is_told_by_its_architecture_and_checked_from_small_files(armorm, gpt2):
    assert is_armorm(str(armorm)) and not is_armorm(str(gpt2))
    assert check_armorm(str(armorm), 512) == HEADS
    with pytest.raises(UserError, match=r"reads 4096 tokens, and a prompt with its answer may have 4097"):
        check_armorm(str(armorm), 4097)


# Sequence classifiers ------------------------------------------------------------------------------------------------


def alone(folder, tokens):
    model = GPT2ForSequenceClassification.from_pretrained(folder).eval()
    model.config.pad_token_id = None  # a batch of one text needs none
    with torch.inference_mode():
        return model(torch.tensor([tokens])).logits[0].numpy()


def test_a_pair_is_read_as_the_reward_models_of_hh_were_trained(gpt2):
    """Their model card: tokenizer("\\n\\nHuman: ...\\n\\nAssistant:", answer), one logit."""
    scorer = SequenceClassifier.load(str(gpt2), PAIR, 512, torch.float32)
    scores = scorer.score(PROMPTS, ANSWERS)
    for row, (prompt, answer) in enumerate(zip(PROMPTS, ANSWERS, strict=True)):
        tokens = scorer.tokenizer(f"\n\nHuman: {prompt}\n\nAssistant:", answer)["input_ids"]
        assert scores[row] == pytest.approx(alone(gpt2, tokens), rel=1e-4, abs=1e-5)
    assert np.ptp(scores) > 0.01


def test_a_text_that_ends_with_the_only_padding_token_is_read_to_its_end(gpt2):
    """GPT-2's only special token ends texts and pads them: padding with it would hide the end of the first text."""
    scorer = SequenceClassifier.load(str(gpt2), PAIR, 512, torch.float32)
    ended = ["left<|endoftext|>", "right please dear friend"]
    scores = scorer.score(PROMPTS[:2], ended)
    tokens = scorer.tokenizer(f"\n\nHuman: {PROMPTS[0]}\n\nAssistant:", ended[0])["input_ids"]
    assert tokens[-1] == scorer.tokenizer.eos_token_id
    assert scores[0] == pytest.approx(alone(gpt2, tokens), rel=1e-4, abs=1e-5)
    assert abs(scores[0] - scorer.score(PROMPTS[:1], ["left"])[0]) > 1e-3


def test_order_and_batches_do_not_matter(tmp_path):
    folder = chat_models.llama3_reward(tmp_path, seed=3)
    scorer = SequenceClassifier.load(str(folder), None, 512, torch.float32)
    one = scorer.score(PROMPTS, ANSWERS)
    scorer.batch_size = 2
    assert scorer.score(PROMPTS[::-1], ANSWERS[::-1]) == pytest.approx(one[::-1], rel=1e-4, abs=1e-5)
    assert scorer.format.kind == "chat" and scorer.heads == ("LABEL_0",)


def test_heads_are_named_or_numbered(tmp_path):
    folder = chat_models.gpt2_reward(tmp_path, seed=1, labels=("kind", "true"))
    heads = check_classifier(str(folder), PAIR, 100)
    assert heads == ("kind", "true")
    assert [head_position("M", heads, head) for head in ("true", "0")] == [1, 0]
    with pytest.raises(UserError, match=r"unknown head 'kin'. Did you mean 'kind'"):
        head_position("M", heads, "kin")
    with pytest.raises(UserError, match="2 heads: name one as M#kind"):
        head_position("M", heads, None)


def test_what_is_cut_is_said(gpt2):
    scorer = SequenceClassifier.load(str(gpt2), PAIR, 12, torch.float32)
    with pytest.warns(UserWarning, match="1 of 2 texts are longer than the 12 tokens"):
        scores = scorer.score(PROMPTS[1:3], ["left", "kind " * 30])
    assert np.isfinite(scores).all()


def test_a_model_that_is_none_is_refused(gpt2, tmp_path):
    with pytest.raises(UserError, match="has no chat template, so it reads pairs"):
        check_classifier(str(gpt2), None, 100)
    policy = chat_models.gpt2_policy(tmp_path)
    with pytest.raises(UserError, match=r"is no reward model: .* GPT2LMHeadModel"):
        check_classifier(str(policy), PAIR, 100)
    with pytest.raises(UserError, match=r"lacks weights: score.weight"):
        SequenceClassifier.load(str(policy), PAIR, 100)
