"""REBEL and its balls: losses that a reader can redo, its twins among other methods, where its rewards come from."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from benchmark.core.errors import UserError
from benchmark.training.forward import squared_input_gradients
from methods import Coupling, PairBatch, Solver
from methods.base import parse_method
from methods.chi2_dpo import Chi2DPO
from methods.dro_rebel import KLREBEL, WREBEL, Chi2REBEL
from methods.ipo import IPO
from methods.rebel import REBEL


@pytest.fixture
def batch(batch_of) -> PairBatch:
    """h = 2 - (-1) = 3 and 0 - 4 = -4, with rewards of 1 and 2 nats."""
    return replace(batch_of([2.0, 0.0], [-1.0, 4.0]), margins=torch.tensor([1.0, 2.0], dtype=torch.float64))


class TestREBEL:
    def test_the_loss_is_the_squared_distance_from_the_reward(self, batch):
        # beta h - m: 1/2 x 3 - 1 = 1/2 and 1/2 x -4 - 2 = -4
        assert REBEL(beta=0.5).pair_losses(batch).tolist() == pytest.approx([1 / 4, 16.0])

    def test_its_slope_pulls_to_the_reward_from_both_sides(self, batch):
        # dl/dh = 2 beta (beta h - m): 1/2 and -4, by the chosen side
        batch.chosen_logps.requires_grad_()
        (slope,) = torch.autograd.grad(REBEL(beta=0.5).pair_losses(batch).sum(), batch.chosen_logps)
        assert slope.tolist() == pytest.approx([1 / 2, -4.0])

    def test_it_is_at_rest_where_beta_h_is_the_reward(self, batch_of):
        batch = replace(batch_of([4.0, -6.0], [2.0, 0.0]), margins=torch.tensor([1.0, -3.0], dtype=torch.float64))
        assert REBEL(beta=0.5).pair_losses(batch).tolist() == [0.0, 0.0]

    def test_the_label_is_not_read(self, batch):
        assert batch.margins is not None
        swapped = replace(
            batch,
            chosen_logps=batch.rejected_logps,
            rejected_logps=batch.chosen_logps,
            margins=-batch.margins,
        )
        torch.testing.assert_close(REBEL(beta=0.5).pair_losses(swapped), REBEL(beta=0.5).pair_losses(batch))

    def test_with_one_reward_for_all_pairs_it_is_ipo(self, batch):
        # (beta h - 1/2)^2 = beta^2 (h - 1 / (2 beta))^2; IPO divides by tokens, so one token each
        one = torch.ones_like(batch.chosen_lengths)
        batch = replace(batch, chosen_lengths=one, rejected_lengths=one, margins=one / 2)
        torch.testing.assert_close(REBEL(beta=0.3).pair_losses(batch), 0.3**2 * IPO(beta=0.3).pair_losses(batch))

    def test_it_says_that_it_needs_rewards(self, batch):
        with pytest.raises(ValueError, match="kl_rebel needs margins"):
            KLREBEL().pair_losses(replace(batch, margins=None))

    @pytest.mark.parametrize("method", [REBEL(), KLREBEL(), Chi2REBEL(), WREBEL()], ids=str)
    def test_it_is_trained_on_the_utility_of_its_shift_in_nats(self, method):
        fitted = []
        job = SimpleNamespace(
            shift="the cell's shift",
            utility_margins=lambda shift: f"sharpness times the utility of {shift}",
            fit_pairs=lambda what, margins: fitted.append((what, margins)),
        )
        method.train(job)
        assert method.needs_shift
        assert fitted == [(method, "sharpness times the utility of the cell's shift")]


class TestBalls:
    def test_kl_weights_by_hand(self, batch):
        # losses 1/4 and 16: at tau = (16 - 1/4) / log 3 the second weighs three times the first
        method = KLREBEL(beta=0.5, tau=(16 - 1 / 4) / math.log(3))
        assert method.pair_weights(method.pair_losses(batch), batch).tolist() == pytest.approx([1 / 4, 3 / 4])

    def test_chi_square_weights_by_hand(self, batch):
        # n p = 1 -+ s and D = s^2 / 2: at rho = 1/8 s is 1/2
        method = Chi2REBEL(beta=0.5, rho=1 / 8)
        assert method.pair_weights(method.pair_losses(batch), batch).tolist() == pytest.approx([1 / 4, 3 / 4])

    def test_chi_square_weights_are_those_of_chi2_dpo_for_the_same_losses(self, batch):
        losses = torch.tensor([0.0, 1.0, 2.0, 7.0], dtype=torch.float64)
        for rho in (0.01, 0.5, 5.0):
            found = Chi2REBEL(rho=rho).pair_weights(losses, batch)
            assert torch.equal(found, Chi2DPO(rho=rho).pair_weights(losses, batch))

    @pytest.mark.parametrize("unit", [1.0, 20.0])
    def test_only_the_temperature_has_the_unit_of_the_reward(self, batch, unit):
        # rewards times u and beta times u: losses times u^2, and all weights as before once tau is times u^2
        assert batch.margins is not None
        other = replace(batch, margins=unit * batch.margins)
        for one, scaled in (
            (KLREBEL(beta=0.5, tau=8.0), KLREBEL(beta=0.5 * unit, tau=8.0 * unit**2)),
            (Chi2REBEL(beta=0.5, rho=0.1), Chi2REBEL(beta=0.5 * unit, rho=0.1)),
        ):
            weights = one.pair_weights(one.pair_losses(batch), batch)
            torch.testing.assert_close(scaled.pair_weights(scaled.pair_losses(other), other), weights)

    def test_a_worst_case_is_worse_than_the_mean_and_grows_with_the_ball(self, batch):
        def value(method):
            losses = method.pair_losses(batch)
            return float(method.pair_weights(losses, batch) @ losses)

        mean = value(REBEL(beta=0.5))
        assert mean < value(Chi2REBEL(beta=0.5, rho=0.1)) < value(Chi2REBEL(beta=0.5, rho=0.3))
        assert mean < value(KLREBEL(beta=0.5, tau=20.0)) < value(KLREBEL(beta=0.5, tau=5.0))

    def test_what_each_takes_of_a_split_batch(self):
        assert REBEL().coupling() is Coupling.NONE
        assert KLREBEL().coupling() is Coupling.SCALE
        assert Chi2REBEL().coupling() is Coupling.BATCH

    def test_the_wasserstein_penalty_by_hand(self, batch):
        # log pi = 3 z for both chosen, -z for both rejected completions, so dh/dz = (3, 1) and its square 10.
        # l = (h / 2 - m)^2 at h = 0: dl/dh = -m = -1 and -2; norms 1 x 10 and 4 x 10; root of the mean 25 is 5
        inputs = torch.zeros(4, 1, 1, dtype=torch.float64, requires_grad=True)
        chosen, rejected = (3 * inputs[:2, 0, 0], -inputs[2:, 0, 0])
        still = replace(
            batch,
            chosen_logps=chosen,
            rejected_logps=rejected,
            ref_chosen_logps=torch.zeros_like(batch.ref_chosen_logps),
            ref_rejected_logps=torch.zeros_like(batch.ref_rejected_logps),
        )
        method = WREBEL(beta=0.5, rho=0.3)
        norms = squared_input_gradients(method.pair_losses(still), inputs, differentiable=False)
        assert norms.tolist() == pytest.approx([10.0, 40.0])
        penalty = method.input_penalty(norms)
        assert penalty is not None and penalty.item() == pytest.approx(0.3 * 5)

    def test_the_solver_is_the_one_named(self):
        assert WREBEL(solver="difference").penalty_solver is Solver.DIFFERENCE
        with pytest.raises(UserError, match="solver must be one of 'auto'"):
            parse_method("w_rebel(solver=newton)")

    @pytest.mark.parametrize("call", ["rebel(beta=0.3)", "kl_rebel(tau=8)", "chi2_rebel(rho=0.1)", "w_rebel(rho=2)"])
    def test_its_call_makes_it_again(self, call):
        assert parse_method(str(parse_method(call))) == parse_method(call)
