"""Every loss that TRL has too: the value and the gradient of its stock trainer, on the same policy and batch."""

from __future__ import annotations

import inspect
import re
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import logsigmoid
from trl import DPOTrainer

from benchmark.training.batch import PairCollator
from benchmark.training.forward import forward_pairs
from methods import Coupling
from methods.aot import AOT
from methods.apo_down import APODown
from methods.apo_zero import APOZero
from methods.bco import BCO
from methods.discopop import DiscoPOP
from methods.dpo import DPO
from methods.exo import EXO
from methods.ipo import IPO
from methods.nca import NCA
from methods.rdpo import RDPO
from methods.rpo import RPO
from methods.simpo import SimPO
from methods.slic import SLiC
from methods.sppo import SPPO

from .drive import assert_same_gradients, make_trainer, step_gradients
from .stock import make_stock_trainer

BETA = 0.3
PARITY = {
    "sigmoid": (DPO(beta=BETA), {}),
    "hinge": (SLiC(beta=BETA), {}),
    "ipo": (IPO(beta=BETA), {}),
    "exo_pair": (EXO(beta=BETA, epsilon=0.05), {"label_smoothing": 0.05}),
    "nca_pair": (NCA(beta=BETA), {}),
    "robust": (RDPO(beta=BETA, epsilon=0.2), {"label_smoothing": 0.2}),
    "bco_pair": (BCO(beta=BETA, reward_shift="off"), {}),
    "sppo_hard": (SPPO(beta=BETA), {}),
    "aot": (AOT(beta=BETA), {}),
    "aot_unpaired": (AOT(beta=BETA, pairing="unpaired"), {}),
    "apo_zero": (APOZero(beta=BETA), {}),
    "apo_down": (APODown(beta=BETA), {}),
    "discopop": (DiscoPOP(beta=BETA, tau=0.07), {"discopop_tau": 0.07}),
    "sigmoid + sft": (RPO(beta=BETA, alpha=0.5, average="batch"), {"loss_weights": [1.0, 0.5]}),
}


CASES = [(loss_type, None) for loss_type in PARITY]
# TRL sorts and averages over tokens within a micro-batch; ours is split here, TRL's is whole
CASES += [(loss_type, 16) for loss_type, (method, _) in PARITY.items() if method.coupling() is Coupling.BATCH]


@pytest.mark.parametrize(("loss_type", "micro"), CASES)
def test_loss_and_gradient_equal_trls(loss_type, micro, make_policy, tokenizer, pairs, reference, tmp_path):
    method, arguments = PARITY[loss_type]
    rest = (tokenizer, pairs, reference, tmp_path)
    ours = make_trainer(method, make_policy(), *rest, micro)
    stock = make_stock_trainer(make_policy(), *rest, loss_type=loss_type.split(" + "), beta=BETA, **arguments)
    assert_same_gradients(step_gradients(ours), step_gradients(stock))
    theirs = stock.state.log_history[-1]["train_loss"]
    assert sum(float(entry["objective"]) for entry in ours.history) == pytest.approx(theirs, rel=1e-5)


def test_every_loss_of_trls_is_compared():
    """A new one in TRL, or one that is left out here, fails; the exceptions are no losses of ours."""
    names = set(re.findall(r'loss_type == "(\w+)"', inspect.getsource(DPOTrainer._compute_loss)))
    compared = {name for both in PARITY for name in both.split(" + ")}
    assert names - compared == {"sigmoid_norm"}  # DPO per token: SimPO's reward with a reference


def test_simpo_equals_trls_loss(make_policy, pairs, reference, monkeypatch):
    """TRL's CPO trainer tokenises texts itself, so its loss is called on log-probabilities per token."""
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    from trl.experimental.cpo import CPOTrainer

    policy = make_policy()
    batch = forward_pairs(policy, PairCollator(pairs, reference, 0)([{"pair": i} for i in range(64)])).batch
    settings = SimpleNamespace(
        loss_type="simpo", beta=2.0, simpo_gamma=0.7, label_smoothing=0.0, alpha=0.0,
        accelerator=SimpleNamespace(device=torch.device("cpu")),
    )  # fmt: skip
    per_token = (batch.chosen_logps / batch.chosen_lengths, batch.rejected_logps / batch.rejected_lengths)
    theirs, *_ = CPOTrainer.cpo_loss(settings, *per_token)
    torch.testing.assert_close(SimPO(beta=2.0, gamma=0.7).pair_losses(batch), theirs, rtol=1e-5, atol=0)


def test_simpo_takes_the_step_of_its_formula(make_policy, tokenizer, pairs, reference, tmp_path):
    """Through the whole trainer: -log sigmoid(2 (mean log pi_w - mean log pi_l) - 0.7), written down once more."""
    trainer = make_trainer(SimPO(beta=2.0, gamma=0.7), make_policy(), tokenizer, pairs, reference, tmp_path)
    policy = make_policy()
    objective = torch.zeros(())
    for prompt, chosen, rejected in zip(pairs.prompts, pairs.chosen, pairs.rejected, strict=True):
        reward = {}
        for completion in (chosen, rejected):
            scores = policy(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
            reward[id(completion)] = scores.gather(1, torch.tensor(completion)[:, None]).mean()
        objective = objective - logsigmoid(2 * (reward[id(chosen)] - reward[id(rejected)]) - 0.7) / 64
    objective.backward()
    expected = {name: parameter.grad for name, parameter in policy.named_parameters()}
    assert_same_gradients(step_gradients(trainer), expected)
    assert float(trainer.history[0]["objective"]) == pytest.approx(objective.item(), rel=1e-5)
