"""How often a method that is an early-stopped DPO would be said to clear the envelope, with real noise."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.measure.statistics.bootstrap import crossed, estimate
from benchmark.measure.statistics.envelope import Means, over_envelope

STOPS = np.array([0.0, *(end * k / 5 for end in (1.0, 0.8, 0.5) for k in range(1, 6))])  # three betas, five checkpoints
SEEDS, PROMPTS, REPLICATES = 5, 150, 400
NOMINAL = np.array([0.9, 0.1])


def line(stop: np.ndarray, lift: float = 0.0) -> np.ndarray:
    """Means under the two shifts that bind, on a DPO path that bends; `lift` is off the path, at equal nominal."""
    return np.stack([0.35 + 0.45 * stop - 0.1 * stop**2 - lift / 9, 0.35 - 0.2 * stop - 0.05 * stop**2 + lift], axis=-1)


def one_world(world: int, lift: float) -> tuple[float, float]:
    """The interval of a method that is DPO stopped at 0.6, but for `lift`."""
    rng = np.random.default_rng([world, int(lift * 100)])
    truth = np.concatenate([line(STOPS), line(np.array([0.6]), lift)])[:, None, None]
    trained = rng.normal(0, 0.02, (len(truth), SEEDS, 1, 2)) + rng.normal(0, 0.02, (1, SEEDS, 1, 2))
    halves = []
    for half in range(2):
        shared = rng.normal(0, 0.08, (1, 1, PROMPTS, 2))
        values = truth + trained + shared + rng.normal(0, 0.15, (len(truth), SEEDS, PROMPTS, 2))
        means = crossed(SEEDS, PROMPTS, REPLICATES, world, split=half).mean(values)
        halves.append(Means(means, means @ NOMINAL, np.zeros(means.shape[:2])))
    dpo = [half.keep(range(len(STOPS))) for half in halves]
    over = estimate(over_envelope(dpo, [half.keep([len(STOPS)]) for half in halves]), SEEDS)
    assert over.low is not None and over.high is not None
    return over.low, over.high


@pytest.mark.slow
def test_early_stopped_dpo_is_hardly_ever_said_to_clear_and_a_real_lift_is_found() -> None:
    worlds = 100
    early = np.array([one_world(world, 0.0) for world in range(worlds)])
    robust = np.array([one_world(world, 0.1) for world in range(worlds // 2)])
    assert (early[:, 0] > 0).mean() <= 0.05  # the interval is two-sided, so 2.5% where it is exact
    assert (robust[:, 0] > 0).mean() >= 0.85  # intervals that allow for five seeds cost some power
    assert (robust[:, 1] > 0.09).mean() >= 0.9  # and its size is not far off
