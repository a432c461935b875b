"""Which shifts are linear, and which of them can be the worst."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.measure.records.linear import binding, linear_weights
from shifts.base import Rewards, Shift, parse_shift


def shifts(text: str) -> list[Shift]:
    return parse_shift(text)


def test_weights_of_linear_shifts_are_found_and_others_have_none() -> None:
    assert linear_weights(shifts("alpha_mixture(a=joy,b=sadness,alpha=0.3)")[0]) == pytest.approx(
        {"joy": 0.3, "sadness": 0.7}
    )
    assert linear_weights(shifts("reward_blend(weights=joy:0.2+sadness:0.3+love:0.5)")[0]) == pytest.approx(
        {"joy": 0.2, "sadness": 0.3, "love": 0.5}
    )
    assert linear_weights(shifts("alpha_mixture(a=joy,b=sadness,alpha=0.3,kind=geometric)")[0]) is None


def test_of_a_convex_sweep_the_two_ends_bind() -> None:
    assert binding(shifts("alpha_mixture(a=joy,b=sadness,alpha=0:1:0.1)")) == [0, 10]


def test_of_a_geometric_sweep_the_middle_binds_too() -> None:
    assert set(range(1, 10)) <= set(binding(shifts("alpha_mixture(a=joy,b=sadness,alpha=0:1:0.1,kind=geometric)")))


def test_a_shift_named_twice_binds_once() -> None:
    assert len(binding(shifts("alpha_mixture(a=joy,b=sadness,alpha=0:1:0.5)") * 2)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "alpha_mixture(a=joy,b=sadness,alpha=0:1:0.1)",
        "reward_blend(over=joy+sadness+love,grid=3)",
        "reward_blend(over=joy+sadness+love,samples=9)",
    ],
)
def test_the_worst_of_those_that_bind_is_the_worst_of_all(text: str) -> None:
    points = shifts(text)
    rng = np.random.default_rng(0)
    rewards = Rewards({name: rng.normal(size=500) for name in ("joy", "sadness", "love")})
    table = np.stack([point.utility(rewards) for point in points])
    chosen = binding(points)
    assert len(chosen) < len(points)
    np.testing.assert_allclose(table[chosen].min(axis=0), table.min(axis=0), atol=1e-7)
