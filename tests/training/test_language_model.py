"""Supervised fine-tuning: what is padded, how batches are made, that it learns, and that it repeats itself."""

import math

import numpy as np
import pytest
import torch

from benchmark.core.errors import UserError
from benchmark.policies.checkpoints import save_policy
from benchmark.policies.scratch import ScratchPolicy, build_scratch_policy
from benchmark.suites.grammar.tokenizer import VOCABULARY, build_tokenizer
from benchmark.training.language_model import LengthGroupedBatches, PaddedRows, fit_language_model

PAD = 0
SHAPE = ScratchPolicy(len(VOCABULARY), width=32, layers=1, heads=1, feed_forward=32, initializer_range=0.1)
ROWS = [[5, 6, 7, 1], [8, 9, 1]] * 32


def fit(folder, seed=0, rows=ROWS, **changed):
    model = build_scratch_policy(SHAPE, build_tokenizer(64), seed=0)
    settings = {"learning_rate": 1e-2, "batch_size": 8, "epochs": 4.0, **changed}
    return model, fit_language_model(model, rows, pad_token_id=PAD, seed=seed, folder=folder, **settings)


def test_rows_are_padded_on_the_right_to_the_longest_of_the_batch():
    rows = PaddedRows([[3, 4], [5, 6, 7], [8, 9, 3, 4]], pad_token_id=PAD)
    batch = rows.__getitems__([0, 1])
    assert batch["input_ids"].tolist() == [[3, 4, PAD], [5, 6, 7]]
    assert batch["labels"].tolist() == [[3, 4, -100], [5, 6, 7]]


def test_padding_changes_no_loss_without_an_attention_mask():
    model = build_scratch_policy(SHAPE, build_tokenizer(64), seed=0)
    rows = PaddedRows([[5, 6, 7], [5, 6, 7, 8, 9, 10, 11]], pad_token_id=PAD)
    with torch.no_grad():
        alone = model(**rows.__getitems__([0])).loss
        padded = rows.__getitems__([0, 1])
        beside = model(input_ids=padded["input_ids"][:1], labels=padded["labels"][:1]).loss
    assert padded["input_ids"].shape[1] == 7
    assert beside.item() == pytest.approx(alone.item(), abs=1e-5)


def test_batches_hold_every_row_once_and_like_lengths():
    lengths = np.random.default_rng(0).integers(2, 60, size=1003).tolist()
    batches = LengthGroupedBatches(lengths, 16, seed=0)
    first, second = list(batches), list(batches)
    assert len(first) == len(batches) == math.ceil(1003 / 16)
    assert sorted(row for batch in first for row in batch) == list(range(1003))
    assert first != second and first == list(LengthGroupedBatches(lengths, 16, seed=0))
    padded = sum(len(batch) * max(lengths[row] for row in batch) for batch in first)
    assert padded < 1.15 * sum(lengths)


def test_it_reaches_the_entropy_of_the_data(tmp_path):
    """Two texts, equally likely, told apart by their first token: then everything follows, at a loss of 0 nats."""
    model, fitted = fit(tmp_path, epochs=8.0)
    assert fitted.steps == 64 and fitted.loss < 0.1 and fitted.seconds > 0  # of more than 4 before
    assert not model.training


def test_progress_is_told_every_step(tmp_path):
    calls = []
    fit(tmp_path, epochs=1.0, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(step, 8) for step in range(1, 9)]


def test_same_seed_same_weights_bit_for_bit(tmp_path):
    models = [fit(tmp_path, seed=seed)[0] for seed in (0, 0, 1)]
    same, other = (
        [torch.equal(left, right) for left, right in zip(models[0].parameters(), model.parameters(), strict=True)]
        for model in models[1:]
    )
    assert all(same) and not all(other)


def test_no_learning_rate_no_change(tmp_path):
    model, fitted = fit(tmp_path, learning_rate=0.0, epochs=1.0)
    fresh = build_scratch_policy(SHAPE, build_tokenizer(64), seed=0)
    assert all(torch.equal(left, right) for left, right in zip(model.parameters(), fresh.parameters(), strict=True))
    assert fitted.loss > 4  # about log of the vocabulary, in nats


@pytest.mark.parametrize("rows", [[], [[3, 4], [5]]])
def test_rows_that_teach_nothing(rows, tmp_path):
    with pytest.raises(UserError, match="at least"):
        fit(tmp_path, rows=rows)


@pytest.mark.parametrize(("width", "heads"), [(64, 4), (64, 3), (48, 1), (64, 0)])
def test_head_dimensions_that_a_backend_refuses(width, heads):
    with pytest.raises(UserError, match="32 or 64"):
        ScratchPolicy(10, width=width, layers=1, heads=heads, feed_forward=8)


def test_a_policy_with_fewer_tokens_than_its_tokenizer():
    with pytest.raises(UserError, match="tokens"):
        build_scratch_policy(ScratchPolicy(10, 32, 1, 1, 8), build_tokenizer(64), seed=0)


def test_one_token_cannot_be_pad_and_end():
    tokenizer = build_tokenizer(64)
    tokenizer.pad_token = tokenizer.eos_token
    with pytest.raises(UserError, match="never learn to stop"):
        build_scratch_policy(SHAPE, tokenizer, seed=0)


def test_a_scratch_policy_survives_saving(tmp_path):
    from transformers import AutoModelForCausalLM

    state = torch.random.get_rng_state()
    model = build_scratch_policy(SHAPE, build_tokenizer(64), seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    save_policy(model, build_tokenizer(64), tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokens = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        assert torch.equal(model.eval()(tokens).logits, again(tokens).logits)
    assert again.config.rms_norm_eps == 1e-2 and again.config.tie_word_embeddings
