"""Every method as a path: where each checkpoint stands in KL, rewards and quality."""

from __future__ import annotations

import numpy as np

from benchmark.measure.records.utilities import Kind
from benchmark.measure.runs.groups import GroupData
from benchmark.report.types import PathPoint


def path(group: GroupData, key: str) -> tuple[PathPoint, ...]:
    """The checkpoints of a method on the test prompts, means over seeds and prompts, in the order of their steps."""
    seeds = sorted(group.seeds_of(key))
    return tuple(_point(group, row, seeds) for row in group.path(key)) if seeds else ()


def _point(group: GroupData, row: int, seeds: list[int]) -> PathPoint:
    def mean(name: str) -> float:
        return float(group.test.means[name][row][seeds].mean())

    def nominal(kind: Kind) -> float:
        return float(group.test.nominal[kind][row][seeds].mean())

    names = group.runs.objectives
    return PathPoint(
        step=group.policies[row].step,
        kl=float(group.test.kl[row][seeds].mean()),
        rewards=tuple(float(value) for value in np.mean(group.test.utility["gated"][row][seeds], axis=(0, 1))),
        objectives={name: mean(name) for name in names},
        gold={name: mean(f"gold_{name}") for name in names},
        quality=mean("quality"),
        nominal=nominal("ungated"),
        gold_nominal=nominal("gold"),
    )
