"""Intervals of scores on a fixed set of questions, which all seeds of a method answer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from benchmark.core.data import Floats
from benchmark.measure.statistics.bootstrap import LEVEL, estimate_over_seeds
from benchmark.report import Estimate


def estimate_over_seeds_and_questions(values: Floats, stderrs: Floats) -> Estimate:
    """The mean over seeds, with a 95% interval that holds both that other seeds would score otherwise and that other
    questions would.

    Half of it is sqrt(s^2 + q^2): s is half of Student's interval over seeds, q is 1.96 times the root mean square of
    the seeds' standard errors. All seeds answer the same questions, so more seeds do not narrow q. With one seed there
    is q alone. Where a standard error is not known, q is not either, and there is no interval.

    Args:
        values: scores, shape [seeds], NaN where a seed has none.
        stderrs: their standard errors over questions, shape [seeds], NaN where not known.
    """
    seeds = estimate_over_seeds(values)
    if seeds.value is None:
        return seeds
    questions = float(ndtri((1 + LEVEL) / 2) * np.sqrt(np.mean(stderrs[~np.isnan(values)] ** 2)))
    if math.isnan(questions):
        return replace(seeds, low=None, high=None)
    half = math.hypot(questions, 0.0 if seeds.high is None else seeds.high - seeds.value)
    return replace(seeds, low=seeds.value - half, high=seeds.value + half)
