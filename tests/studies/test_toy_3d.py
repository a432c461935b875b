"""The toy: its initial policy, what is recorded of training, limits of methods, and the three properties."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch

from benchmark.report import Estimate
from benchmark.studies.toy_3d.network import Network
from benchmark.studies.toy_3d.settings import Toy3DSettings
from benchmark.studies.toy_3d.study import REWARD_MODEL, Toy3D, _headline_numbers
from benchmark.studies.toy_3d.summary import appears
from benchmark.studies.toy_3d.world import CLASSES, SCENARIOS, World
from benchmark.suites.analytic import Record
from methods import Method, PairwiseMethod
from methods.base import parse_method

SHORT = Toy3DSettings(epochs=40, points=4)
ON_ON, ON_OFF, OFF_ON, OFF_OFF = SCENARIOS


@cache
def numbers(subject: str, scenario: str, seed: int = 0, settings: Toy3DSettings = SHORT) -> dict[str, float]:
    chosen = subject if subject == REWARD_MODEL else parse_method(subject)
    return {record.metric: record.value for record in Toy3D(settings).run(chosen, scenario, seed)}


def test_the_initial_policy_is_the_stated_one():
    # 5 likely responses share 0.9: 0.18 each; 5 unlikely ones share 0.1: 0.02 each
    world, network = World.draw(SHORT, OFF_ON, 3), Network(SHORT, 3)
    network.fit(world.initial)
    policy = torch.softmax(network.table().detach(), 1)
    assert torch.allclose(policy, world.initial.exp(), atol=1e-12)
    assert torch.allclose(policy[world.members["chosen"]], torch.full((8,), 0.02, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(policy[world.members["rejected"]], torch.full((8,), 0.18, dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_response_is_in_one_class_and_every_pair_joins_chosen_and_rejected(scenario):
    world = World.draw(SHORT, scenario, 0)
    assert torch.stack(list(world.members.values())).sum(0).eq(1).all()
    assert len(world.prompt) == 4 * 2 * 2
    assert world.members["chosen"][world.prompt, world.chosen].all()
    assert world.members["rejected"][world.prompt, world.rejected].all()
    assert len({*zip(world.prompt.tolist(), world.chosen.tolist(), world.rejected.tolist(), strict=True)}) == 16


def test_probabilities_sum_to_1_along_training():
    found = numbers("dpo", ON_ON)
    for epoch in SHORT.recorded():
        assert sum(found[f"mass_{name}@{epoch}"] for name in CLASSES) == pytest.approx(1, abs=1e-12)
    assert [found[f"logp_{name}@0"] for name in CLASSES] == pytest.approx([0, 0, 0], abs=1e-12)


def test_the_first_gradient_by_hand():
    # At the start h = 0, so d l / d log pi(chosen) = -beta / 2, and every one of 16 pairs weighs 1 / 16
    found = numbers("dpo(beta=0.1)", ON_OFF)
    assert found["gradient_chosen@0"] == pytest.approx(0.05 / 16 / 0.18)
    assert found["gradient_rejected@0"] == pytest.approx(0.05 / 16 / 0.02)
    assert found["gradient_ratio@0"] == pytest.approx(math.log10(9))


def test_the_ratio_of_gradients_is_that_of_probabilities_for_dpo_and_less_for_flex_dpo():
    dpo, flex = numbers("dpo", ON_ON), numbers("flex_dpo(beta_chosen=0.1,beta_rejected=0.05)", ON_ON)
    for epoch in SHORT.recorded():
        assert dpo[f"gradient_ratio@{epoch}"] == pytest.approx(dpo[f"probability_ratio@{epoch}"], abs=1e-9)
        halved = flex[f"probability_ratio@{epoch}"] + math.log10(0.5)
        assert flex[f"gradient_ratio@{epoch}"] == pytest.approx(halved, abs=1e-9)


@pytest.mark.parametrize("limit", ["kldpo(tau=1e6)", "wdpo(rho=0)", "cdpo(epsilon=0)", "tv_dpo(rho=0)"])
def test_limits_follow_dpo(limit):
    plain, found = numbers("dpo", OFF_OFF), numbers(limit, OFF_OFF)
    assert [found[name] for name in plain] == pytest.approx(list(plain.values()), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("call", ["kldpo(tau=0.1)", "wdpo(rho=1)", "tv_dpo(rho=0.5)"])
def test_and_off_the_limit_methods_do_not(call):
    assert abs(numbers(call, OFF_OFF)["logp_rejected"] - numbers("dpo", OFF_OFF)["logp_rejected"]) > 0.05


def test_every_method_that_is_not_skipped_runs_and_stays_finite():
    study, ran = Toy3D(Toy3DSettings(epochs=4, points=2)), set()
    for cls in Method.registry.all():
        method = cls.make()
        if study.skip(method) is None:
            assert isinstance(method, PairwiseMethod)
            assert np.isfinite([record.value for record in study.run(method, ON_OFF, 0)]).all(), method
            ran.add(method.name)
    assert {"dpo", "wdpo", "kldpo", "dr_dpo", "aot", "beta_dpo", "bco", "rpo", "tv_dpo"} <= ran


def test_headline_numbers_by_hand():
    paths = {"logp_rejected": [0, -3, -7], "logp_chosen": [0, 2, 0.5], "mass_unseen": [0.3, 0.6, 0.4]}
    records = [Record(f"{name}@{epoch}", value, 1) for name, path in paths.items() for epoch, value in enumerate(path)]
    found = {record.metric: record.value for record in _headline_numbers(records)}
    expected = {"rejected_drop": 7, "chosen_rise": 2, "chosen_fall": 1.5, "unseen_peak": 0.3, "unseen_gain": 0.1}
    assert found == pytest.approx(expected)


def test_a_property_appears_where_its_interval_is_above_the_threshold():
    def verdict(low: float | None, high: float | None) -> str:
        return appears({"unseen_gain": Estimate(0.0, low, high)}, "dispersion")

    assert [verdict(0.02, 0.3), verdict(-0.1, 0.3), verdict(-0.3, 0.01), verdict(None, None)] == [
        "yes", "open", "no", "open: one seed",
    ]  # fmt: skip


def test_the_three_properties_of_dpo():
    full = Toy3DSettings()
    mean = {
        scenario: {
            name: np.mean([numbers("dpo", scenario, seed, full)[name] for seed in range(3)])
            for name in ("rejected_drop", "chosen_fall", "unseen_gain")
        }
        for scenario in (ON_ON, OFF_OFF)
    }
    for scenario in mean:
        assert mean[scenario]["rejected_drop"] > 10 and mean[scenario]["chosen_fall"] > 0.5
    # Where all pairs are unlikely responses, the unseen ones hold 0.92 at the start and can only lose.
    assert mean[ON_ON]["unseen_gain"] > 0.05 > 0 > mean[OFF_OFF]["unseen_gain"]
    likelihood = [numbers("rpo", ON_ON, seed, full) for seed in range(3)]
    assert max(found["chosen_fall"] for found in likelihood) < 0.05  # its likelihood term holds the chosen side
    assert max(found["unseen_gain"] for found in likelihood) < 0


def test_a_reward_model_on_the_same_pairs_stays_balanced_and_dpo_does_not():
    full = Toy3DSettings()

    def ends(subject: str, metric: str) -> tuple[float, float]:
        found = [numbers(subject, scenario, 0, full) for scenario in SCENARIOS]
        chosen, rejected = (np.mean([each[f"{metric}_{name}"] for each in found]) for name in ("chosen", "rejected"))
        return float(chosen), float(rejected)

    chosen, rejected = ends(REWARD_MODEL, "reward")
    assert chosen > 1 and rejected < -1 and abs(chosen + rejected) < 0.25 * (chosen - rejected)
    chosen, rejected = ends("dpo", "logp")
    assert abs(chosen + rejected) > 0.5 * (chosen - rejected)


def test_training_that_diverges_is_an_error():
    with pytest.raises(FloatingPointError, match="not finite"):
        Toy3D(Toy3DSettings(epochs=4, points=2, learning_rate=1e308)).run(parse_method("ipo"), ON_ON, 0)


def test_settings_that_cannot_work_say_so():
    with pytest.raises(ValueError, match="too many"):
        Toy3DSettings(chosen=3)
