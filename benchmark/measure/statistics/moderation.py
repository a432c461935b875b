"""What rows of one table tell of each other's seed variance, where each alone has seen few seeds.

With three seeds a row's own variance s^2 has two degrees of freedom, and Student's t pays for that with a factor of 4.3
where 2 would do. Rows of a table are trained alike, so their variances are alike, though not equal. The empirical Bayes
answer (Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004) takes true variances to scatter as
d0 s0^2 / chi2_d0 about s0^2, estimates d0 and s0^2 from the logarithms of all s^2, and gives every row

    (d0 s0^2 + d s^2) / (d0 + d)    with d0 + d degrees of freedom,    d = seeds - 1.

Three things make it safe here, each by simulation (tests/measure/test_moderation.py):

- Rows share their seeds' draws (reference policy, pairs, the envelope), so their variances err together and say less
  than as many independent ones. d0 is at most d (R - 1), with R the effective number of independent rows,
  (tr C)^2 / tr C^2 of the covariance C of seed effects, each without its bias (Bai and Saranadasa, Statistica Sinica
  6, 1996).
- d0 is at most 2 d: beyond that little is gained.
- A row is never given less variance than its own: what is shared lends degrees of freedom and cannot hide a row whose
  seeds are seen to differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from benchmark.core.data import Floats

LEAST_ROWS = 4  # with fewer, variances tell too little of how they scatter
MOST = 2.0  # times d: what d0 is at most
LEAST_FREEDOM = 0.1  # with a smaller d0 nothing would change


@dataclass(frozen=True)
class SharedVariance:
    """What a table tells of the seed variance of its rows: squared units, and with how many degrees of freedom."""

    variance: float
    freedom: float


NOTHING_SHARED = SharedVariance(0.0, 0.0)


def shared_variance(effects: Floats) -> SharedVariance:
    """What the rows together tell of each one's variance over seeds.

    Args:
        effects: how far each seed moves each row's number, shape [rows, seeds]: the number of seed s alone minus the
            mean over seeds, to first order. The variance that is shared is that of a mean over the seeds.

    Returns:
        `NOTHING_SHARED` with fewer than four rows or two seeds, or where some rows have no variance at all.
    """
    rows, seeds = effects.shape
    if rows < LEAST_ROWS or seeds < 2:
        return NOTHING_SHARED
    centred = effects - effects.mean(axis=1, keepdims=True)
    d = seeds - 1
    own = (centred**2).sum(axis=1) / d
    if (own <= 0).any():
        return NOTHING_SHARED
    logs = np.log(own) - digamma(d / 2) + np.log(d / 2)
    scatter = float(logs.var(ddof=1) - polygamma(1, d / 2))
    freedom = min(_freedom(scatter), MOST * d, d * (effective_rows(centred) - 1))
    return SharedVariance(_typical(own, logs, scatter) / seeds, freedom) if freedom > LEAST_FREEDOM else NOTHING_SHARED


def _freedom(scatter: float) -> float:
    """d0 from the variance of the logarithms of true variances, trigamma(d0 / 2); infinite where there is none."""
    if scatter <= float(polygamma(1, 1e6)):
        return float("inf")
    return 2 * float(brentq(lambda half: float(polygamma(1, half)) - scatter, 1e-3, 1e6))


def _typical(own: Floats, logs: Floats, scatter: float) -> float:
    """s0^2: the mean where all true variances are equal, else from the mean of the logarithms."""
    half = _freedom(scatter) / 2
    if not np.isfinite(half):
        return float(own.mean())
    return float(np.exp(logs.mean() + digamma(half) - np.log(half)))


def effective_rows(centred: Floats) -> float:
    """How many independent rows of equal variance would tell as much, at least 1 and at most how many there are.

    Args:
        centred: effects minus their mean over seeds, shape [rows, seeds].
    """
    rows, seeds = centred.shape
    d = seeds - 1
    covariance = centred @ centred.T / d
    trace, squares = float(np.trace(covariance)), float((covariance**2).sum())
    if d == 1:
        return 1.0  # one degree of freedom shows every pair of rows as perfectly correlated
    of_square = d**2 / ((d - 1) * (d + 2)) * (squares - trace**2 / d)
    square_of = trace**2 - 2 * of_square / d
    return float(np.clip(square_of / of_square, 1.0, rows)) if of_square > 0 else float(rows)


def seed_effects(values: Floats, weights: Floats) -> Floats:
    """How far each seed moves a number, shape [seeds], by least squares over resamples of seeds alone.

    Args:
        values: the number in every resample, shape [resamples]; NaN is left out.
        weights: of the seeds in each, rows sum to 1, shape [resamples, seeds].
    """
    known = ~np.isnan(values)
    weights, values = weights[known], values[known]
    effects, *_ = np.linalg.lstsq(weights - weights.mean(axis=0), values - values.mean(), rcond=None)
    return np.asarray(effects - effects.mean())
