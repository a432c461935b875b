"""Objectives over a split batch: weights whose exponents rise from micro-batch to micro-batch, and slopes by hand."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import SequentialSampler

from benchmark.training.batch import ReferenceLogps
from benchmark.training.coupling import RunningScale, Slopes, concatenate, linearise
from methods import PairBatch
from methods.dpo import DPO
from methods.kldpo import KLDPO
from methods.wdpo import WDPO

from .drive import assert_same_gradients, make_trainer, step_gradients

TAU = 0.05
RISES = {  # losses of the first pair of each micro-batch, nats; divided by tau, far beyond what exp can hold
    "rising": [0.1, 2.0, 4.5, 9.0],
    "falling": [9.0, 4.5, 2.0, 0.1],
    "a little": [1.0, 1.1, 1.2, 1.3],
    "up and down": [1.0, 7.0, 0.5, 7.5],
}


def micro_batch(start: float, weight: torch.Tensor) -> torch.Tensor:
    """Losses of three pairs from `start` on, differentiable by a parameter of two entries that is (1, 1)."""
    return start * weight[0] + torch.tensor([0.0, 0.02, 0.05]) * weight[1]


@pytest.mark.parametrize("starts", RISES.values(), ids=RISES)
def test_running_weights_are_those_of_the_whole_batch(starts):
    weight = torch.ones(2, requires_grad=True)
    losses = torch.cat([micro_batch(start, weight) for start in starts])
    shares = torch.softmax(losses.detach().double() / TAU, 0)
    (expected,) = torch.autograd.grad((shares * losses).sum(), weight)
    gradient, scale = torch.zeros(2), RunningScale()
    for start in starts:
        part = micro_batch(start, weight)
        logs = part.detach() / TAU
        share = scale.add(logs, part, {"logs": logs, "losses": part.detach()}, [gradient])
        gradient += torch.autograd.grad(share, weight)[0]
    value = scale.finish([gradient])
    torch.testing.assert_close(gradient, expected.float(), rtol=1e-4, atol=1e-5)
    assert value.item() == pytest.approx(float((shares * losses.detach()).sum()), rel=1e-5)


def test_a_workers_share_is_of_the_weights_of_all():
    # two workers with losses 0 and log 3 at tau = 1: weights 1/4 and 3/4; this one holds the second
    logs = torch.log(torch.tensor([1.0, 3.0]))
    gathered, gradient = {"logs": logs, "losses": logs}, torch.zeros(1)
    scale, loss = RunningScale(), logs[1:].clone().requires_grad_()
    gradient += torch.autograd.grad(scale.add(logs[1:], loss, gathered, [gradient]), loss)[0]
    assert scale.finish([gradient]).item() == pytest.approx(0.75 * logs[1].item())
    assert gradient.item() == pytest.approx(0.75)


def test_losses_that_rise_over_micro_batches_give_the_step_of_the_whole_batch(
    make_policy, tokenizer, pairs, reference, tmp_path
):
    """Log-ratio margins from 0 to -126 nats in the order of training: up to 38 nats of loss, exponents of 750."""
    rising = ReferenceLogps(reference.chosen + 2.0 * torch.arange(64).numpy(), reference.rejected)

    def gradients(micro):
        trainer = make_trainer(KLDPO(beta=0.3, tau=TAU), make_policy(), tokenizer, pairs, rising, tmp_path, micro)
        trainer._get_train_sampler = lambda *args: SequentialSampler(range(64))
        return step_gradients(trainer), float(trainer.history[-1]["objective"])

    (whole, value), (split, split_value) = gradients(None), gradients(8)
    assert_same_gradients(whole, split)
    assert split_value == pytest.approx(value, rel=1e-5)


def batch_of(margins: list[float]) -> PairBatch:
    """Pairs with the given log-ratio margins."""
    zeros = torch.zeros(len(margins), dtype=torch.float64)
    return PairBatch(torch.tensor(margins, dtype=torch.float64), zeros, zeros, zeros, zeros + 1, zeros + 1)


def test_slopes_of_dpo_by_hand():
    # beta = 1: l = log(1 + exp(-h)), dl/dh = -sigmoid(-h) is -1/2 and -1/4; each pair weighs a half
    log3 = float(torch.log(torch.tensor(3.0, dtype=torch.float64)))
    slopes, value = linearise(DPO(beta=1.0), batch_of([0.0, log3]), None)
    assert slopes.chosen.tolist() == pytest.approx([-1 / 4, -1 / 8])
    assert slopes.rejected.tolist() == pytest.approx([1 / 4, 1 / 8])
    assert slopes.squared_norms is None
    assert value.item() == pytest.approx((torch.tensor([2.0, 4 / 3]).log().sum() / 2).item())


def test_slopes_by_norms_and_the_penalty_in_the_value():
    # S of 1 and 7 has mean 4, root 2, so the penalty is 0.5 x 2 and its slope by S_i is rho / (2 n root) = 0.5 / 8
    slopes, value = linearise(WDPO(beta=1.0, rho=0.5), batch_of([0.0, 0.0]), torch.tensor([1.0, 7.0]).double())
    assert slopes.squared_norms is not None
    assert slopes.squared_norms.tolist() == pytest.approx([0.5 / 8] * 2)
    assert value.item() == pytest.approx(torch.tensor(2.0).log().item() + 0.5 * 2)


def test_slopes_are_cut_into_micro_batches_in_order():
    whole = Slopes(torch.arange(5.0), torch.arange(5.0) + 10, torch.arange(5.0) + 20)
    first, second, third = whole.chunk([2, 1, 2])
    assert [part.chosen.tolist() for part in (first, second, third)] == [[0, 1], [2], [3, 4]]
    assert [part.rejected.tolist() for part in (first, second, third)] == [[10, 11], [12], [13, 14]]
    assert [part.squared_norms.tolist() for part in (first, second, third)] == [[20, 21], [22], [23, 24]]
    assert Slopes(torch.arange(2.0), torch.arange(2.0), None).part(1, 1).squared_norms is None


def test_the_slopes_objective_is_linear_in_what_it_stands_for():
    slopes = Slopes(torch.tensor([2.0, 3.0]), torch.tensor([-1.0, 0.5]), torch.tensor([10.0, 20.0]))
    batch = batch_of([0.5, 1.0])  # chosen log-probabilities; rejected ones are 0
    assert slopes.objective(batch, None).item() == pytest.approx(2 * 0.5 + 3 * 1.0)
    assert slopes.objective(batch, torch.tensor([0.1, 0.2])).item() == pytest.approx(4 + 1 + 4)


def test_batches_are_joined_in_order_with_the_state_of_the_first():
    first = batch_of([1.0, 2.0]).with_state({"mean": torch.tensor(3.0)})
    joined = concatenate([first, batch_of([4.0])])
    assert joined.chosen_logps.tolist() == [1, 2, 4] and joined.state == first.state
    assert joined.groups is None and joined.margins is None
    assert concatenate([first]).chosen_logps.tolist() == [1, 2]
