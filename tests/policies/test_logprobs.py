"""Log-probabilities and divergences against sums that leave nothing out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from benchmark.policies import logprobs
from benchmark.policies.logprobs import compare_policies, completion_logps

MakeModel = Callable[..., LlamaForCausalLM]

VOCABULARY = 5


def log_probability(model: LlamaForCausalLM, prompt: list[int], completion: list[int]) -> float:
    """log pi(completion | prompt), one token and one forward pass at a time."""
    total, sequence = 0.0, list(prompt)
    for token in completion:
        with torch.no_grad():
            logits = model(torch.tensor([sequence])).logits[0, -1].double()
        total += float(logits[token] - logits.exp().sum().log())
        sequence.append(token)
    return total


def ragged(count: int, vocabulary: int) -> tuple[list[list[int]], list[list[int]]]:
    """Prompts of 1 to 6 and completions of 0 to 7 tokens."""
    source = np.random.default_rng(0)
    sizes = [(1 + i % 6, i % 8) for i in range(count)]
    draw = lambda size: source.integers(0, vocabulary, size).tolist()  # noqa: E731
    return [draw(size) for size, _ in sizes], [draw(size) for _, size in sizes]


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_logps_by_hand(make_model: MakeModel, batch_size: int) -> None:
    """Ragged rows, in their own order, whatever the batch; an empty completion has log-probability 0."""
    model = make_model(0)
    prompts, completions = ragged(30, 8)
    got = completion_logps(model, prompts, completions, 0, batch_size)
    expected = [log_probability(model, *row) for row in zip(prompts, completions, strict=True)]
    np.testing.assert_allclose(got, expected, atol=1e-4)
    assert got[0] == 0.0 and completions[0] == [] and got[1] < -0.1


def test_dropout_is_off_and_mode_is_kept(make_model: MakeModel) -> None:
    """A model in training mode gives the same numbers, and stays in training mode."""
    model = make_model(0)
    prompts, completions = ragged(20, 8)
    expected = completion_logps(model, prompts, completions, 0)
    model.model.layers[0].self_attn.attention_dropout = 0.5
    np.testing.assert_array_equal(completion_logps(model.train(), prompts, completions, 0), expected)
    assert model.training


def test_memory_budget_changes_nothing(make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget for one row at a time gives the same numbers."""
    model = make_model(0)
    prompts, completions = ragged(20, 8)
    expected = completion_logps(model, prompts, completions, 0)
    monkeypatch.setattr(logprobs, "_LOGITS_BYTES", 4 * 8)
    np.testing.assert_allclose(completion_logps(model, prompts, completions, 0), expected, atol=1e-4)


def test_budget_bounds_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """No batch of more than one row holds more logits than the budget: 40 positions of 8 tokens."""
    monkeypatch.setattr(logprobs, "_LOGITS_BYTES", 4 * 8 * 40)
    prompts, completions = ragged(50, 8)
    batches = list(logprobs._batches(prompts, completions, 64, 8))
    assert sorted(row for batch in batches for row in batch) == [row for row in range(50) if completions[row]]
    for batch in batches:
        _, targets = logprobs._padded([prompts[row] for row in batch], [completions[row] for row in batch], 0)
        assert targets.numel() <= 40 or len(batch) == 1
    assert max(len(batch) for batch in batches) > 1


def test_divergence_is_unbiased(make_model: MakeModel) -> None:
    """Over all 25 completions of two tokens: sum pi log(pi / pi_ref) = sum pi (summed next-token divergences)."""
    policy, reference = make_model(0, VOCABULARY), make_model(1, VOCABULARY)
    completions = [list(pair) for pair in product(range(VOCABULARY), repeat=2)]
    prompts = [[3, 1]] * len(completions)
    found = compare_policies(policy, reference, prompts, completions, 0)
    exact = np.array([log_probability(policy, [3, 1], row) for row in completions])
    ratios = exact - [log_probability(reference, [3, 1], row) for row in completions]
    weights = np.exp(exact)
    assert weights.sum() == pytest.approx(1, abs=1e-9)
    divergence = weights @ ratios
    assert divergence > 0.1
    assert weights @ found.kl == pytest.approx(divergence, abs=5e-5)
    assert weights @ found.entropy == pytest.approx(-(weights @ exact), abs=5e-5)
    np.testing.assert_allclose(found.policy_logps - found.reference_logps, ratios, atol=1e-4)
    spread = weights @ (ratios - divergence) ** 2
    assert weights @ (found.kl - divergence) ** 2 < spread / 2  # Rao-Blackwell: less variance


def test_one_step_by_hand(make_model: MakeModel) -> None:
    """One token: the divergence is sum_v pi log(pi / pi_ref), the same whichever token was sampled."""
    policy, reference = make_model(0, VOCABULARY), make_model(1, VOCABULARY)
    pi, ref = (
        np.exp([log_probability(model, [4], [token]) for token in range(VOCABULARY)]) for model in (policy, reference)
    )
    found = compare_policies(policy, reference, [[4]] * VOCABULARY, [[token] for token in range(VOCABULARY)], 0)
    np.testing.assert_allclose(found.kl, np.sum(pi * np.log(pi / ref)), atol=5e-5)
    np.testing.assert_allclose(found.entropy, -np.sum(pi * np.log(pi)), atol=5e-5)
    backwards = compare_policies(reference, policy, [[4]], [[0]], 0)
    assert backwards.kl[0] == pytest.approx(np.sum(ref * np.log(ref / pi)), abs=5e-5)
    assert abs(backwards.kl[0] - found.kl[0]) > 1e-3


def test_divergence_of_equals_and_sign(make_model: MakeModel) -> None:
    """0 for equal policies; never negative; log-probabilities are those of `completion_logps`."""
    policy, reference = make_model(0), make_model(1)
    prompts, completions = ragged(30, 8)
    assert np.all(compare_policies(policy, policy, prompts, completions, 0).kl == 0)
    found = compare_policies(policy, reference, prompts, completions, 0, batch_size=9)
    filled = np.array([bool(row) for row in completions])
    assert np.all(found.kl[filled] > 0) and np.all(found.kl[~filled] == 0)
    np.testing.assert_allclose(found.policy_logps, completion_logps(policy, prompts, completions, 0), atol=1e-4)
    np.testing.assert_allclose(found.reference_logps, completion_logps(reference, prompts, completions, 0), atol=1e-4)


def test_bad_arguments(make_model: MakeModel) -> None:
    """Lists of unequal length, a prompt without tokens, two vocabularies."""
    model = make_model(0)
    with pytest.raises(ValueError, match="2 prompts beside 1"):
        completion_logps(model, [[1], [2]], [[3]], 0)
    with pytest.raises(ValueError, match="empty"):
        completion_logps(model, [[]], [[3]], 0)
    with pytest.raises(ValueError, match="vocabularies differ"):
        compare_policies(model, make_model(0, VOCABULARY), [[1]], [[3]], 0)
