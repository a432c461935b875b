"""Methods that are robust to which group is asked: their weights by hand, and the units of their steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from benchmark.core.errors import UserError
from methods import PairBatch
from methods.base import parse_method
from methods.dpo import DPO
from methods.gr_dpo import GRDPO
from methods.gr_ipo import GRIPO
from methods.groups import LOGS
from methods.ipo import IPO
from shifts.base import parse_shift


def batch_of(count: int, groups: list[int] | None = None, margins: list[float] | None = None) -> PairBatch:
    """A batch of the reference, or with the given log-ratio margins; completions of one token."""
    chosen = torch.zeros(count, dtype=torch.float64) if margins is None else torch.tensor(margins, dtype=torch.float64)
    zeros, ones = torch.zeros(count, dtype=torch.float64), torch.ones(count, dtype=torch.float64)
    return PairBatch(chosen, zeros, zeros, zeros, ones, ones, None if groups is None else torch.tensor(groups))


def shares(state: dict[str, torch.Tensor]) -> list[float]:
    """q of a state."""
    return state[LOGS].exp().tolist()


class TestGroups:
    METHOD = GRDPO(beta=1.0, eta=2.0)

    def test_q_starts_uniform(self):
        assert shares(GRDPO().initial_state(4)) == pytest.approx([1 / 4] * 4)

    def test_one_step_by_hand(self):
        # losses at beta = 1: h = 0 costs log 2; h = log 3 costs log 4/3. Group 0 has two pairs, of mean loss
        # (log 2 + log 4/3) / 2 = log(8/3) / 2; group 1 one, of log 2. With eta = 2: factors 8/3 and 4, so q = 2/5, 3/5
        batch = batch_of(3, [0, 1, 0], [0.0, 0.0, math.log(3)]).with_state(self.METHOD.initial_state(2))
        state = self.METHOD.next_state(batch)
        assert shares(state) == pytest.approx([2 / 5, 3 / 5])
        # pairs weigh q_g / n_g
        found = self.METHOD.pair_weights(torch.zeros(3, dtype=torch.float64), batch.with_state(state))
        assert found.tolist() == pytest.approx([1 / 5, 3 / 5, 1 / 5])

    def test_it_remembers(self):
        batch = batch_of(2, [0, 1], [0.0, math.log(3)]).with_state(self.METHOD.initial_state(2))
        for _ in range(2):
            batch = batch.with_state(self.METHOD.next_state(batch))
        # factors 2^2 and (4/3)^2 twice: 3/2 to the fourth is 81/16
        assert shares(dict(batch.state)) == pytest.approx([81 / 97, 16 / 97])

    def test_a_group_that_the_batch_lacks_keeps_its_factor_and_gives_its_weight_to_the_others(self):
        # loss log 2 for the one group that is there: factors (4, 1, 1), q = (2/3, 1/6, 1/6)
        batch = batch_of(2, [0, 0]).with_state(self.METHOD.initial_state(3))
        state = self.METHOD.next_state(batch)
        assert shares(state) == pytest.approx([2 / 3, 1 / 6, 1 / 6])
        later = batch_of(3, [0, 2, 2]).with_state(state)
        found = self.METHOD.pair_weights(torch.zeros(3, dtype=torch.float64), later)
        assert found.tolist() == pytest.approx([4 / 5, 1 / 10, 1 / 10])

    def test_no_group_is_lost_for_ever(self):
        # losses of 1e4: q of the other group is exp(-2e4), which underflows; then it is the worst off
        batch = batch_of(2, [0, 1], [-1e4, 0.0]).with_state(self.METHOD.initial_state(2))
        state = self.METHOD.next_state(batch)
        turned = batch_of(2, [0, 1], [0.0, -1.1e4]).with_state(state)
        assert shares(self.METHOD.next_state(turned)) == pytest.approx([0, 1])

    def test_eta_of_zero_weighs_groups_alike(self):
        method = GRDPO(eta=0.0)
        batch = batch_of(4, [0, 1, 1, 1], [0.0, 5.0, 1.0, 2.0]).with_state(method.initial_state(2))
        state = method.next_state(batch)
        found = method.pair_weights(torch.zeros(4, dtype=torch.float64), batch.with_state(state))
        assert found.tolist() == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])

    def test_play_against_the_groups_finds_the_fairest_margin(self):
        # 9 pairs of group 0 want h up, one of group 1 wants it down by the same amount: h = 0 is the least worst case,
        # while DPO would settle at sigmoid(h) = 9/10
        method, h = GRDPO(beta=1.0, eta=0.1), torch.zeros((), dtype=torch.float64)
        signs, groups = torch.tensor([1.0] * 9 + [-1.0], dtype=torch.float64), [0] * 9 + [1]
        state, late = method.initial_state(2), []
        h = h + 2.0
        for step in range(4000):
            margin = h.clone().requires_grad_()
            batch = batch_of(10, groups)
            batch = PairBatch(**{**batch.tensors(), "chosen_logps": margin * signs}, state=state)
            state = method.next_state(batch.detached())
            batch = batch.with_state(state)
            losses = method.pair_losses(batch)
            (gradient,) = torch.autograd.grad((method.pair_weights(losses.detach(), batch) * losses).sum(), margin)
            h = h - 0.1 * gradient
            late += [float(h)] * (step >= 2000)
        assert np.mean(late) == pytest.approx(0, abs=0.02)

    def test_gr_ipo_is_ipo_with_group_weights(self):
        method, batch = GRIPO(beta=0.5, margin_step=2.0), batch_of(3, [0, 0, 1], [0.5, 1.0, 3.0])
        assert method.pair_losses(batch).tolist() == IPO(beta=0.5).pair_losses(batch).tolist()
        # target 1 / (2 beta) = 1: losses 1/4, 0, 4, means 1/8 and 4; margin_step beta = 1
        state = method.next_state(batch.with_state(method.initial_state(2)))
        factor = math.exp(4 - 1 / 8)
        assert shares(state) == pytest.approx([1 / (1 + factor), factor / (1 + factor)])

    @pytest.mark.parametrize("beta", [0.01, 0.1, 1.0])
    def test_the_step_of_gr_ipo_is_in_margins_whatever_beta(self, beta):
        # mean margins of 0.3 and 0.1 nats per token, ten steps: the log odds of q are 10 s (0.3 - 0.1) = 2 s, less
        # 10 s beta (0.3^2 - 0.1^2), which is what the groups' nearness to the target makes of it
        method = GRIPO(beta=beta, margin_step=0.5)
        batch = batch_of(3, [0, 1, 0], [0.3, 0.1, 0.3]).with_state(method.initial_state(2))
        for _ in range(10):
            batch = batch.with_state(method.next_state(batch))
        easy, hard = shares(dict(batch.state))
        assert math.log(hard / easy) == pytest.approx(0.5 * (2 - 0.8 * beta))

    def test_the_step_of_gr_dpo_is_in_nats_of_loss(self):
        # with losses of log 4 and log 2 a step of eta = 1 doubles the odds, one of 1/2 multiplies them by sqrt 2
        batch = batch_of(2, [0, 1], [-math.log(3), 0.0])
        for eta, odds in ((1.0, 2.0), (0.5, math.sqrt(2))):
            method = GRDPO(beta=1.0, eta=eta)
            hard, easy = shares(method.next_state(batch.with_state(method.initial_state(2))))
            assert hard / easy == pytest.approx(odds)

    def test_the_two_steps_are_one_by_the_stated_rule_near_the_reference(self):
        # completions of n = 8 tokens, beta = 0.1: eta = 2 margin_step / (beta n) = 2.5 margin_step
        ones, margins = torch.full((2,), 8.0, dtype=torch.float64), torch.tensor([0.01, -0.01], dtype=torch.float64)
        zeros = torch.zeros(2, dtype=torch.float64)
        batch = PairBatch(margins, zeros, zeros, zeros, ones, ones, torch.tensor([0, 1]))
        odds = []
        for method in (GRIPO(beta=0.1, margin_step=1.0), GRDPO(beta=0.1, eta=2.5)):
            easy, hard = shares(method.next_state(batch.with_state(method.initial_state(2))))
            odds.append(math.log(hard / easy))
        assert odds[0] == pytest.approx(0.02 / 8) and odds[1] == pytest.approx(odds[0], rel=1e-3)

    def test_an_old_step_is_not_read_in_the_new_unit(self):
        with pytest.raises(UserError, match="unknown hyper-parameter of gr_ipo 'eta'"):
            parse_method("gr_ipo(eta=0.1)")

    def test_gr_dpo_has_the_losses_of_dpo(self):
        batch = batch_of(2, [0, 1], [0.3, -2.0])
        assert GRDPO(beta=0.4).pair_losses(batch).tolist() == DPO(beta=0.4).pair_losses(batch).tolist()

    @pytest.mark.parametrize("method", [GRDPO(), GRIPO()], ids=str)
    def test_it_is_skipped_where_nobody_knows_who_labelled(self, method):
        (shift,) = parse_shift("alpha_mixture(a=joy,b=fear)")
        (groups,) = parse_shift("annotator_groups(groups=joy/fear)")
        assert method.skip(shift) == "shift alpha_mixture has no annotator groups"
        assert method.skip(groups) is None
        with pytest.raises(ValueError, match=f"{method.name} needs the number of every pair's group"):
            method.next_state(batch_of(2).with_state(method.initial_state(0)))
