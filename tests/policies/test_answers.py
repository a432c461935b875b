"""A question is read once for all its answers, and says of each what a row of its own says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmark.pipeline.text.stages.answers import divergence
from benchmark.policies.answers import AnswerRows, answer_distribution, answer_logps
from benchmark.policies.logprobs import completion_logps

ROWS = AnswerRows(
    questions=[[5, 6, 7], [8, 9, 10, 11, 12, 5, 6], [4, 4]],
    answers=[[[20, 1], [21, 22, 1]], [[20, 1], [23, 24, 25, 1], [26, 1]], [[30, 31, 1], [30, 1], [31, 1], [20, 21, 1]]],
)


def make_policy(attention):
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=1,
        initializer_range=0.3, attn_implementation=attention, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    return LlamaForCausalLM(config)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_answers_of_one_row_are_those_of_rows_of_their_own(attention):
    model = make_policy(attention)
    together = answer_logps(model, ROWS, 0)
    apart = completion_logps(model, *ROWS.flat(), 0)
    assert [len(its) for its in together] == ROWS.counts()
    np.testing.assert_allclose(np.concatenate(together), apart, rtol=1e-4, atol=1e-4)
    assert model.training


def test_the_distribution_over_answers_sums_to_one_and_keeps_ratios():
    found = answer_distribution(np.log([1e-9, 3e-9]))
    np.testing.assert_allclose(found, [0.25, 0.75])


def test_divergence_by_hand():
    assert divergence(np.array([0.5, 0.5]), np.array([0.25, 0.75])) == pytest.approx(
        0.5 * np.log(2) + 0.5 * np.log(2 / 3)
    )
    assert divergence(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(np.log(2))


def test_an_empty_question_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        answer_logps(make_policy("sdpa"), AnswerRows([[]], [[[1]]]), 0)
