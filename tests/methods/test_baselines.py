"""Baselines that are more than a formula: what they train, on which labels, and with which numbers."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.core.data import Completions
from benchmark.core.errors import UserError
from benchmark.pipeline.text import best_of_n
from methods.base import parse_method
from methods.best_of_n import BestOfN
from methods.dpo import DPO
from methods.dpo_early_stop import DPOEarlyStop
from methods.kto import KTO
from methods.mixture import Mixture
from methods.modpo import MODPO
from methods.rewarded_soups import RewardedSoups
from methods.rloo import RLOO
from shifts.base import parse_shift


@dataclass
class Job:
    """Writes down what a method asks for."""

    shift: Any = None
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def fit_pairs(self, method, stop_after=1.0, margins=None):
        self.asked.append(("pairs", method, stop_after, margins))

    def fit_unpaired(self, *numbers):
        self.asked.append(("unpaired", *numbers))

    def fit_online(self, *numbers):
        self.asked.append(("online", *numbers))

    def average(self, weights):
        self.asked.append(("average", list(weights)))

    def utility_margins(self, shift):
        """Two pairs; objective k of the blend says 10^k and -10^k."""
        place = shift.corner_weights().index(1.0)
        return torch.tensor([10.0**place, -(10.0**place)], dtype=torch.float64)


def shift_of(text):
    (shift,) = parse_shift(text)
    return shift


MIXED = "alpha_mixture(a=joy,b=sadness,alpha=0.1)"
BLEND = "reward_blend(weights=joy:0.2+sadness:0.5+love:0.3)"


# DPO that stops early, and DPO on every kind of annotator -----------------------------------------------------------


def test_early_stop_runs_a_part_of_dpos_schedule():
    job = Job()
    DPOEarlyStop(beta=0.3, fraction=0.25).train(job)
    ((kind, method, stop_after, margins),) = job.asked
    assert (kind, stop_after, margins) == ("pairs", 0.25, None)
    assert method.beta == 0.3


@pytest.mark.parametrize("fraction", [0, 1.5, -1])
def test_a_fraction_that_is_none_is_refused(fraction):
    with pytest.raises(UserError, match="fraction must be"):
        parse_method(f"dpo_early_stop(fraction={fraction})")


def test_mixture_trains_on_the_uniform_population():
    population = Mixture().training_shift(shift_of(MIXED))
    assert population == shift_of("annotator_groups(groups=joy/sadness)") and population.shares == (0.5, 0.5)
    assert population != shift_of(MIXED).middle()  # whose annotators all hold the mean utility
    assert Mixture().skip(shift_of(MIXED)) is None
    assert "no uniform population" in str(Mixture().skip(shift_of("reward_blend(weights=joy:1)")))
    assert "already" in str(Mixture().skip(population))


# Corners ------------------------------------------------------------------------------------------------------------


def test_corners_of_a_mixture_are_its_two_objectives():
    shift = shift_of(MIXED)
    assert [corner.alpha for corner in shift.corners()] == [1.0, 0.0]
    assert shift.corner_weights() == pytest.approx([0.1, 0.9])
    assert [corner.corner_weights() for corner in shift.corners()] == [[1.0, 0.0], [0.0, 1.0]]


def test_corners_of_a_blend_are_its_objectives():
    shift = shift_of(BLEND)
    assert [corner.blend.weights for corner in shift.corners()] == [
        {"joy": 1.0, "sadness": 0.0, "love": 0.0},
        {"joy": 0.0, "sadness": 1.0, "love": 0.0},
        {"joy": 0.0, "sadness": 0.0, "love": 1.0},
    ]
    assert shift.corner_weights() == pytest.approx([0.2, 0.5, 0.3])


# Rewarded soups -----------------------------------------------------------------------------------------------------


def test_a_soup_is_made_of_dpo_on_every_corner():
    shift = shift_of(BLEND)
    parts = RewardedSoups(beta=0.3).parts(shift)
    assert parts == [(DPO(beta=0.3), corner) for corner in shift.corners()]


@pytest.mark.parametrize(("weights", "expected"), [("uniform", [1 / 3] * 3), ("training", [0.2, 0.5, 0.3])])
def test_a_soup_weighs_its_parts(weights, expected):
    job = Job(shift_of(BLEND))
    RewardedSoups(weights=weights).train(job)
    ((kind, asked),) = job.asked
    assert kind == "average" and asked == pytest.approx(expected)


@pytest.mark.parametrize("corners", [(), (0,)])
def test_a_family_without_two_corners_is_skipped_with_a_reason(corners):
    class Plain:
        name = "plain"

    Plain.corners = lambda self: corners
    assert "no two corners" in str(RewardedSoups().skip(Plain()))
    assert "no two corners" in str(MODPO().skip(Plain()))
    assert RewardedSoups().skip(shift_of(MIXED)) is None and MODPO().skip(shift_of(MIXED)) is None


# MODPO --------------------------------------------------------------------------------------------------------------


def with_margins(batch, margins):
    return replace(batch, margins=torch.tensor(margins, dtype=torch.float64))


def test_modpo_subtracts_what_the_other_objectives_say(batch_of):
    # beta h - m: 0.5 * 3 - 1 = 0.5 and 0.5 * (-4) + 2 = 0; l = log(1 + exp(-x))
    batch = with_margins(batch_of([2.0, 0.0], [-1.0, 4.0]), [1.0, -2.0])
    assert MODPO(beta=0.5).pair_losses(batch).tolist() == pytest.approx([math.log1p(math.exp(-0.5)), math.log(2)])


def test_modpo_without_margins_says_so(batch_of):
    with pytest.raises(ValueError, match="margins"):
        MODPO().pair_losses(batch_of([0.0], [0.0]))


def test_modpo_with_nothing_to_subtract_is_dpo(batch_of):
    batch = with_margins(batch_of([2.0, 0.0], [-1.0, 4.0]), [0.0, 0.0])
    torch.testing.assert_close(MODPO(beta=0.3).pair_losses(batch), DPO(beta=0.3).pair_losses(batch))


def test_modpo_trains_on_the_corner_that_counts_most():
    assert MODPO().training_shift(shift_of(MIXED)).alpha == 0.0
    assert MODPO().training_shift(shift_of(BLEND)).blend.weights["sadness"] == 1.0


def test_modpo_of_a_uniform_target_divides_by_its_own_weight():
    # k is sadness; w = 1/3 each: beta / w_k = 0.9, margins (1/3 * 1 + 1/3 * 100) / (1/3) = 101
    job = Job(shift_of(BLEND))
    MODPO(beta=0.3).train(job)
    ((_, method, stop_after, margins),) = job.asked
    assert method.beta == pytest.approx(0.9) and stop_after == 1.0
    assert margins.tolist() == pytest.approx([101.0, -101.0])


def test_modpo_of_the_training_target_weighs_the_others_by_it():
    # k is sadness, w_k = 0.5: beta / w_k = 0.6, margins (0.2 * 1 + 0.3 * 100) / 0.5 = 60.4
    job = Job(shift_of(BLEND))
    MODPO(beta=0.3, target="training").train(job)
    ((_, method, _, margins),) = job.asked
    assert method.beta == pytest.approx(0.6)
    assert margins.tolist() == pytest.approx([60.4, -60.4])


def test_modpo_that_trains_at_a_corner_for_it_is_dpo():
    job = Job(shift_of("alpha_mixture(a=joy,b=sadness,alpha=0)"))
    MODPO(beta=0.3, target="training").train(job)
    ((_, method, _, margins),) = job.asked
    assert method.beta == 0.3 and margins.tolist() == [0.0, 0.0]


def test_modpo_is_best_where_the_policy_rewards_all_objectives_as_weighed(batch_of):
    """At beta h = w_k dr_k + sum_j w_j dr_j the slope is 0 on average over labels of probability sigmoid(dr_k)."""
    own, others, weight, beta = 0.7, -1.1, 0.4, 0.3  # dr_k, sum_{j != k} w_j dr_j, w_k, beta
    h = (weight * own + others) / beta
    method = MODPO(beta=beta / weight)
    slopes = []
    for sign in (1.0, -1.0):  # labels for and against
        batch = with_margins(batch_of([sign * h], [0.0]), [sign * others / weight])
        logps = batch.chosen_logps.requires_grad_()
        (slope,) = torch.autograd.grad(method.pair_losses(batch).sum(), logps)
        slopes.append(sign * slope.item())
    p = 1 / (1 + math.exp(-own))
    assert p * slopes[0] + (1 - p) * slopes[1] == pytest.approx(0, abs=1e-12)


# KTO and RLOO hand their numbers on ---------------------------------------------------------------------------------


def test_kto_and_rloo_hand_their_numbers_on():
    job = Job()
    KTO(beta=0.2, desirable_weight=1.1, undesirable_weight=0.9).train(job)
    RLOO(beta=0.3, generations=8).train(job)
    assert job.asked == [("unpaired", 0.2, 1.1, 0.9), ("online", 0.3, 8)]


# Best of n ----------------------------------------------------------------------------------------------------------


def test_the_bound_on_the_divergence_of_best_of_n():
    # log 2 - 1/2 and log 4 - 3/4; the best of one is the reference
    assert [best_of_n.kl_bound(n) for n in (1, 2, 4)] == pytest.approx([0.0, 0.19314718, 0.63629436])


def test_the_bound_is_the_divergence_of_the_greatest_of_n_uniform_numbers():
    """Its density is n u^(n - 1) on [0, 1]; KL from the uniform distribution by the midpoint rule."""
    u = (np.arange(1_000_000) + 0.5) / 1_000_000
    for n in (2, 5, 16):
        density = n * u ** (n - 1)
        assert np.mean(density * np.log(density)) == pytest.approx(best_of_n.kl_bound(n), abs=1e-5)


@pytest.mark.parametrize(("n", "numbers"), [(1, [1]), (2, [1, 2]), (4, [1, 2, 4]), (16, [1, 2, 4, 8, 16])])
def test_the_path_doubles_up_to_n(n, numbers):
    assert best_of_n.candidate_numbers(n) == numbers
    assert BestOfN(n=n).candidates == n and not BestOfN.trains


def test_the_best_of_the_first_candidates_is_kept():
    utility = np.array([0.1, 0.5, 0.5, 0.9, 3.0, 2.0, 1.0, 0.0])
    assert best_of_n.best(utility, 4, 1).tolist() == [0, 4]
    assert best_of_n.best(utility, 4, 2).tolist() == [1, 4]
    assert best_of_n.best(utility, 4, 3).tolist() == [1, 4]  # the first of two that are equal
    assert best_of_n.best(utility, 4, 4).tolist() == [3, 4]


def test_more_candidates_are_never_worse():
    utility = np.random.default_rng(0).random(64 * 16)
    kept = [utility[best_of_n.best(utility, 16, n)] for n in best_of_n.candidate_numbers(16)]
    assert all((more >= fewer).all() for fewer, more in itertools.pairwise(kept))


def test_what_is_kept_is_numbered_within_its_prompt():
    """Two prompts, two samples each, from two candidates per sample."""
    completions = Completions(
        np.repeat([0, 1], 4), np.tile(np.arange(4), 2), [[row] for row in range(8)], np.arange(8) % 2 == 0,
        [f"text {row}" for row in range(8)],
    )  # fmt: skip
    kept = best_of_n.keep(completions, np.array([1, 2, 4, 7]), 2)
    assert kept.prompt.tolist() == [0, 0, 1, 1] and kept.sample.tolist() == [0, 1, 0, 1]
    assert kept.tokens == [[1], [2], [4], [7]] and kept.texts[3] == "text 7"
    assert kept.ended.tolist() == [False, True, True, False]


def test_divergences_are_stated_beside_the_completions(tmp_path):
    assert best_of_n.stated_kl(tmp_path) == {} and best_of_n.stated_kl(None) == {}
    best_of_n.state_kl(tmp_path, [1, 4])
    assert best_of_n.stated_kl(tmp_path) == {1: 0.0, 4: pytest.approx(0.63629436)}
