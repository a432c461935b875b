"""Every method's trajectory: where each checkpoint stands in KL, utilities, rewards and quality."""

from __future__ import annotations

import numpy as np

from benchmark.measure.records.utilities import Kind
from benchmark.measure.runs.arenas import ArenaData
from benchmark.report import TrajectoryPoint


def trajectory(arena: ArenaData, key: str) -> tuple[TrajectoryPoint, ...]:
    """The checkpoints of a method on the test prompts, means over seeds and prompts, in the order of their steps."""
    seed_rows = sorted(arena.seed_rows(key))
    return tuple(_point(arena, policy, seed_rows) for policy in arena.trajectory(key)) if seed_rows else ()


def _point(arena: ArenaData, policy: int, seed_rows: list[int]) -> TrajectoryPoint:
    def mean(name: str) -> float:
        return float(arena.test.means[name][policy][seed_rows].mean())

    def nominal(kind: Kind) -> float:
        return float(arena.test.nominal[kind][policy][seed_rows].mean())

    names = arena.runs.objectives
    utilities = np.mean(arena.test.utility["gated"][policy][seed_rows], axis=(0, 1))
    return TrajectoryPoint(
        step=arena.policies[policy].step,
        kl=float(arena.test.kl[policy][seed_rows].mean()),
        gated_utilities=tuple(float(value) for value in utilities),
        rewards={name: mean(name) for name in names},
        gold_rewards={name: mean(f"gold_{name}") for name in names},
        quality=mean("quality"),
        nominal=nominal("ungated"),
        gold_nominal=nominal("gold"),
    )
