"""Adapters: the policy is what it was before the first step, and a checkpoint is the whole policy with them inside."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.policies.checkpoints import load_policy, save_policy
from benchmark.policies.logprobs import completion_logps
from benchmark.training.adapters import whole_policy, with_adapters
from benchmark.training.cell import TrainingCell
from benchmark.training.pairwise import train_pairwise
from benchmark.training.settings import TrainingSettings
from methods.base import parse_method
from tests.chat_models import gpt2_policy

LORA = {"rank": 3, "alpha": 6}
SETTINGS = TrainingSettings(epochs=1, batch_size=16, learning_rate=1e-2, warmup_steps=0, checkpoints=1, lora=LORA)


def silent(done, total):
    """Say nothing."""


@pytest.fixture
def policy(make_policy, tokenizer, tmp_path):
    save_policy(make_policy(), tokenizer, tmp_path / "policy")
    return tmp_path / "policy"


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_checkpoint_is_the_policy_with_its_adapters_added(policy, pairs, reference, tmp_path, checkpointing):
    settings = SETTINGS.model_copy(update={"gradient_checkpointing": checkpointing})
    cell = TrainingCell(policy, pairs, reference, settings, 0, tmp_path / "out", silent)
    train_pairwise(cell, parse_method("dpo(beta=0.1)"))
    before, _ = load_policy(policy)
    after, _ = load_policy(tmp_path / "out" / "step-000004")  # raises where a name or a shape is not the plain model's
    changes = {n: t - before.state_dict()[n] for n, t in after.state_dict().items()}
    for name, change in changes.items():
        linear = name.endswith("proj.weight")
        assert bool(change.abs().max() > 1e-4) == linear, name
        if linear:
            assert np.linalg.matrix_rank(change.numpy(), tol=1e-5) == LORA["rank"], name
    margin = completion_logps(after, pairs.prompts, pairs.chosen, 0) - completion_logps(
        after, pairs.prompts, pairs.rejected, 0
    )
    was = completion_logps(before, pairs.prompts, pairs.chosen, 0) - completion_logps(
        before, pairs.prompts, pairs.rejected, 0
    )
    assert (margin - was).mean() > 1


@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_added_up_weights_compute_what_the_adapters_do(policy, shape, tmp_path):
    """GPT-2 keeps its weights transposed."""
    folder = policy if shape == "llama" else gpt2_policy(tmp_path / "gpt2")
    plain, _ = load_policy(folder, pad_token="<pad>")
    tokens = torch.tensor([[3, 5, 4, 9, 7]])
    expected = plain(tokens).logits
    adapted = with_adapters(load_policy(folder, pad_token="<pad>")[0], SETTINGS, seed=1)
    assert torch.equal(adapted(tokens).logits, expected)
    for name, parameter in adapted.named_parameters():
        assert parameter.requires_grad == ("lora_" in name)
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    _, weights = whole_policy(adapted)
    plain.load_state_dict(weights)
    trained = adapted(tokens).logits
    assert (trained - expected).abs().max() > 0.1
    assert torch.allclose(plain(tokens).logits, trained, atol=1e-4)


def test_settings_without_adapters_keep_the_identity_that_they_had():
    assert "lora" not in TrainingSettings().identity()
    assert SETTINGS.identity()["lora"] == {"rank": 3, "alpha": 6.0}
    assert TrainingSettings(bf16="auto").of_method("dpo").bf16 is torch.cuda.is_available()
