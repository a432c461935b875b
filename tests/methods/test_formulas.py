"""Each formula against arithmetic that a reader can redo."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
import torch

from benchmark.core.errors import UserError
from methods import Method
from methods.base import PairwiseMethod, parse_method
from methods.dpo import DPO
from methods.kldpo import KLDPO
from methods.oracle import Oracle
from methods.sft import SFT
from methods.wdpo import WDPO
from shifts.base import parse_shift


def test_dpo_is_softplus_of_minus_beta_h(batch_of):
    # h = 2 - (-1) = 3 and 0 - 4 = -4; l = log(1 + exp(-beta h))
    losses = DPO(beta=0.5).pair_losses(batch_of([2.0, 0.0], [-1.0, 4.0]))
    assert losses.tolist() == pytest.approx([math.log1p(math.exp(-1.5)), math.log1p(math.exp(2.0))])


def test_dpo_of_the_reference_is_log_2_for_every_pair(batch_of):
    assert DPO().pair_losses(batch_of([0.0, 0.0], [0.0, 0.0])).tolist() == pytest.approx([math.log(2)] * 2)


def test_kldpo_weights_are_the_softmax_of_the_losses(batch_of):
    batch = batch_of([1.0, 0.0], [0.0, 0.0])
    losses = torch.tensor([0.2, 0.7], dtype=torch.float64)
    # exp(0.7 / 0.5) / exp(0.2 / 0.5) = e, so the harder pair weighs e / (1 + e)
    weights = KLDPO(tau=0.5).pair_weights(losses, batch)
    assert weights.tolist() == pytest.approx([1 / (1 + math.e), math.e / (1 + math.e)])


def test_kldpo_tends_to_dpo_and_to_the_hardest_pair(batch_of):
    batch, losses = batch_of([0.0] * 3, [0.0] * 3), torch.tensor([0.1, 0.5, 0.9])
    assert KLDPO(tau=1e9).pair_weights(losses, batch).tolist() == pytest.approx([1 / 3] * 3)
    assert KLDPO(tau=1e-3).pair_weights(losses, batch).tolist() == pytest.approx([0, 0, 1])


def test_kldpo_weights_are_not_differentiated(batch_of):
    losses = torch.tensor([0.1, 0.5], requires_grad=True)
    assert not KLDPO().pair_weights(losses, batch_of([0.0] * 2, [0.0] * 2)).requires_grad


def test_wdpo_penalty_is_rho_times_the_root_of_the_mean():
    # norms 1 and 7: sqrt((1 + 49) / 2) = 5
    penalty = WDPO(rho=0.3).input_penalty(torch.tensor([1.0, 49.0]))
    assert penalty.item() == pytest.approx(1.5)


def test_wdpo_of_radius_zero_is_dpo():
    assert WDPO(rho=0.0).input_penalty(torch.tensor([1.0, 49.0])).item() == 0.0


def test_wdpo_penalty_has_a_finite_slope_at_zero():
    norms = torch.zeros(2, requires_grad=True)
    WDPO().input_penalty(norms).backward()
    assert norms.grad is not None and norms.grad.isfinite().all()


def test_sft_is_nats_per_chosen_token(batch_of):
    # log pi(chosen) = 1 - 10 = -9 over 5 tokens; the rejected side does not matter
    assert SFT().pair_losses(batch_of([1.0], [99.0])).item() == pytest.approx(9 / 5)


def test_oracle_trains_on_the_middle_or_the_far_end():
    (shift,) = parse_shift("alpha_mixture(a=anger,b=fear,alpha=0.1)")
    (middle,) = parse_shift("alpha_mixture(a=anger,b=fear,alpha=0.5)")
    assert Oracle().training_shift(shift) == middle
    assert Oracle(at="farthest").training_shift(shift).alpha == 1.0
    assert Oracle(at="farthest").training_shift(replace(shift, alpha=0.9)).alpha == 0.0
    assert Oracle().skip(shift) is None
    assert "already" in str(Oracle().skip(middle))


def test_oracle_says_where_a_family_has_no_such_point():
    (blend,) = parse_shift("reward_blend(weights=joy:0.9+love:0.1)")
    assert "no farthest" in str(Oracle(at="farthest").skip(blend))


PAIRWISE = [cls for cls in Method.registry.all() if issubclass(cls, PairwiseMethod)]


def seen_by(method, batch):
    """The batch with all that a method may read: margins, groups, times, and the running quantities of a first step."""
    pairs = len(batch.chosen_logps)
    times = torch.arange(pairs, dtype=torch.float64) / pairs
    margins = torch.full_like(batch.chosen_logps, 0.5)
    batch = replace(batch, margins=margins, groups=torch.arange(pairs) % 2, times=times)
    state = method.next_state(batch.detached().with_state(method.initial_state(2)))
    return batch.with_state(state)


@pytest.mark.parametrize("cls", PAIRWISE, ids=lambda cls: cls.name)
class TestEveryPairwiseMethod:
    def test_gradient_agrees_with_finite_differences(self, cls, batch_of):
        method = cls()
        start = seen_by(method, batch_of([1.0, -2.0, 0.3], [0.5, 1.0, -3.0]))

        def objective(chosen, rejected):
            return method.pair_losses(replace(start, chosen_logps=chosen, rejected_logps=rejected))

        inputs = (start.chosen_logps.requires_grad_(), start.rejected_logps.requires_grad_())
        assert torch.autograd.gradcheck(objective, inputs)

    @pytest.mark.parametrize("extreme", [1e4, -1e4])
    def test_extreme_log_ratios_stay_finite(self, cls, batch_of, extreme):
        batch = seen_by(cls(), batch_of([extreme, 0.0], [0.0, extreme]))
        batch.chosen_logps.requires_grad_()
        losses = cls().pair_losses(batch)
        losses.sum().backward()
        assert losses.isfinite().all() and batch.chosen_logps.grad.isfinite().all()

    def test_chosen_and_rejected_are_pushed_as_stated(self, cls, batch_of):
        batch = seen_by(cls(), batch_of([0.0, 0.0], [0.0, 0.0]))
        logps = batch.chosen_logps.clone().requires_grad_(), batch.rejected_logps.clone().requires_grad_()
        losses = cls().pair_losses(replace(batch, chosen_logps=logps[0], rejected_logps=logps[1]))
        chosen, rejected = torch.autograd.grad(losses.sum(), logps, materialize_grads=True)
        assert (-chosen.sign() == cls.pushes_chosen).all() and (-rejected.sign() == cls.pushes_rejected).all()

    def test_weights_sum_to_one_and_follow_their_pairs(self, cls, batch_of):
        batch, losses = batch_of([1.0, -2.0, 0.3], [0.5, 1.0, -3.0]), torch.tensor([0.3, 0.9, 0.1])
        batch = seen_by(cls(), batch)
        weights = cls().pair_weights(losses, batch)
        order = torch.tensor([2, 0, 1])
        turned = replace(batch, **{name: tensor[order] for name, tensor in batch.tensors().items()})
        if cls().normalises_weights():
            assert weights.sum().item() == pytest.approx(1.0)
        torch.testing.assert_close(cls().pair_weights(losses[order], turned), weights[order])

    def test_stated_limits_are_reached_far_from_the_reference_too(self, cls, batch_of):
        batch = batch_of([1.0, -2.0, 0.3, 5.0], [0.5, 1.0, -3.0, -4.0])
        for extreme, becomes in cls.limits():
            one, other = seen_by(extreme, batch), seen_by(becomes, batch)
            first, second = extreme.pair_losses(one), becomes.pair_losses(other)
            first, second = extreme.pair_weights(first, one) * first, becomes.pair_weights(second, other) * second
            torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-6)
            if extreme.penalises_inputs():
                assert extreme.input_penalty(torch.tensor([1.0, 49.0])).item() == 0.0


def test_unknown_names_and_values_are_answered():
    with pytest.raises(UserError, match="Did you mean 'kldpo'"):
        parse_method("kldp")
    with pytest.raises(UserError, match="Did you mean 'tau'"):
        parse_method("kldpo(tua=1)")
    with pytest.raises(UserError, match="tau must be a finite number > 0, got '0'"):
        parse_method("kldpo(tau=0)")
    with pytest.raises(UserError, match="must be of type float"):
        parse_method("dpo(beta=large)")


def test_a_method_is_registered_by_its_name_and_duplicates_are_errors():
    @dataclass(frozen=True)
    class Mine(DPO):
        """Only for this test."""

        name = "registered_in_a_test"

    try:
        assert parse_method("registered_in_a_test(beta=0.2)") == Mine(beta=0.2)
        with pytest.raises(UserError, match="two methods are named 'registered_in_a_test'"):

            class Other(DPO):
                """The same name again."""

                name = "registered_in_a_test"
    finally:
        del Method.registry._classes["registered_in_a_test"]


def test_the_call_of_a_method_makes_it_again():
    method = KLDPO(beta=0.123456789, tau=0.3)
    assert parse_method(str(method)) == method
