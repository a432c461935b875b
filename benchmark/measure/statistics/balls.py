"""The worst mean inside a ball of distributions, exact by duality: KL, chi-square and total variation.

inf over Q with D(Q || P_n) <= rho of E_Q[v], where P_n is uniform over n values and Q lives on the same values. By
duality (arXiv:1810.08750) it is a mean under P_n,

    max over lambda >= 0, eta of E_{P_n}[psi],   psi(v) = eta - lambda rho - lambda f*((eta - v) / lambda),

so every function here returns the n terms psi at the best (lambda, eta), and their mean is the worst case. At the same
multipliers the mean of psi under a resample of P_n is never above the resample's own worst case (weak duality) and
equals it to first order (envelope theorem): the terms can be bootstrapped like any other per-prompt number.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from benchmark.core.data import Floats

COLDEST = 60.0  # of log lambda below its upper end; there the weights are those of the least values to the last bit


def kl_terms(values: Floats, radius: float) -> Floats:
    """psi for KL(Q || P_n) <= radius, nats: f*(s) = exp(s) - 1.

    The worst Q has weights proportional to exp(-v / lambda), with lambda such that the ball is met. KL falls in lambda
    and is at most (range of v)^2 / (8 lambda^2) (Hoeffding), whence the upper end of the search.

    Args:
        values: shape [n].
        radius: of the ball, >= 0; 0 gives the values themselves, log(n / number of least values) the least one.

    Returns:
        The terms, shape [n].
    """
    gaps = values - values.min()
    if radius == 0 or not gaps.any():
        return values
    if radius >= -np.log((gaps == 0).mean()):
        return np.full_like(values, values.min())
    high = np.log(gaps.max() / np.sqrt(8 * radius))
    temperature = np.exp(brentq(lambda log: _kl(gaps, np.exp(log)) - radius, high - COLDEST, high, xtol=1e-13))
    mean = np.exp(-gaps / temperature).mean()
    tilt = np.exp(-gaps / temperature) / mean  # n q, mean 1
    return np.asarray(values.min() - temperature * (np.log(mean) + radius + tilt - 1))


def _kl(gaps: Floats, temperature: float) -> float:
    """KL of the weights exp(-gaps / temperature), normalised, from uniform ones; the least gap is 0."""
    logs = -gaps / temperature
    tilt = np.exp(logs)
    return float((tilt * logs).mean() / tilt.mean() - np.log(tilt.mean()))


def chi_square_terms(values: Floats, radius: float) -> Floats:
    """psi for 1/2 mean_i (n q_i - 1)^2 <= radius, the ball of `chi2_dpo`: f*(s) = s + s^2 / 2, and -1/2 for s < -1.

    The worst Q has n q_i = max(0, c - v_i) / lambda. Let the k least values count, with mean m and variance s^2: then
    c = m + s / sqrt((1 + 2 radius) k / n - 1), and k is where that c leaves out all but k. While none is left out the
    worst case is mean v - sqrt(2 radius var v).

    Args:
        values: shape [n].
        radius: of the ball, >= 0; 0 gives the values themselves, (n - 1) / 2 the least one.

    Returns:
        The terms, shape [n].
    """
    if radius == 0 or not np.ptp(values):
        return values
    n, gaps = len(values), np.sort(values) - values.min()
    least = int((gaps == 0).sum())
    if (1 + 2 * radius) * least >= n:
        return np.full_like(values, values.min())
    count = np.arange(1, n + 1)
    mean = np.cumsum(gaps) / count
    variance = np.maximum(np.cumsum(gaps**2) / count - mean**2, 0)
    rise = (1 + 2 * radius) * count / n - 1
    # With c at the (k + 1)-th value, is the ball left? Its squared distance falls in c, so the last such k is passed.
    above = (gaps[1:] - mean[:-1]) ** 2
    passed = np.flatnonzero(variance[:-1] > rise[:-1] * above)
    k = int(passed[-1]) + 1 if len(passed) else 0
    top = mean[k] + np.sqrt(variance[k] / rise[k])
    scale = (k + 1) / n * (top - mean[k])  # lambda: the weights then have mean 1
    weights = np.maximum(0, top - (values - values.min())) / scale
    eta = values.min() + top - scale
    return np.asarray(eta - scale * radius - scale * (weights**2 - 1) / 2)


def total_variation_terms(values: Floats, radius: float) -> Floats:
    """psi for TV(Q, P_n) = 1/2 sum_i |q_i - 1/n| <= radius: min(v, c) - radius (c - min v).

    The worst Q takes mass `radius` from the greatest values and puts it on the least; c is the value at which the
    taking ends, the quantile of 1 - radius.

    Args:
        values: shape [n].
        radius: of the ball, in [0, 1]: the mass that moves.

    Returns:
        The terms, shape [n].
    """
    ordered = np.sort(values)
    kept = max(int(np.ceil((1 - radius) * len(values) - 1e-9)), 1)
    cut = ordered[kept - 1]
    return np.asarray(np.minimum(values, cut) - radius * (cut - ordered[0]))
