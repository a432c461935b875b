"""The sampling loop over transformers: greedy is `generate`, sampling is the softmax, batching changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from transformers import AutoModelForCausalLM, PreTrainedModel

from benchmark.core.data import Prompts
from benchmark.core.errors import UserError
from benchmark.generation import Sampling
from benchmark.generation.transformers import TransformersGenerator

EOS = 2


@pytest.fixture(scope="module")
def model(policy: Path) -> PreTrainedModel:
    """The policy as transformers itself loads it, in float64."""
    return AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float64).eval()


def generator(**options: object) -> TransformersGenerator:
    """A generator on the CPU, in float64: no batch and no machine rounds two tokens that are nearly alike otherwise."""
    return TransformersGenerator(device="cpu", dtype=torch.float64, **options)  # type: ignore[arg-type]


def until_end(tokens: list[int]) -> list[int]:
    """Up to and with the end token."""
    return tokens[: tokens.index(EOS) + 1] if EOS in tokens else tokens


@pytest.mark.parametrize("batch_size", [5, 256])
def test_greedy_equals_generate(policy: Path, model: PreTrainedModel, prompts: Prompts, batch_size: int) -> None:
    """Token for token, padded batches and dropped rows included; each row alone in `generate`."""
    ours = generator(batch_size=batch_size).generate(policy, prompts, Sampling(40, temperature=0))
    for prompt, tokens in zip(prompts.tokens, ours.tokens, strict=True):
        row = model.generate(torch.tensor([prompt]), max_new_tokens=40, do_sample=False, top_k=None, top_p=None)
        assert tokens == until_end(row[0, len(prompt) :].tolist())


def test_completions_say_whether_they_ended(policy: Path, prompts: Prompts) -> None:
    """The end token is kept in the tokens, left out of the text, and told in `ended`."""
    made = generator().generate(policy, prompts, Sampling(60, samples=3, seed=1))
    assert made.ended.any() and not made.ended.all()
    assert [row[-1] == EOS for row in made.tokens] == made.ended.tolist()
    assert all(EOS not in row[:-1] for row in made.tokens)
    assert all(len(row) == 60 for row, ended in zip(made.tokens, made.ended, strict=True) if not ended)
    assert not any("</s>" in text for text in made.texts)
    assert made.prompt.tolist() == [row for row in range(len(prompts)) for _ in range(3)]
    assert made.sample.tolist() == [0, 1, 2] * len(prompts)


def test_samples_follow_the_softmax(policy: Path, model: PreTrainedModel) -> None:
    """First tokens of 6,000 samples against the exact probabilities, at temperature 0.7."""
    count, temperature = 6000, 0.7
    prompt = Prompts(["0"], [""], [[5, 6, 7]])
    made = generator(batch_size=2000).generate(policy, prompt, Sampling(1, count, temperature, seed=3))
    with torch.no_grad():
        exact = (model(torch.tensor([[5, 6, 7]])).logits[0, -1].double() / temperature).softmax(-1).numpy()
    observed = np.bincount([row[0] for row in made.tokens], minlength=len(exact))
    common = exact * count >= 5
    observed, expected = observed[common], exact[common] * count
    assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-4
    wrong = np.sqrt(expected) * observed.sum() / np.sqrt(expected).sum()  # twice the temperature
    assert chisquare(observed, wrong).pvalue < 1e-6


def test_seed_decides_and_batch_size_does_not(policy: Path, prompts: Prompts) -> None:
    """Same seed: same completions, however they are batched; another seed: others; samples of a prompt differ."""
    first = generator(batch_size=256).generate(policy, prompts, Sampling(20, samples=2, seed=7))
    again = generator(batch_size=7).generate(policy, prompts, Sampling(20, samples=2, seed=7))
    other = generator().generate(policy, prompts, Sampling(20, samples=2, seed=8))
    assert first.tokens == again.tokens
    assert first.tokens != other.tokens
    assert first.tokens[0] != first.tokens[1]


def test_first_prompts_do_not_depend_on_later_ones(policy: Path, prompts: Prompts) -> None:
    """Adding prompts changes no completion of those before."""
    head = Prompts(prompts.ids[:5], prompts.texts[:5], prompts.tokens[:5])
    whole = generator().generate(policy, prompts, Sampling(12, samples=2, seed=7))
    assert generator().generate(policy, head, Sampling(12, samples=2, seed=7)).tokens == whole.tokens[:10]


def test_truncation(policy: Path, model: PreTrainedModel) -> None:
    """top_k=1 and a tiny top_p are greedy; top_k=3 draws from the three best, all of them."""
    prompt = Prompts(["0"], [""], [[5, 6, 7]])
    with torch.no_grad():
        best = model(torch.tensor([[5, 6, 7]])).logits[0, -1].topk(3).indices.tolist()
    for settings, allowed in (({"top_k": 1}, best[:1]), ({"top_p": 1e-6}, best[:1]), ({"top_k": 3}, best)):
        made = generator().generate(policy, prompt, Sampling(1, samples=200, seed=0, **settings))  # type: ignore[arg-type]
        assert {row[0] for row in made.tokens} == set(allowed)


def test_one_object_serves_many_policies(policy: Path, other_policy: Path, prompts: Prompts) -> None:
    """The weights loaded last are not used for another folder."""
    one, sampling = generator(), Sampling(15, temperature=0)
    a, b = one.generate(policy, prompts, sampling).tokens, one.generate(other_policy, prompts, sampling).tokens
    assert a != b
    assert one.generate(policy, prompts, sampling).tokens == a
    assert generator().generate(other_policy, prompts, sampling).tokens == b


def test_progress_reaches_the_end(policy: Path, prompts: Prompts) -> None:
    """Progress counts prompts and never falls."""
    seen: list[tuple[int, int]] = []
    generator(batch_size=10).generate(policy, prompts, Sampling(3, samples=2), lambda *at: seen.append(at))
    assert seen == sorted(seen) and seen[-1] == (len(prompts), len(prompts))


def test_no_prompts(policy: Path) -> None:
    """Nothing in, nothing out."""
    assert len(generator().generate(policy, Prompts([], [], []), Sampling(3))) == 0


def test_bad_input(policy: Path, tmp_path: Path) -> None:
    """An empty prompt, one that is too long, a folder that is not there, settings out of range."""
    with pytest.raises(UserError, match="prompt 'a' is empty"):
        generator().generate(policy, Prompts(["a"], [""], [[]]), Sampling(3))
    with pytest.raises(UserError, match="512 positions"):
        generator().generate(policy, Prompts(["a"], [""], [[5] * 510]), Sampling(3))
    with pytest.raises(UserError, match="does not exist"):
        generator().generate(tmp_path / "none", Prompts(["a"], [""], [[5]]), Sampling(3))
    for settings in ({"temperature": -1.0}, {"top_p": 0.0}, {"top_k": -1}, {"samples": 0}):
        with pytest.raises(UserError, match=next(iter(settings))):
            Sampling(3, **settings)  # type: ignore[arg-type]
