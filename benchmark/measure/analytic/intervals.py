"""Means over seeds with Student's interval: in an analytic suite a seed is the only thing that is drawn."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.statistics.bootstrap import estimate_over_seeds
from benchmark.report import Absent, Estimate


def over_seeds(values: Iterable[float], absent: Absent = Absent.NOT_RECORDED) -> Estimate:
    """The mean of one number per seed, with its 95% t interval; seeds without the number (NaN) are left out.

    Args:
        values: one per seed.
        absent: why there is none, where no seed has the number.
    """
    given: Floats = np.asarray(list(values), dtype=np.float64)
    return estimate_over_seeds(given, absent=absent)
