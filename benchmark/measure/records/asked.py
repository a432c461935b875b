"""Rewards that are not known everywhere: a survey group was not asked every question.

J of an objective is the mean over the rows where it was asked. So that all that follows (mixtures of objectives,
resampling, the envelope) can take means over all rows, a reward r becomes

    r' = b + (N / N_asked) (r - b) where it was asked, and b where it was not,

with N rows and one level b. Its mean over all rows is that mean whatever b is; with b near J, a resampled mean differs
from the resampled ratio sum(r) / N_asked in the second order only, and policies that share b are mixed by mixing r'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.core.data import Floats
from benchmark.core.errors import UserError
from benchmark.measure.records.linear import linear_weights
from shifts.base import Shift

GOLD = "gold_"  # before the name of an objective, as an independent judge sees it


def everywhere(columns: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The columns, with those of the given names known on every row.

    Args:
        columns: by name, each of shape [rows].
        names: of rewards, which are NaN where they were not asked.

    Raises:
        UserError: a learned reward that was asked nowhere. A gold one that no judge gave stays NaN.
    """
    filled = dict(columns)
    for name in names:
        values = np.asarray(columns[name], dtype=np.float64)
        asked = ~np.isnan(values)
        if asked.all():
            continue
        if not asked.any():
            if name.startswith(GOLD):
                continue
            raise UserError(f"{name} was asked on none of the evaluated prompts: there is nothing to judge it by.")
        filled[name] = _everywhere(values, asked)
    return filled


def _everywhere(values: Floats, asked: Any) -> Floats:
    level = float(values[asked].mean())
    return np.where(asked, level + len(values) / asked.sum() * (values - level), level)


def check_linear(shifts: Sequence[Shift], unknown_somewhere: bool) -> None:
    """Raise a UserError where rewards are not known everywhere and a utility is no weighted sum of them."""
    for shift in shifts:
        if unknown_somewhere and linear_weights(shift) is None:
            raise UserError(
                f"{shift} is not linear in its rewards, and not every objective was asked everywhere: its mean is not "
                "known. Use annotator_groups, reward_blend or alpha_mixture with convex mixing."
            )
