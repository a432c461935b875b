"""The plain preference losses against arithmetic by hand, and what each of them promises."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from benchmark.core.errors import UserError
from methods import Coupling
from methods.aot import AOT
from methods.apo_down import APODown
from methods.apo_zero import APOZero
from methods.base import parse_method
from methods.bco import BCO
from methods.beta_dpo import BetaDPO
from methods.cdpo import CDPO
from methods.chi_po import ChiPO
from methods.discopop import DiscoPOP
from methods.dpo import DPO
from methods.dpop import DPOP
from methods.exo import EXO
from methods.flex_dpo import FlexDPO
from methods.ipo import IPO
from methods.nca import NCA
from methods.r_dpo import LengthRegularisedDPO
from methods.rdpo import RDPO
from methods.rpo import RPO
from methods.simpo import SimPO
from methods.slic import SLiC
from methods.sppo import SPPO


def loss(x):
    """-log sigmoid(x)."""
    return math.log1p(math.exp(-x))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def kl(q, p):
    return q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))


# Two pairs with log-ratios a = 2, b = -1 (h = 3) and a = -1, b = 3 (h = -4); 5 chosen and 4 rejected tokens; the
# reference is at -10 nats, so log pi is -8, -11 and -11, -7.
BY_HAND = [
    (CDPO(beta=0.5, epsilon=0.2), 0.8 * loss(1.5) + 0.2 * loss(-1.5), 0.8 * loss(-2) + 0.2 * loss(2)),
    (RDPO(beta=0.5, epsilon=0.2), (0.8 * loss(1.5) - 0.2 * loss(-1.5)) / 0.6, (0.8 * loss(-2) - 0.2 * loss(2)) / 0.6),
    (IPO(beta=0.25), (2 / 5 + 1 / 4 - 2) ** 2, (-1 / 5 - 3 / 4 - 2) ** 2),
    (SLiC(beta=0.25), 1 - 0.75, 1 + 1.0),
    (SimPO(beta=2.0, gamma=0.5), loss(2 * (-8 / 5 + 11 / 4) - 0.5), loss(2 * (-11 / 5 + 7 / 4) - 0.5)),
    (EXO(beta=0.5, epsilon=0.1), kl(sigmoid(1.5), 0.9), kl(sigmoid(-2), 0.9)),
    (NCA(beta=0.5), loss(1) + (loss(-1) + loss(0.5)) / 2, loss(-0.5) + (loss(0.5) + loss(-1.5)) / 2),
    (BCO(beta=0.5, reward_shift="off"), loss(1) + loss(0.5), loss(-0.5) + loss(-1.5)),
    (SPPO(beta=0.5), (2 - 1) ** 2 + (-1 + 1) ** 2, (-1 - 1) ** 2 + (3 + 1) ** 2),
    (APOZero(beta=0.5), 1 - sigmoid(1) + sigmoid(-0.5), 1 - sigmoid(-0.5) + sigmoid(1.5)),
    (APODown(beta=0.5), sigmoid(1) + 1 - sigmoid(1.5), sigmoid(-0.5) + 1 - sigmoid(-2)),
    (
        DiscoPOP(beta=0.5, tau=0.5),
        sigmoid(3) * math.exp(-1.5) + (1 - sigmoid(3)) * loss(1.5),
        sigmoid(-4) * math.exp(2) + (1 - sigmoid(-4)) * loss(-2),
    ),
    (DPOP(beta=0.5, penalty=2.0), loss(1.5), loss(0.5 * (-4 - 2 * (1 - 1e-5)))),  # rounding is no fall
    (RPO(beta=0.5, alpha=2.0), loss(1.5) + 2 * 8 / 5, loss(-2) + 2 * 11 / 5),
    (FlexDPO(beta_chosen=0.5, beta_rejected=0.25), loss(1 + 0.25), loss(-0.5 - 0.75)),
    # phi(2) - phi(-1) = e^2 + 2 - (1/e - 1); the second pair, 0.1 (1/e - 1 - e^3 - 3) = -2.4, is clipped
    (ChiPO(beta=0.1, r_max=1.1), loss(0.1 * (math.exp(2) + 3 - math.exp(-1))), loss(-2.2)),
    (LengthRegularisedDPO(beta=0.5, alpha=0.1), loss(1.5 + 0.1 * (5 - 4)), loss(-2 + 0.1 * (5 - 4))),
]
PLAIN = [type(method)() for method, *_ in BY_HAND]
PLAIN += [BCO(reward_shift="off"), AOT(), AOT(pairing="unpaired"), RPO(average="batch"), BetaDPO()]
named = pytest.mark.parametrize("method", PLAIN, ids=str)


@pytest.mark.parametrize(("method", "first", "second"), BY_HAND, ids=lambda value: getattr(value, "name", ""))
def test_losses_by_hand(method, first, second, batch_of):
    losses = method.pair_losses(batch_of([2.0, -1.0], [-1.0, 3.0]))
    assert losses.tolist() == pytest.approx([first, second], rel=1e-12)


# What holds for all ------------------------------------------------------------------------------------------------


def stepped(method, batch):
    """The batch with the running quantities of a first step."""
    if not method.has_state():
        return batch
    return batch.with_state(method.next_state(batch.detached().with_state(method.initial_state(0))))


def slopes(method, batch):
    """Gradient of the summed losses by the log-probabilities of the chosen and of the rejected completions."""
    chosen = batch.chosen_logps.detach().clone().requires_grad_()
    rejected = batch.rejected_logps.detach().clone().requires_grad_()
    losses = method.pair_losses(replace(batch, chosen_logps=chosen, rejected_logps=rejected))
    return torch.autograd.grad(losses.sum(), (chosen, rejected))


@named
def test_a_fresh_policy_is_pushed_as_stated(method, batch_of):
    batch = stepped(method, batch_of([0.0] * 3, [0.0] * 3))
    chosen, rejected = slopes(method, batch)
    assert (-chosen.sign() == method.pushes_chosen).all() and (-rejected.sign() == method.pushes_rejected).all()


@named
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_far_policies_and_single_tokens_have_finite_losses(method, dtype, batch_of):
    far = [(a, b) for a in (-1e4, 0.0, 1e4) for b in (-1e4, 0.0, 1e4)]
    batch = batch_of([a for a, _ in far], [b for _, b in far])
    columns = {name: column.to(dtype) for name, column in batch.tensors().items()}
    ones = torch.ones(len(far), dtype=dtype)
    batch = stepped(method, type(batch)(**{**columns, "chosen_lengths": ones, "rejected_lengths": ones}))
    assert method.pair_losses(batch).isfinite().all()
    assert all(slope.isfinite().all() for slope in slopes(method, batch))


@pytest.mark.parametrize("cls", [CDPO, RDPO, DPOP, RPO, FlexDPO, LengthRegularisedDPO, BetaDPO])
def test_stated_limits_have_the_same_weighted_losses(cls, batch_of):
    batch = batch_of([2.0, -1.0, 0.5], [-1.0, 3.0, 0.2])
    for extreme, becomes in cls.limits():
        there = stepped(extreme, batch)
        losses, expected = extreme.pair_losses(there), becomes.pair_losses(batch)
        weighted = extreme.pair_weights(losses, there) * losses
        torch.testing.assert_close(weighted, becomes.pair_weights(expected, batch) * expected)
    assert cls.limits()


@pytest.mark.parametrize(
    ("method", "coupling"),
    [
        (CDPO(), Coupling.NONE),
        (AOT(), Coupling.BATCH),
        (BCO(), Coupling.BATCH),
        (BCO(reward_shift="off"), Coupling.NONE),
        (RPO(), Coupling.NONE),
        (RPO(average="batch"), Coupling.BATCH),
        (BetaDPO(), Coupling.BATCH),
    ],
    ids=str,
)
def test_the_batch_is_coupled_only_where_it_must(method, coupling):
    assert method.coupling() is coupling


@pytest.mark.parametrize(
    "call", ["exo(epsilon=0)", "cdpo(epsilon=0.5)", "rdpo(epsilon=0.5)", "discopop(tau=2)", "beta_dpo(keep=0)"]
)
def test_values_without_a_meaning_are_refused(call):
    with pytest.raises(UserError, match="must be a number"):
        parse_method(call)


# What each promises ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("epsilon", [0.1, 0.4])
def test_rdpo_of_flipped_labels_is_on_average_dpo_of_the_true_ones(epsilon, batch_of):
    method, true, flipped = RDPO(beta=0.5, epsilon=epsilon), batch_of([3.0], [1.0]), batch_of([1.0], [3.0])
    mean = (1 - epsilon) * method.pair_losses(true) + epsilon * method.pair_losses(flipped)
    torch.testing.assert_close(mean, DPO(beta=0.5).pair_losses(true))


def test_rdpo_is_dpo_less_a_linear_reward(batch_of):
    # h = 3: beta h e / (1 - 2 e) = 0.5 * 3 * 0.2 / 0.6 = 0.5
    batch = batch_of([2.0], [-1.0])
    difference = DPO(beta=0.5).pair_losses(batch) - RDPO(beta=0.5, epsilon=0.2).pair_losses(batch)
    assert difference.item() == pytest.approx(0.5)


@pytest.mark.parametrize("method", [CDPO(beta=0.5, epsilon=0.2), EXO(beta=0.5, epsilon=0.2)], ids=str)
def test_smoothed_labels_are_learned_to_their_own_odds(method, batch_of):
    """The optimum is beta h = log(0.8 / 0.2)."""
    batch = batch_of([math.log(4) / 0.5], [0.0])
    assert [slope.item() for slope in slopes(method, batch)] == pytest.approx([0, 0], abs=1e-12)
    assert slopes(method, batch_of([0.0], [0.0]))[0].item() < 0 < slopes(method, batch_of([6.0], [0.0]))[0].item()
    if isinstance(method, EXO):
        assert method.pair_losses(batch).item() == pytest.approx(0, abs=1e-12)


def test_nca_holds_the_chosen_reward_at_log_2(batch_of):
    assert slopes(NCA(beta=0.5), batch_of([math.log(2) / 0.5], [0.0]))[0].item() == pytest.approx(0, abs=1e-12)


def test_ipo_does_not_change_with_length(batch_of):
    batch, longer = batch_of([2.0], [-1.0]), batch_of([6.0], [-3.0])
    longer = replace(longer, chosen_lengths=3 * longer.chosen_lengths, rejected_lengths=3 * longer.rejected_lengths)
    torch.testing.assert_close(IPO().pair_losses(batch), IPO().pair_losses(longer))


def test_slic_leaves_learned_pairs_alone(batch_of):
    chosen, _ = slopes(SLiC(beta=0.5), batch_of([2.1, 1.9], [0.0, 0.0]))
    assert chosen.tolist() == [0.0, -0.5]


def test_simpo_does_not_read_the_reference(batch_of):
    batch = batch_of([2.0, -1.0], [-1.0, 3.0])
    other = replace(batch, ref_chosen_logps=batch.ref_chosen_logps - 5)
    torch.testing.assert_close(SimPO().pair_losses(batch), SimPO().pair_losses(other), rtol=0, atol=0)


def test_discopop_first_pushes_the_wrong_way_unless_its_transition_is_wide(batch_of):
    fresh = batch_of([0.0], [0.0])
    for tau in (0.05, 0.1, 0.11, 0.5):
        slope = slopes(DiscoPOP(beta=1.0, tau=tau), fresh)[0].item()
        assert slope == pytest.approx((1 - math.log(2)) / (4 * tau) - 0.75)
        assert (slope > 0) == (tau < 0.102)


def test_discopop_far_out_is_logistic_on_one_side_and_nothing_on_the_other(batch_of):
    # x = beta h = -1000 and 1000
    assert DiscoPOP().pair_losses(batch_of([-1e4, 1e4], [0.0, 0.0])).tolist() == pytest.approx([1000.0, 0.0])


def test_dpop_pulls_a_fallen_chosen_completion_up_harder(batch_of):
    # logit 0.5 (2 - 3 * 1) = -0.5 and 0.5 * 2 = 1: slopes -(1 + 3) 0.5 sigmoid(0.5) and -0.5 sigmoid(-1);
    # rounding takes 1e-5 off the fall
    chosen, _ = slopes(DPOP(beta=0.5, penalty=3.0), batch_of([-1.0, 1.0], [-3.0, -1.0]))
    assert chosen.tolist() == pytest.approx([-2 * sigmoid(0.5 - 1.5e-5), -0.5 * sigmoid(-1)])


def test_apo_down_takes_the_chosen_completion_down_after_the_rejected_one(batch_of):
    assert slopes(APODown(), batch_of([0.0], [-5.0]))[0].item() > 0


def test_flex_dpo_suppresses_the_rejected_side_less(batch_of):
    chosen, rejected = slopes(FlexDPO(), batch_of([0.0], [0.0]))
    assert (rejected / -chosen).item() == pytest.approx(0.08 / 0.1)


def test_chi_po_pulls_twice_as_hard_at_the_reference_and_not_beyond_the_clip(batch_of):
    fresh = slopes(ChiPO(beta=0.3), batch_of([0.0], [0.0]))[0].item()
    assert fresh == pytest.approx(-2 * 0.3 / 2)  # phi' (z) dz / d log z = 1 + z = 2, and sigmoid(0) = 1/2
    # 0.3 (e^3 + 3 - 1) = 6.6 and -6.6, and far more
    method, batch = ChiPO(beta=0.3, r_max=2.0), batch_of([3.0, 0.0, 30.0], [0.0, 3.0, 0.0])
    assert method.pair_losses(batch).tolist() == pytest.approx([loss(4), loss(-4), loss(4)])
    chosen, rejected = slopes(method, batch)
    assert chosen.tolist() == rejected.tolist() == [0.0] * 3


def test_chi_po_feels_the_chi_squared_term_far_out(batch_of):
    # beta e^8 = 0.298 of a margin of 0.2985: what is cut off at fewer nats would be 0.015 at 5
    method = ChiPO(beta=1e-4)
    batch = batch_of([8.0], [0.0])
    margin = 1e-4 * (math.exp(8) + 8 - 1)
    assert method.pair_losses(batch).item() == pytest.approx(loss(margin), rel=1e-12)
    slope = -1e-4 * (math.exp(8) + 1) * sigmoid(-margin)
    assert slopes(method, batch)[0].item() == pytest.approx(slope, rel=1e-12)


def test_r_dpo_learns_less_from_a_preference_that_length_explains(batch_of):
    batch = batch_of([0.0] * 2, [0.0] * 2)
    batch = replace(batch, chosen_lengths=torch.tensor([9.0, 4.0]), rejected_lengths=torch.tensor([4.0, 9.0]))
    chosen, _ = slopes(LengthRegularisedDPO(beta=0.5, alpha=0.2), batch)
    assert chosen.tolist() == pytest.approx([-0.5 * sigmoid(-1), -0.5 * sigmoid(1)])


@pytest.mark.parametrize(
    ("average", "first", "second"), [("pair", 8 / 2, 11 / 6), ("batch", 8 / 4, 11 / 4)], ids=["pair", "batch"]
)
def test_rpo_averages_over_a_completion_or_over_the_batch(average, first, second, batch_of):
    # log pi = -8 over 2 tokens and -11 over 6; mean over all tokens: (8 + 11) / 8 = (8/4 + 11/4) / 2
    batch = replace(batch_of([2.0, -1.0], [-1.0, 3.0]), chosen_lengths=torch.tensor([2.0, 6.0]))
    losses = RPO(beta=0.5, alpha=1.0, average=average).pair_losses(batch)
    assert losses.tolist() == pytest.approx([loss(1.5) + first, loss(-2) + second])


# Sorted batches ----------------------------------------------------------------------------------------------------


def test_aot_compares_ranks_of_margins(batch_of):
    # u = log pi(y_w) - log pi(y_l) = 1, -4, 2, ranks 1, 0, 2; v = 3, 0, -2 under the reference, sorted -2, 0, 3
    batch = replace(
        batch_of([2.0, -1.0, 0.0], [1.0, 3.0, -2.0]),
        ref_chosen_logps=torch.tensor([-7.0, -10.0, -10.0]).double(),
        ref_rejected_logps=torch.tensor([-10.0, -10.0, -8.0]).double(),
    )
    expected = [loss(0.5 * (1 - 0)), loss(0.5 * (-4 + 2)), loss(0.5 * (2 - 3))]
    assert AOT(beta=0.5).pair_losses(batch).tolist() == pytest.approx(expected)


def test_aot_unpaired_compares_ranks_of_log_ratios_and_forgets_the_pairs(batch_of):
    # a = 2, -1, 0 and b = 1, 3, -2: sorted b is -2, 1, 3
    method, chosen = AOT(beta=0.5, pairing="unpaired"), [2.0, -1.0, 0.0]
    losses = method.pair_losses(batch_of(chosen, [1.0, 3.0, -2.0]))
    assert losses.tolist() == pytest.approx([loss(0.5 * (2 - 3)), loss(0.5 * (-1 + 2)), loss(0.5 * (0 - 1))])
    torch.testing.assert_close(method.pair_losses(batch_of(chosen, [3.0, -2.0, 1.0])), losses)


@pytest.mark.parametrize("pairing", ["paired", "unpaired"])
def test_aot_of_one_pair_is_dpo(pairing, batch_of):
    batch = batch_of([2.0], [-1.0])
    torch.testing.assert_close(AOT(pairing=pairing).pair_losses(batch), DPO().pair_losses(batch))


def test_aot_takes_ties_in_order(batch_of):
    _, rejected = slopes(AOT(beta=1.0, pairing="unpaired"), batch_of([1.0, 1.0, 0.0], [0.0, 0.0, 5.0]))
    # a = 0 meets the first 0, a = 1 the second 0, the second a = 1 meets 5
    assert rejected.tolist() == pytest.approx([sigmoid(0), sigmoid(-1), sigmoid(4)])


# Running quantities ------------------------------------------------------------------------------------------------


def test_bco_shifts_by_the_mean_reward_of_all_pairs_so_far(batch_of):
    method, batch = BCO(beta=0.5), batch_of([2.0, -1.0], [-1.0, 3.0])
    # 0.5 (2 - 1 - 1 + 3) / 4 = 0.375, then with a third pair of mean reward 0.5 (4 + 2) / 2: (2 * 0.375 + 1.5) / 3
    first = method.next_state(batch.with_state(method.initial_state(0)))
    assert first["delta"].item() == pytest.approx(0.375)
    second = method.next_state(batch_of([4.0], [2.0]).with_state(first))
    assert (second["delta"].item(), second["pairs"].item()) == pytest.approx((0.75, 3))
    losses = method.pair_losses(batch.with_state(second))
    expected = [loss(1 - 0.75) + loss(0.75 + 0.5), loss(-0.5 - 0.75) + loss(0.75 - 1.5)]
    assert losses.tolist() == pytest.approx(expected)


def test_the_shift_of_bco_brings_its_loss_nearer_to_dpos_bound(batch_of):
    """-log sigmoid(x) - log sigmoid(y) >= -log sigmoid(x + y), closest where rewards lie around 0."""
    batch = batch_of([8.0, 9.0], [6.0, 5.0])
    dpo = DPO().pair_losses(batch)
    plain, shifted = BCO(reward_shift="off").pair_losses(batch), BCO().pair_losses(stepped(BCO(), batch))
    assert (dpo < shifted).all() and (shifted < plain).all()


def test_beta_dpo_keeps_the_pairs_near_the_running_mean_and_scales_beta(batch_of):
    method = BetaDPO(beta=0.5, alpha=0.2, keep=0.5, momentum=0.5)
    batch = batch_of([0.0, 1.0, 2.0, 7.0], [0.0] * 4)
    # mean h = 2.5, M = 0.5 * 2.5; the nearest two are 1 and 2; beta = 0.5 (1 + 0.2 (1.5 - 1.25))
    state = method.next_state(batch.with_state(method.initial_state(0)))
    assert (state["mean"].item(), state["beta"].item()) == pytest.approx((1.25, 0.525))
    there = batch.with_state(state)
    losses = method.pair_losses(there)
    assert losses.tolist() == pytest.approx([loss(0.525 * h) for h in (0, 1, 2, 7)])
    assert method.pair_weights(losses, there).tolist() == [0.0, 0.5, 0.5, 0.0]
    # another step on the same pairs: M = 0.5 * 1.25 + 0.5 * 2.5
    assert method.next_state(there)["mean"].item() == pytest.approx(1.875)


@pytest.mark.parametrize(
    ("keep", "margins", "weights"),
    [
        (0.5, [0.0, 1.0, 2.0, 5.0], [0.25, 0.5, 0.25, 0.0]),  # 0 and 2 are as far from M = 1: they share
        (0.6, [0.0, 1.0, 2.0, 7.0], [0.4 / 2.4, 1 / 2.4, 1 / 2.4, 0.0]),  # 2.4 pairs around M = 1.25
        (1.0, [0.0, 1.0, 2.0, 7.0], [0.25] * 4),
        (0.1, [3.0], [1.0]),
    ],
)
def test_beta_dpo_keeps_the_stated_fraction(keep, margins, weights, batch_of):
    method = BetaDPO(keep=keep, momentum=0.5)
    batch = stepped(method, batch_of(margins, [0.0] * len(margins)))
    assert method.pair_weights(method.pair_losses(batch), batch).tolist() == pytest.approx(weights)


def test_beta_dpo_never_turns_beta_negative(batch_of):
    method = BetaDPO(alpha=1.0, momentum=0.9)
    state = {"mean": torch.tensor(100.0), "beta": torch.tensor(0.1)}
    assert method.next_state(batch_of([0.0], [0.0]).with_state(state))["beta"].item() == pytest.approx(1e-3)
