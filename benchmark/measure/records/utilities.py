"""From stored reward vectors to utilities under any shift: arithmetic only, nothing is generated or scored again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from benchmark.core.data import Bools, Floats
from shifts.base import Rewards, Shift

Ranges = Mapping[str, tuple[float, float]]
Kind = Literal["gated", "ungated", "gated_gold", "gold"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LEARNED: tuple[Kind, ...] = ("ungated", "gated")


def gate(utility: Floats, quality: Bools, least: float) -> Floats:
    """g u + (1 - g) u_min: a completion that fails the language gate g is worth the least utility of the range.

    Args:
        utility: any shape, units of utility.
        quality: whether a completion passes, same shape.
        least: least utility of the shift's range.
    """
    return np.where(quality, utility, least)


def utility(shift: Shift, rewards: Mapping[str, Floats], quality: Bools, ranges: Ranges, kind: Kind) -> Floats:
    """Utility of every completion under `shift`, shape [completions].

    Args:
        shift: the annotators.
        rewards: learned rewards by objective and, as `gold_<objective>`, gold ones; each of shape [completions].
        quality: whether a completion passes the language gate, shape [completions].
        ranges: least and greatest reward by objective.
        kind: learned or gold reward, gated or not.
    """
    prefix = "gold_" if kind in ("gold", "gated_gold") else ""
    columns = {objective: np.asarray(rewards[prefix + objective], dtype=np.float64) for objective in shift.objectives}
    plain = shift.utility(Rewards(columns))
    return gate(plain, quality, shift.utility_range(ranges)[0]) if kind.startswith("gated") else plain


def utilities(
    shifts: Sequence[Shift], rewards: Mapping[str, Floats], quality: Bools, ranges: Ranges, kind: Kind
) -> Floats:
    """`utility` under each shift, shape [completions, shifts]."""
    return np.stack([utility(shift, rewards, quality, ranges, kind) for shift in shifts], axis=-1)
