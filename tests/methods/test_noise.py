"""Methods for preferences that are weak, wrong or old: losses and weights that a reader can redo, and their twins."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from benchmark.core.errors import UserError
from methods import Coupling, PairBatch, PairwiseMethod
from methods.base import parse_method
from methods.cdpo import CDPO
from methods.dpo import DPO
from methods.dpo_pro import DPOPRO
from methods.holder_dpo import HolderDPO
from methods.ns_dpo import NSDPO

HS = [3.0, -3.0, 0.4, -8.0]  # the pairs' h, in nats


def slopes(method: PairwiseMethod, batch: PairBatch) -> list[float]:
    """dl/dh of every pair."""
    logps = batch.chosen_logps.clone().requires_grad_()
    (found,) = torch.autograd.grad(method.pair_losses(replace(batch, chosen_logps=logps)).sum(), logps)
    return found.tolist()


def preferred(batch: PairBatch, *q: float) -> PairBatch:
    """The batch, whose chosen completions are preferred with the given probabilities."""
    return replace(batch, margins=torch.tensor(q, dtype=torch.float64).logit())


@pytest.fixture
def batch(batch_of) -> PairBatch:
    """Pairs with h as in HS."""
    return batch_of(HS, [0.0] * len(HS))


class TestNSDPO:
    def test_weights_by_hand(self, batch):
        # 0.99 per hundredth: ages of 0, 50, 50 and 100 hundredths, and 0.5 = 0.99^n at n = log 2 / -log 0.99
        half = 0.5 ** (1 / 50)
        timed = replace(batch, times=torch.tensor([1.0, 0.5, 0.5, 0.0], dtype=torch.float64))
        weights = NSDPO(gamma=half).pair_weights(NSDPO().pair_losses(timed), timed)
        assert weights.tolist() == pytest.approx([4 / 9, 2 / 9, 2 / 9, 1 / 9])  # 1, 1/2, 1/2, 1/4

    def test_the_losses_are_those_of_dpo(self, batch):
        assert torch.equal(NSDPO(beta=0.3).pair_losses(batch), DPO(beta=0.3).pair_losses(batch))

    def test_pairs_of_one_time_or_without_discount_weigh_the_same(self, batch):
        losses = DPO().pair_losses(batch)
        same = replace(batch, times=torch.full((4,), 0.3, dtype=torch.float64))
        assert NSDPO(gamma=0.5).pair_weights(losses, same).tolist() == pytest.approx([1 / 4] * 4)
        timed = replace(batch, times=torch.tensor([0.0, 0.1, 0.9, 1.0], dtype=torch.float64))
        assert NSDPO(gamma=1.0).pair_weights(losses, timed).tolist() == pytest.approx([1 / 4] * 4)

    def test_newer_pairs_never_weigh_less_and_weights_stay_finite(self, batch):
        timed = replace(batch, times=torch.tensor([0.0, 0.2, 0.6, 1.0]))
        found = NSDPO(gamma=1e-3).pair_weights(DPO().pair_losses(batch), timed)
        assert (found.diff() >= 0).all() and found.isfinite().all() and found[-1].item() == pytest.approx(1.0)

    def test_a_shift_without_times_is_skipped_and_a_batch_without_them_an_error(self, batch):
        still, drifting = (SimpleNamespace(name="still", timed=timed) for timed in (False, True))
        assert NSDPO().skip(still) == "the pairs of shift still have no times"
        assert NSDPO().skip(drifting) is None
        with pytest.raises(ValueError, match="ns_dpo needs times"):
            NSDPO().pair_weights(DPO().pair_losses(batch), batch)

    def test_a_discount_above_one_is_refused(self):
        with pytest.raises(UserError, match="gamma"):
            parse_method("ns_dpo(gamma=1.1)")


class TestDPOPRO:
    def test_the_loss_by_hand(self, batch_of):
        # q = 0.8, q (1 - q) = 0.16, so at rho = 1/4 the ball reaches 0.2 to either side. beta h = +-log 3, where
        # -log sigmoid is log 4/3 on the right side and log 4 on the wrong one. h > 0: p = 0.6. h < 0: p = 1.
        batch = preferred(batch_of([2 * math.log(3), -2 * math.log(3)], [0.0, 0.0]), 0.8, 0.8)
        easy, hard = math.log(4 / 3), math.log(4)
        found = DPOPRO(beta=0.5, rho=1 / 4).pair_losses(batch).tolist()
        assert found == pytest.approx([0.6 * easy + 0.4 * hard, hard])

    def test_it_is_the_cross_entropy_and_a_price_on_confidence(self, batch):
        # 0.7: reach sqrt(0.1 x 0.21) = 0.145, so p stays inside; the price is 0.145 beta |h|
        batch = preferred(batch, 0.7, 0.7, 0.7, 0.7)
        price = math.sqrt(0.1 * 0.21) * 0.3 * batch.log_ratio_margin.abs()
        expected = CDPO(beta=0.3, epsilon=0.3).pair_losses(batch) + price
        torch.testing.assert_close(DPOPRO(beta=0.3, rho=0.1).pair_losses(batch), expected)

    def test_the_price_is_greatest_where_the_preference_is_weak(self, batch_of):
        batch = preferred(batch_of([3.0] * 4, [0.0] * 4), 0.5, 0.7, 0.9, 0.99)
        price = DPOPRO(rho=0.05).pair_losses(batch) - DPOPRO(rho=0.0).pair_losses(batch)
        assert (price.diff() < 0).all() and (price > 0).all()

    def test_without_a_radius_and_with_one_strength_it_is_cdpo(self, batch):
        batch = preferred(batch, 0.9, 0.9, 0.9, 0.9)
        torch.testing.assert_close(DPOPRO(rho=0.0).pair_losses(batch), CDPO(epsilon=0.1).pair_losses(batch))

    @pytest.mark.parametrize("rho", [0.0, 0.1, 1.0])
    def test_hard_labels_make_it_dpo_whatever_the_radius(self, batch, rho):
        batch = replace(batch, margins=torch.full((4,), 1e3, dtype=torch.float64))
        torch.testing.assert_close(DPOPRO(rho=rho).pair_losses(batch), DPO().pair_losses(batch))

    def test_the_worst_case_is_the_greatest_in_the_ball(self, batch):
        batch = preferred(batch, 0.3, 0.6, 0.9, 0.95)
        assert batch.margins is not None
        q = batch.margins.sigmoid()[:, None]
        p = torch.linspace(0, 1, 20_001, dtype=torch.float64)
        inside = (p - q).square() <= 0.2 * q * (1 - q)
        losses = [loss[:, None] for loss in (DPO().pair_losses(batch), CDPO(epsilon=0.49).pair_losses(batch))]
        other = (losses[1] - 0.51 * losses[0]) / 0.49  # -log sigmoid(-beta h)
        greatest = torch.where(inside, p * losses[0] + (1 - p) * other, -math.inf).amax(1)
        torch.testing.assert_close(DPOPRO(rho=0.2).pair_losses(batch), greatest, atol=1e-4, rtol=0.0)

    def test_rounding_of_a_fresh_policy_decides_nothing(self, batch_of):
        # slope beta (sigmoid(beta h) - p) with p = q: 0.1 (1/2 - 0.6)
        batch = preferred(batch_of([0.0, 1e-6, -1e-6, 2e-6], [0.0] * 4), 0.6, 0.6, 0.6, 0.6)
        assert slopes(DPOPRO(rho=0.5), batch) == pytest.approx([-0.01] * 4, abs=1e-6)

    def test_it_is_trained_on_the_utility_of_its_shift_in_nats(self):
        fitted = []
        job = SimpleNamespace(
            shift="here",
            utility_margins=lambda shift: f"nats {shift}",
            fit_pairs=lambda what, margins: fitted.append((what, margins)),
        )
        DPOPRO().train(job)
        assert DPOPRO.needs_shift and fitted == [(DPOPRO(), "nats here")]

    def test_it_says_that_it_needs_strengths(self, batch):
        with pytest.raises(ValueError, match="dpo_pro needs margins"):
            DPOPRO().pair_losses(batch)


class TestHolderDPO:
    def test_the_loss_by_hand(self, batch_of):
        # s = 3/4 and 1/4; gamma = 2: 2 s^3 - 3 s^2 = 54/64 - 27/16 = -27/32, and 2/64 - 3/16 = -5/32
        batch = batch_of([2 * math.log(3), -2 * math.log(3)], [0.0, 0.0])
        assert HolderDPO(beta=0.5).pair_losses(batch).tolist() == pytest.approx([-27 / 32, -5 / 32])

    @pytest.mark.parametrize("gamma", [0.5, 2.0])
    def test_its_slope_is_dpos_times_a_weight_that_descends_again(self, batch, gamma):
        s = (0.3 * batch.log_ratio_margin).sigmoid()
        weight = gamma * (1 + gamma) * s**gamma * (1 - s)
        expected = (torch.tensor(slopes(DPO(beta=0.3), batch)).double() * weight).tolist()
        assert slopes(HolderDPO(beta=0.3, gamma=gamma), batch) == pytest.approx(expected, rel=1e-5)

    def test_a_pair_that_is_contradicted_lets_go_where_dpo_pulls_most(self, batch_of):
        batch = batch_of([-300.0, -100.0, -10.0], [0.0] * 3)
        ours, dpo = slopes(HolderDPO(beta=0.3), batch), slopes(DPO(beta=0.3), batch)
        assert abs(ours[0]) < abs(ours[1]) < abs(ours[2]) and abs(ours[0]) < 1e-30
        assert abs(dpo[0]) >= abs(dpo[1]) >= abs(dpo[2]) > 0.28

    def test_towards_zero_it_is_the_square_of_dpos_slope_and_not_dpo(self, batch):
        # dl/dh over gamma: -beta (1 - s)^2, with 1 - s = -(dl/dh of DPO) / beta
        ours = [slope / 1e-6 for slope in slopes(HolderDPO(beta=0.3, gamma=1e-6), batch)]
        assert ours == pytest.approx([-(slope**2) / 0.3 for slope in slopes(DPO(beta=0.3), batch)], rel=1e-4)

    def test_losses_lie_between_minus_one_and_zero(self, batch_of):
        found = HolderDPO(beta=1.0).pair_losses(batch_of([1e4, -1e4, 0.0], [0.0] * 3))
        assert found.tolist() == pytest.approx([-1.0, 0.0, -1 / 2])  # s = 1/2: 2/8 - 3/4


def test_what_each_takes_of_a_split_batch():
    assert [method.coupling() for method in (NSDPO(), DPOPRO(), HolderDPO())] == [
        Coupling.BATCH,
        Coupling.NONE,
        Coupling.NONE,
    ]
