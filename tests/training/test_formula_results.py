"""What a formula returns is looked at before the first step: torch would broadcast it and mix types in silence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from benchmark.core.errors import UserError
from benchmark.training.formula import check_losses
from methods import Method, PairBatch, PairwiseMethod
from methods.dpo import DPO

from .drive import make_trainer


@dataclass(frozen=True)
class Odd(DPO):
    """DPO whose losses are made into something else."""

    what: str = "scalar"

    def pair_losses(self, batch):
        losses = super().pair_losses(batch)
        return {
            "scalar": lambda: losses.mean(),
            "one": lambda: losses.mean()[None],
            "column": lambda: losses[:, None],
            "float64": lambda: losses.double(),
            "bfloat16": lambda: losses.bfloat16(),
            "meta": lambda: losses.to("meta"),
            "list": lambda: losses.tolist(),
        }[self.what]()


MESSAGES = {
    "scalar": r"got shape \[\], torch.float32",
    "one": r"got shape \[1\]",
    "column": r"got shape \[64, 1\]",
    "float64": r"got shape \[64\], torch.float64 on cpu",
    "bfloat16": "torch.bfloat16",
    "meta": "on meta",
    "list": "got a list",
}


@pytest.mark.parametrize("what", MESSAGES)
def test_a_wrong_result_is_refused_before_the_first_step(what, make_policy, tokenizer, pairs, reference, tmp_path):
    policy = make_policy()
    before = {name: parameter.clone() for name, parameter in policy.named_parameters()}
    trainer = make_trainer(Odd(what=what), policy, tokenizer, pairs, reference, tmp_path)
    with pytest.raises(UserError, match=rf"dpo: pair_losses must return a tensor of shape \[64\].*{MESSAGES[what]}"):
        trainer.train()
    for name, parameter in policy.named_parameters():
        torch.testing.assert_close(parameter, before[name], rtol=0, atol=0)


def test_a_split_batch_is_looked_at_in_its_first_part(make_policy, tokenizer, pairs, reference, tmp_path):
    trainer = make_trainer(Odd(what="scalar"), make_policy(), tokenizer, pairs, reference, tmp_path, 16)
    with pytest.raises(UserError, match=r"shape \[16\]"):
        trainer.train()


PAIRWISE = [cls for cls in Method.registry.all() if issubclass(cls, PairwiseMethod)]


@pytest.mark.parametrize("cls", PAIRWISE, ids=lambda cls: cls.name)
def test_every_registered_formula_gives_what_is_asked_for(cls):
    generator = torch.Generator().manual_seed(0)
    columns = [torch.randn(6, generator=generator) - 20 for _ in range(4)]
    lengths = [torch.randint(5, 15, (6,), generator=generator) for _ in range(2)]
    method = cls.make()
    batch = PairBatch(*columns, *lengths, groups=torch.tensor([0, 1, 0, 1, 1, 0]), margins=torch.rand(6))
    check_losses(method, replace(batch, state=method.initial_state(2)))
