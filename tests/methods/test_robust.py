"""Robust methods: worst cases by hand, against other solvers, at their edges."""

from __future__ import annotations

import inspect
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize_scalar

from benchmark.core.code import files_behind
from benchmark.core.errors import UserError
from methods import Coupling, PairBatch, PairwiseMethod, Solver
from methods.base import parse_method
from methods.chi2_dpo import Chi2DPO
from methods.dr_dpo import DrDPO
from methods.gr_ipo import GRIPO
from methods.kldpo import KLDPO, KLDPOBall, KLDPOReleased
from methods.rounding import EQUAL
from methods.tv_dpo import TVDPO
from methods.wdpo import WDPO

BALLS = [KLDPOBall(rho=0.3), Chi2DPO(rho=0.4), TVDPO(rho=0.3)]


def batch_of(count: int) -> PairBatch:
    """A batch of the reference; completions of one token."""
    zeros, ones = torch.zeros(count, dtype=torch.float64), torch.ones(count, dtype=torch.float64)
    return PairBatch(zeros, zeros, zeros, zeros, ones, ones)


def weights(method: PairwiseMethod, losses: list[float]) -> list[float]:
    """Weights of the given losses."""
    return method.pair_weights(torch.tensor(losses, dtype=torch.float64), batch_of(len(losses))).tolist()


def draws() -> list[list[float]]:
    """Losses of a few pairs: without ties, with ties at the top, and with ties everywhere."""
    rng = np.random.default_rng(0)
    plain = [rng.exponential(size=size) for size in (2, 3, 7, 20) for _ in range(3)]
    return [losses.tolist() for losses in [*plain, *(np.ceil(2 * losses) for losses in plain)]]


class TestKLBall:
    def test_two_pairs_by_hand(self):
        # (1/5, 4/5) lies on the ball of radius KL = 1/5 log 2/5 + 4/5 log 8/5, whatever the losses
        radius = math.log(2 / 5) / 5 + 4 * math.log(8 / 5) / 5
        for gap in (0.01, 1.0, 300.0):
            assert weights(KLDPOBall(rho=radius), [1.0, 1.0 + gap]) == pytest.approx([1 / 5, 4 / 5], abs=1e-10)

    @pytest.mark.parametrize("radius", [1e-6, 0.01, 0.3, 0.6])
    def test_the_temperature_minimises_the_dual(self, radius):
        for losses in draws():
            values = np.array(losses)

            def dual(log_tau, values=values):
                tau, top = math.exp(log_tau), values.max()
                return tau * radius + top + tau * math.log(np.mean(np.exp((values - top) / tau)))

            low, high = -12.0, 20.0
            least = min(dual(minimize_scalar(dual, bounds=(low, high), options={"xatol": 1e-10}, method="bounded").x),
                        *(dual(log_tau) for log_tau in np.linspace(low, high, 200)))  # fmt: skip
            assert np.dot(weights(KLDPOBall(rho=radius), losses), values) == pytest.approx(least, abs=2e-5)

    def test_the_weights_lie_on_the_ball_or_on_the_hardest_pairs(self):
        for losses in draws():
            found = np.array(weights(KLDPOBall(rho=0.3), losses))
            top = np.array(losses) == max(losses)
            if math.log(len(losses) / top.sum()) > 0.3:
                assert np.sum(found * np.log(found * len(losses))) == pytest.approx(0.3, abs=1e-10)
                tilt = np.polyfit(losses, np.log(found), 1)  # exponential in the losses
                assert np.log(found) == pytest.approx(np.polyval(tilt, losses), abs=1e-8) and tilt[0] > 0
            else:
                assert found == pytest.approx(top / top.sum(), abs=1e-12)

    def test_from_log_n_on_it_is_the_hardest_pair_and_ties_share(self):
        for radius in (math.log(3), 5.0, 1e300):
            assert weights(KLDPOBall(rho=radius), [0.1, 0.9, 0.5]) == pytest.approx([0, 1, 0], abs=1e-12)
        assert weights(KLDPOBall(rho=2.0), [0.9, 0.1, 0.9]) == pytest.approx([1 / 2, 0, 1 / 2], abs=1e-12)

    def test_each_form_has_its_own_hyper_parameters(self):
        assert [list(form().hparams()) for form in (KLDPO, KLDPOBall, KLDPOReleased)] == [
            ["beta", "tau"], ["beta", "rho"], ["beta", "tau"]
        ]  # fmt: skip
        with pytest.raises(UserError, match="rho must be a finite number > 0, got '0'"):
            parse_method("kldpo_ball(rho=0)")
        with pytest.raises(UserError, match="unknown hyper-parameter of kldpo 'rho'"):
            parse_method("kldpo(tau=1,rho=0.1)")

    @pytest.mark.parametrize("call", ["kldpo", "kldpo(beta=0.3,tau=0.2)", "kldpo_ball(rho=0.1)", "kldpo_released"])
    def test_its_call_makes_it_again(self, call):
        assert parse_method(str(parse_method(call))) == parse_method(call)

    def test_only_the_normalised_temperature_needs_no_first_pass(self):
        losses = torch.tensor([0.1, 0.5])
        for method, coupling in (
            (KLDPO(tau=0.3), Coupling.SCALE),
            (KLDPOBall(rho=0.3), Coupling.BATCH),
            (KLDPOReleased(), Coupling.BATCH),
        ):
            assert method.coupling() is coupling
            assert (method.log_weights(losses) is not None) == (coupling is Coupling.SCALE)

    def test_the_released_form_is_neither_normalised_nor_convex(self):
        released = KLDPOReleased(tau=0.1)
        assert not released.normalises_weights() and not released.convex
        assert KLDPOBall(rho=0.1).normalises_weights() and KLDPOBall(rho=0.1).convex
        # mean 0.5: exp(-5) and exp(5) = 148, clamped to 10, over two pairs
        assert weights(released, [0.0, 1.0]) == pytest.approx([math.exp(-5) / 2, 5.0])


class TestDrDPO:
    def test_easy_pairs_weigh_more(self):
        # exp(-l / b): exp(-0.2 / 0.5) against exp(-0.7 / 0.5), a ratio of e
        assert weights(DrDPO(beta_prime=0.5), [0.2, 0.7]) == pytest.approx([math.e / (1 + math.e), 1 / (1 + math.e)])

    def test_the_weights_are_the_gradient_of_the_papers_objective(self):
        losses = torch.tensor([0.2, 0.7, 1.9], dtype=torch.float64, requires_grad=True)
        (-0.6 * torch.log(torch.exp(-losses / 0.6).mean())).backward()
        assert weights(DrDPO(beta_prime=0.6), losses.tolist()) == pytest.approx(losses.grad.tolist())

    def test_it_needs_no_first_pass(self):
        assert DrDPO().coupling() is Coupling.SCALE


class TestChiSquareBall:
    def test_two_pairs_by_hand(self):
        # n p = 1 -+ s and D = s^2 / 2: at rho = 1/8 s is 1/2; from rho = 1/2 on the hardest pair has all
        assert weights(Chi2DPO(rho=1 / 8), [0.0, 7.0]) == pytest.approx([1 / 4, 3 / 4])
        assert weights(Chi2DPO(rho=1 / 2), [0.0, 7.0]) == pytest.approx([0, 1])

    def test_three_pairs_by_hand(self):
        # all count: 3 p = 1 + g (l - 1) for l = 0, 1, 2; D = g^2 / 3, at rho = 1/12 g is 1/2
        assert weights(Chi2DPO(rho=1 / 12), [0.0, 1.0, 2.0]) == pytest.approx([1 / 6, 1 / 3, 1 / 2])
        # the easiest is left out from g = 1 on; (0, 1/4, 3/4) has 3 sum p^2 = 15/8 = 1 + 2 rho
        assert weights(Chi2DPO(rho=7 / 16), [0.0, 1.0, 2.0]) == pytest.approx([0, 1 / 4, 3 / 4])

    def test_the_objective_is_the_mean_and_the_deviation_while_all_count(self):
        losses = np.array([0.3, 0.5, 0.9, 1.0])
        found = np.dot(weights(Chi2DPO(rho=0.05), losses.tolist()), losses)
        assert found == pytest.approx(losses.mean() + math.sqrt(2 * 0.05 * losses.var()))

    @pytest.mark.parametrize("rho", [1e-4, 0.1, 0.7, 3.0, 50.0])
    def test_the_value_is_that_of_the_dual(self, rho):
        # inf over eta of eta + sqrt(1 + 2 rho) sqrt(mean max(0, l - eta)^2)
        for losses in draws():
            values = np.array(losses)

            def dual(eta, values=values):
                excess = np.maximum(0, values[:, None] - np.atleast_1d(eta))
                return eta + math.sqrt(1 + 2 * rho) * np.sqrt(np.mean(excess**2, axis=0))

            low, high = values.min() - 10 * (1 + np.ptp(values) / math.sqrt(2 * rho)), values.max()
            for _ in range(5):  # convex: zoom in
                grid = np.linspace(low, high, 1001)
                place = int(np.argmin(dual(grid)))
                low, high = grid[max(place - 1, 0)], grid[min(place + 1, 1000)]
            least = dual(grid).min()
            assert np.dot(weights(Chi2DPO(rho=rho), losses), values) == pytest.approx(least, rel=1e-8)

    def test_the_weights_stay_in_the_ball(self):
        for rho in (1e-4, 0.1, 0.7, 3.0):
            for losses in draws():
                found = np.array(weights(Chi2DPO(rho=rho), losses))
                assert found.sum() == pytest.approx(1) and (found >= 0).all()
                assert np.mean((len(found) * found - 1) ** 2) / 2 <= rho * (1 + 1e-9)

    def test_ties_share(self):
        assert weights(Chi2DPO(rho=9.0), [0.9, 0.1, 0.9]) == pytest.approx([1 / 2, 0, 1 / 2])
        assert weights(Chi2DPO(rho=1e300), [0.9, 0.1, 0.9, 0.9]) == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3])


class TestTotalVariationBall:
    def test_four_pairs_by_hand(self):
        # 3/8 of the mass moves: the easiest gives its 1/4, the next half of its own, the hardest gets all of it
        assert weights(TVDPO(rho=3 / 8), [0.0, 1.0, 2.0, 3.0]) == pytest.approx([0, 1 / 8, 1 / 4, 5 / 8])

    def test_ties_share_what_is_given_and_taken(self):
        assert weights(TVDPO(rho=1 / 4), [1.0, 0.0, 1.0, 0.0]) == pytest.approx([3 / 8, 1 / 8, 3 / 8, 1 / 8])

    def test_the_hardest_pair_alone(self):
        for rho in (2 / 3, 0.9, 1.0):
            assert weights(TVDPO(rho=rho), [0.1, 0.9, 0.5]) == pytest.approx([0, 1, 0])

    @pytest.mark.parametrize("rho", [0.05, 0.3, 0.77])
    def test_no_distribution_in_the_ball_is_worse(self, rho):
        # a linear programme in p and t >= |p - 1/n|, with sum t <= 2 rho
        for losses in draws():
            n, values = len(losses), np.array(losses)
            eye = np.eye(n)
            bounds = np.vstack([np.hstack([eye, -eye]), np.hstack([-eye, -eye]), [*np.zeros(n), *np.ones(n)]])
            limits = [*np.full(n, 1 / n), *np.full(n, -1 / n), 2 * rho]
            total = np.hstack([np.ones(n), np.zeros(n)])[None]
            worst = linprog([*-values, *np.zeros(n)], bounds, limits, total, [1.0])
            found = np.array(weights(TVDPO(rho=rho), losses))
            assert np.dot(found, values) == pytest.approx(-worst.fun, abs=1e-8)
            assert np.abs(found - 1 / n).sum() / 2 <= rho + 1e-12

    def test_the_objective_is_cvar_and_maximum(self):
        # rho = 1/5 of ten pairs: CVaR is the mean of the eight hardest
        losses = np.arange(10.0)
        found = np.dot(weights(TVDPO(rho=0.2), losses.tolist()), losses)
        assert found == pytest.approx(0.8 * losses[2:].mean() + 0.2 * 9)


@pytest.mark.parametrize("method", BALLS, ids=str)
class TestEveryBall:
    def test_harder_pairs_never_weigh_less(self, method):
        for losses in draws():
            order = np.argsort(losses)
            assert (np.diff(np.array(weights(method, losses))[order]) >= -1e-12).all()

    def test_equal_losses_weigh_the_same_also_after_rounding(self, method):
        assert weights(method, [0.7] * 4) == pytest.approx([1 / 4] * 4)
        assert weights(method, [0.7, 0.7 + EQUAL / 2, 0.7, 0.7]) == pytest.approx([1 / 4] * 4)
        assert weights(method, [0.7, 0.7 + EQUAL * 2, 0.7, 0.7])[1] > 0.3
        assert weights(method, [0.7]) == [1.0]

    def test_the_rounding_of_a_fresh_policys_losses_decides_nothing(self, method):
        # log-probabilities of -60 nats in float32 are off by some 4e-6, losses at beta = 1 by half of that
        assert weights(method, [math.log(2) + error for error in (2e-6, -2e-6, 0.0, 1e-6)]) == pytest.approx(
            [1 / 4] * 4
        )

    def test_float32_losses_are_weighed_in_float64(self, method):
        losses = torch.rand(50, generator=torch.Generator().manual_seed(1))
        exact = method.pair_weights(losses.double(), batch_of(50))
        assert torch.equal(method.pair_weights(losses, batch_of(50)), exact.float())

    def test_the_scale_of_the_losses_does_not_matter(self, method):
        losses = [0.1, 0.5, 0.6, 1.0, 1.7]
        scaled = [3 + 1e4 * loss for loss in losses]
        assert weights(method, scaled) == pytest.approx(weights(method, losses), abs=1e-9)

    def test_weights_are_detached_and_of_the_losses_type(self, method):
        losses = torch.tensor([0.1, 0.5, 2.0], requires_grad=True)
        found = method.pair_weights(losses, batch_of(3))
        assert not found.requires_grad and found.dtype == torch.float32
        assert found.sum().item() == pytest.approx(1, abs=1e-6)

    def test_it_takes_a_first_pass(self, method):
        assert method.coupling() is Coupling.BATCH


class TestWDPO:
    def test_the_squared_form_drops_the_root(self):
        # norms 1 and 7: (1 + 49) / 2 = 25
        assert WDPO(rho=0.3, form="squared").input_penalty(torch.tensor([1.0, 49.0])).item() == pytest.approx(7.5)

    def test_the_solver_is_the_one_named(self):
        assert WDPO().penalty_solver is Solver.AUTO
        for solver in Solver:
            assert WDPO(solver=solver.value).penalty_solver is solver
        with pytest.raises(UserError, match="solver must be one of 'auto'"):
            parse_method("wdpo(solver=newton)")


def test_what_a_method_imports_of_its_family_counts_as_its_code():
    def files(cls: type) -> set[str]:
        return {file.stem for file in files_behind([Path(inspect.getfile(cls))], "methods")}

    assert files(GRIPO) == {"gr_ipo", "groups", "ipo"}
    assert files(TVDPO) == {"tv_dpo", "dpo", "logistic", "worst_case", "rounding"}
