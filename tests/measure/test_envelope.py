"""The envelope on small worlds whose answer can be worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.measure.statistics.envelope import (
    BOTH_WAYS,
    ONE_WAY,
    Means,
    kl_saving,
    out_of_reach,
    over_checkpoint,
    over_envelope,
)

# Two shifts; the nominal one is the first. The reference (0.4, 0.4), DPO (0.8, 0.2) with KL 6.
DPO = [(0.4, 0.4, 0.0), (0.8, 0.2, 6.0)]


def means(*policies: tuple[float, float, float]) -> Means:
    """(utility at the training shift, utility at the other, KL) of each policy, one replicate."""
    table = np.array([policies])
    return Means(utility=table[:, :, :2], nominal=table[:, :, 0], kl=table[:, :, 2])


def over(method: tuple[float, float, float]) -> float:
    return float(over_envelope([means(*DPO)] * 2, [means(method)] * 2)[0])


def test_a_mixture_of_dpo_stands_exactly_on_the_envelope() -> None:
    assert over((0.6, 0.3, 3.0)) == pytest.approx(0.0)  # half and half


def test_the_distance_by_hand() -> None:
    # The half-and-half mixture reaches 0.6 at the training shift with a worst case of 0.3.
    assert over((0.6, 0.35, 3.0)) == pytest.approx(0.05)
    assert over((0.6, 0.25, 3.0)) == pytest.approx(-0.05)


def test_whoever_gives_up_nominal_reward_is_compared_with_the_reference() -> None:
    assert over((0.1, 0.9, 1.0)) == pytest.approx(0.1 - 0.4)


def test_a_nominal_reward_that_no_mixture_reaches_is_empty() -> None:
    assert np.isnan(over((0.81, 0.2, 6.0)))
    assert np.isnan(kl_saving([means(*DPO)] * 2, [means((0.81, 0.2, 6.0))] * 2)[0])


def test_leaving_a_policy_out_lowers_the_envelope() -> None:
    left_out = (0.6, 0.36, 2.0)
    with_it, without = means(*DPO, left_out), means(*DPO)
    method = [means(left_out)] * 2
    assert over_envelope([with_it] * 2, method)[0] == pytest.approx(0.0)
    assert over_envelope([without] * 2, method)[0] == pytest.approx(0.06)
    assert over_envelope([with_it.keep([0, 1])] * 2, method)[0] == pytest.approx(0.06)


def test_kl_saving_by_hand() -> None:
    # Nominal 0.6 takes half of DPO: 3 nats. A method with 2 nats saves 1, one with 4 wastes 1.
    for kl, saved in ((2.0, 1.0), (4.0, -1.0)):
        assert kl_saving([means(*DPO)] * 2, [means((0.6, 0.3, kl))] * 2)[0] == pytest.approx(saved)


def test_weights_come_from_one_half_and_worst_cases_from_the_other() -> None:
    # Chosen at w = 1/2 where the method's nominal is 0.6; on the test half everything but the nominal moves.
    validation, test = means(*DPO), means((0.4, 0.44, 0.0), (0.8, 0.24, 6.0))
    method = [means((0.6, 0.0, 0.0)), means((0.6, 0.37, 0.0))]
    assert over_envelope([validation, test], method, ONE_WAY)[0] == pytest.approx(0.37 - 0.34)


def test_nominal_reward_missing_on_the_judging_half_is_charged_at_the_shadow_price() -> None:
    # On validation w = 1/2. On test the method reaches 0.62: the mixture lacks 0.02, at 0.2 / 0.4 = 0.5 per unit, so
    # the envelope is 0.3 - 0.01: exactly the point of the DPO line with nominal reward 0.62.
    method = [means((0.6, 0.0, 0.0)), means((0.62, 0.35, 0.0))]
    assert over_envelope([means(*DPO)] * 2, method, ONE_WAY)[0] == pytest.approx(0.35 - 0.29)
    # KL likewise: 3 nats + 0.02 x 15 nats per unit of reward.
    assert kl_saving([means(*DPO)] * 2, method, ONE_WAY)[0] == pytest.approx(3.3)


def test_kl_is_measured_on_the_half_that_measures() -> None:
    # Half of DPO, chosen on validation, where every KL is another: on test DPO has 10 nats and the method 2.
    validation, test = means(*DPO), means((0.4, 0.4, 1.0), (0.8, 0.2, 10.0))
    method = [means((0.6, 0.3, 4.0)), means((0.6, 0.3, 2.0))]
    assert kl_saving([validation, test], method, ONE_WAY)[0] == pytest.approx((1 + 10) / 2 - 2)


def test_both_ways_is_the_mean_of_two_answers_and_none_where_one_is_empty() -> None:
    dpo = [means(*DPO)] * 2
    method = [means((0.6, 0.3, 0.0)), means((0.62, 0.35, 0.0))]
    there, back = (over_envelope(dpo, method, (fold,))[0] for fold in BOTH_WAYS)
    assert over_envelope(dpo, method)[0] == pytest.approx((there + back) / 2)
    beyond = [means((0.6, 0.3, 0.0)), means((0.9, 0.35, 0.0))]
    assert np.isnan(over_envelope(dpo, beyond)[0]) and not np.isnan(over_envelope(dpo, beyond, ONE_WAY)[0])
    assert not out_of_reach(dpo, beyond)[0] and out_of_reach(dpo, [means((0.9, 0.35, 0.0))] * 2)[0]


def test_the_best_single_checkpoint_by_hand() -> None:
    # Nominal 0.6: of the two policies DPO alone reaches it, with a worst case of 0.2; the mixture had 0.3.
    method = [means((0.6, 0.35, 0.0))] * 2
    assert over_checkpoint([means(*DPO)] * 2, method)[0] == pytest.approx(0.15)
    assert np.isnan(over_checkpoint([means(*DPO)] * 2, [means((0.81, 0.35, 0.0))] * 2)[0])
    # The policy is taken on one half and measured on the other.
    validation, test = means(*DPO, (0.6, 0.5, 1.0)), means(*DPO, (0.6, 0.1, 1.0))
    assert over_checkpoint([validation, test], method, ONE_WAY)[0] == pytest.approx(0.35 - 0.1)


def test_choosing_and_judging_on_one_half_flatters_the_envelope_and_two_halves_do_less() -> None:
    """DPO policies that are all alike but for noise: the truth is 0."""
    rng = np.random.default_rng(1)
    policies, trials = 16, 2000

    def noisy(count: int) -> Means:
        utility = 0.5 + rng.normal(0, 0.05, (trials, count, 2))
        return Means(utility, utility[:, :, 0], np.zeros((trials, count)))

    dpo, method = [noisy(policies), noisy(policies)], [noisy(1), noisy(1)]
    flattered = over_envelope(dpo, method, ((1, 1),))
    honest = over_envelope(dpo, method)
    assert np.nanmean(flattered) < -0.04
    assert np.nanmean(flattered) < np.nanmean(honest) < 0.02
