"""Means over seeds with Student's interval: in an analytic suite a seed is the only thing that is drawn."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.statistics.bootstrap import estimate_over_seeds
from benchmark.report.types import Estimate


def over_seeds(values: Iterable[float], missing: str = "not recorded") -> Estimate:
    """The mean of one number per seed, with its 95% t interval; seeds without the number (NaN) are left out.

    Args:
        values: one per seed.
        missing: the note where no seed has the number.
    """
    given: Floats = np.asarray(list(values), dtype=np.float64)
    return Estimate(None, note=missing) if np.isnan(given).all() else estimate_over_seeds(given)


def told(estimate: Estimate, decimals: int = 2, signed: bool = False) -> str:
    """An estimate inside a sentence: `0.31 [0.28, 0.35]`."""
    if estimate.value is None:
        return "not known"
    sign = "+" if signed else ""
    value, low, high = (
        "" if number is None else f"{number:{sign}.{decimals}f}".replace("-", "−")
        for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]" if low else value
