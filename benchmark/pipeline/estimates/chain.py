"""How long stages take together, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmark.core.graph import Stage


def longest_chain(stages: Sequence[Stage], seconds: Callable[[Stage], float]) -> float:
    """Seconds of the longest chain of stages that wait for each other; inputs stand before what is made from them."""
    ends: dict[str, float] = {}
    for stage in stages:
        start = max((ends[parent.key] for parent in stage.inputs.values() if parent.key in ends), default=0.0)
        ends[stage.key] = start + seconds(stage)
    return max(ends.values(), default=0.0)


def side_by_side(stages: Sequence[Stage], seconds: Callable[[Stage], float], workers: int) -> float:
    """Seconds on so many workers: the work shared out, but never less than the longest chain."""
    return max(longest_chain(stages, seconds), sum(map(seconds, stages)) / workers)
