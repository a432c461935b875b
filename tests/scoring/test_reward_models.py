"""What every kind of reward model must do: learn, forget nothing when saved, and not care how it is batched."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from benchmark.core.errors import UserError
from benchmark.scoring import RewardModel, load_reward_model
from benchmark.scoring.batches import shuffled_batches, sorted_batches
from benchmark.scoring.convolution import ConvolutionNetwork, ConvolutionRewardModel, fit_convolution
from benchmark.scoring.linear import fit_linear
from benchmark.scoring.transformer import PAD_TOKEN, TransformerRewardModel, check_base, fit_transformer
from benchmark.scoring.words import UNKNOWN, Vocabulary, split_words

OBJECTIVES = ("anger", "joy")  # of `marked_texts`
KINDS = ("convolution", "linear", "transformer")


@pytest.fixture(scope="session")
def fitted(marked_texts, tiny_gpt2) -> dict[str, RewardModel]:
    texts, labels = marked_texts
    return {
        "convolution": fit_convolution(texts, labels, OBJECTIVES, seed=0, epochs=20, embedding_width=16, channels=16),
        "linear": fit_linear(texts, labels, OBJECTIVES),
        "transformer": fit_transformer(
            str(tiny_gpt2), texts, labels, OBJECTIVES, seed=0, epochs=20, learning_rate=5e-3, weight_decay=0.0
        ),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_learns_what_the_labels_say(fitted, kind):
    texts = ["i was furious at home", "the merry dog slept", "furious and merry again", "i was home"]
    logits = fitted[kind].score(texts)
    assert logits.dtype == np.float64
    assert ((logits > 0) == [[True, False], [False, True], [True, True], [False, False]]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_logits_not_probabilities(fitted, kind, marked_texts):
    logits = fitted[kind].score(marked_texts[0])
    assert logits.min() < -1 and logits.max() > 1


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_scores_the_same(fitted, kind, marked_texts, tmp_path):
    fitted[kind].save(tmp_path)
    loaded = load_reward_model(tmp_path)
    assert loaded.objectives == OBJECTIVES and type(loaded) is type(fitted[kind])
    np.testing.assert_array_equal(loaded.score(marked_texts[0]), fitted[kind].score(marked_texts[0]))
    assert not list(tmp_path.glob("*.pkl")) and not list(tmp_path.glob("*.bin"))


@pytest.mark.parametrize("kind", KINDS)
def test_company_and_order_do_not_matter(fitted, kind, marked_texts):
    model, texts = fitted[kind], marked_texts[0][:50]
    together = model.score(texts)
    np.testing.assert_allclose(np.concatenate([model.score([text]) for text in texts]), together, atol=1e-4)
    np.testing.assert_allclose(model.score(texts[::-1])[::-1], together, atol=1e-4)


@pytest.mark.parametrize("kind", ("convolution", "transformer"))
def test_batch_size_does_not_matter(fitted, kind, marked_texts):
    model, texts = fitted[kind], marked_texts[0][:70]
    assert isinstance(model, ConvolutionRewardModel | TransformerRewardModel)
    np.testing.assert_allclose(model.score(texts, batch_size=3), model.score(texts, batch_size=64), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_odd_texts_get_finite_scores(fitted, kind):
    assert np.isfinite(fitted[kind].score(["", " ", "...", "xyzzy", "Ünïcödé 😀", "dog " * 40])).all()
    assert fitted[kind].score([]).shape == (0, 2)


def test_convolution_is_redone_by_hand():
    """Two words, one channel: relu of the weighted neighbours, maximum and mean over the words, then the head."""
    network = ConvolutionNetwork(words=4, objectives=1, embedding_width=1, channels=1).eval()
    with torch.no_grad():
        network.embedding.weight[:] = torch.tensor([[0.0], [9.0], [1.0], [2.0]])
        network.convolution.weight[:] = torch.tensor([[[3.0, 1.0, -1.0]]])  # 3 left + 1 own - 1 right
        network.convolution.bias[:] = 0.5
        network.head.weight[:] = torch.tensor([[10.0, 100.0]])
        network.head.bias[:] = 1.0
    # word 1: 3*0 + 1*1 - 2 + .5 = -.5 -> 0;  word 2: 3*1 + 2 - 0 + .5 = 5.5;  maximum 5.5, mean 2.75
    expected = 10 * 5.5 + 100 * 2.75 + 1
    assert network(torch.tensor([[2, 3]])).item() == pytest.approx(expected)
    assert network(torch.tensor([[2, 3, 0, 0, 0]])).item() == pytest.approx(expected)


def test_convolution_is_reproducible_and_leaves_the_global_seed_alone(marked_texts):
    texts, labels = marked_texts[0][:64], marked_texts[1][:64]

    def scores(seed: int):
        return fit_convolution(texts, labels, OBJECTIVES, seed=seed, epochs=1).score(texts)

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = scores(0)
    assert torch.equal(torch.rand(3), expected)
    np.testing.assert_array_equal(first, scores(0))
    assert not np.allclose(first, scores(1))


def test_convolution_learns_probabilities_not_only_classes():
    """Labels of .8 for texts with the word, .2 for the others: logits near +-log 4."""
    texts = ["good day to you", "bad day to you"] * 200
    labels = np.tile([[0.8], [0.2]], (200, 1))
    model = fit_convolution(texts, labels, ("kind",), seed=0, epochs=10)
    np.testing.assert_allclose(model.score(texts[:2])[:, 0], [np.log(4), -np.log(4)], atol=0.35)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ([], np.zeros((0, 2)), "at least one"),
        (["a"], np.zeros((1, 3)), "shape"),
        (["a"], np.array([[0, 1.5]]), "0, 1"),
        (["a"], np.array([[0, np.nan]]), "0, 1"),
    ],
)
def test_convolution_refuses_labels_that_do_not_fit(texts, labels, message):
    with pytest.raises(ValueError, match=message):
        fit_convolution(texts, labels, OBJECTIVES, seed=0)


def test_linear_scores_are_log_odds_of_its_features(fitted):
    """Without any known word the score is the intercept alone; a known word adds idf times weight."""
    model = fitted["linear"]
    np.testing.assert_allclose(model.score(["xyzzy"])[0], model.intercepts)
    column = model.vectorizer.vocabulary_["furious"]
    gain = model.score(["furious"])[0] - model.intercepts
    np.testing.assert_allclose(gain, model.vectorizer.idf_[column] * model.coefficients[:, column])


def test_transformer_gets_a_pad_token_of_its_own(fitted, tmp_path):
    fitted["transformer"].save(tmp_path)
    loaded = load_reward_model(tmp_path)
    assert loaded.tokenizer.pad_token == PAD_TOKEN != loaded.tokenizer.eos_token
    assert loaded.model.config.pad_token_id == loaded.tokenizer.pad_token_id
    assert loaded.model.config.problem_type == "multi_label_classification"


def test_transformer_cuts_texts_where_the_model_or_the_suite_says(marked_texts, tiny_gpt2, tmp_path):
    """The tiny GPT-2 has 64 positions: a longer text is scored by its first 64 words, or by as few as asked."""
    texts, labels = marked_texts[0][:64], marked_texts[1][:64]
    for wanted, length in ((256, 64), (5, 5)):
        model = fit_transformer(str(tiny_gpt2), texts, labels, OBJECTIVES, seed=0, epochs=1, max_tokens=wanted)
        model.save(tmp_path)
        loaded = load_reward_model(tmp_path)
        assert model.max_tokens == loaded.max_tokens == length
        whole = " ".join(["dog", "merry"] * 100)
        cut = " ".join(whole.split()[:length])
        np.testing.assert_array_equal(loaded.score([whole]), loaded.score([cut]))
        assert not np.allclose(loaded.score([whole]), loaded.score([" ".join(whole.split()[: length - 1])]))


def test_a_base_is_looked_at_before_it_is_trained(tiny_gpt2, tmp_path):
    check_base(str(tiny_gpt2), 64)
    with pytest.raises(UserError, match="reads texts of up to 64 tokens, and 65 are needed"):
        check_base(str(tiny_gpt2), 65)
    shutil.copytree(tiny_gpt2, tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").unlink()
    with pytest.raises(UserError, match="holds no weights"):
        check_base(str(tmp_path / "base"), 64)
    for file in (tmp_path / "base").glob("tokenizer*"):
        file.unlink()
    with pytest.raises(UserError, match="has no tokenizer"):
        check_base(str(tmp_path / "base"), 64)


def test_transformer_that_is_not_there():
    with pytest.raises(UserError, match=r"(?s)'no/such-model'.*suite.reward_model=convolution"):
        fit_transformer("no/such-model", ["a"], np.zeros((1, 2)), OBJECTIVES, seed=0)


def test_progress_counts_to_the_end(marked_texts, tiny_gpt2):
    texts, labels = marked_texts[0][:65], marked_texts[1][:65]
    for fit, steps in (
        (lambda report: fit_convolution(texts, labels, OBJECTIVES, seed=0, epochs=2, progress=report), 4),
        (lambda report: fit_linear(texts, labels, OBJECTIVES, progress=report), 2),
        (
            lambda report: fit_transformer(
                str(tiny_gpt2), texts, labels, OBJECTIVES, seed=0, epochs=1, progress=report
            ),
            2,
        ),
    ):
        seen: list[tuple[int, int]] = []
        fit(lambda done, total, seen=seen: seen.append((done, total)))
        assert seen == [(step, steps) for step in range(1, steps + 1)]


def test_loading_what_is_no_reward_model(tmp_path):
    with pytest.raises(UserError, match=r"reward_model.json is missing"):
        load_reward_model(tmp_path)
    (tmp_path / "reward_model.json").write_text(json.dumps({"kind": "convolutional"}))
    with pytest.raises(UserError, match="Did you mean 'convolution'"):
        load_reward_model(tmp_path)


def test_words():
    assert split_words("I'm SO happy, 2x!") == ["i", "'", "m", "so", "happy", ",", "2x", "!"]
    assert split_words("  ") == [""]
    vocabulary = Vocabulary.of(["b a b", "a c"], least_count=2)
    assert vocabulary.words == ["a", "b"] and len(vocabulary) == 4
    assert vocabulary.encode("A b c") == [2, 3, UNKNOWN]
    assert vocabulary.encode("") == [UNKNOWN]


def test_batches_hold_every_row_once():
    lengths = np.random.default_rng(0).integers(1, 60, size=1003)
    for batches in (list(sorted_batches(lengths, 64)), list(shuffled_batches(lengths, 64, np.random.default_rng(1)))):
        assert sorted(np.concatenate(batches).tolist()) == list(range(1003))
        assert max(map(len, batches)) == 64
    padded = sum(len(batch) * lengths[batch].max() for batch in shuffled_batches(lengths, 64, np.random.default_rng(1)))
    assert padded < 1.15 * lengths.sum() < len(lengths) * 59
