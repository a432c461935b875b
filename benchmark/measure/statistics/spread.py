"""How far a number may be off: its variance over seeds and prompts, and the critical value that goes with few seeds.

**Variance.** Let a number be the mean over S seeds s and P prompts p of a_s + b_p + e_sp. Its variance is

    v = V_a + V_b + V_e,    V_a = var(a) / S,    V_b = var(b) / P,    V_e = var(e) / (S P).

The crossed bootstrap does not give v: with few seeds it falls short of V_a, and it counts V_e up to three times (Owen,
"The pigeonhole bootstrap", arXiv:0712.1111). But resampling seeds alone, prompts alone, and both, gives on average

    c (V_a + V_e),    V_b + V_e,    c (V_a + V_e) + (V_b + V_e) + c V_e,    c = (S - 1) / S,

up to terms of order 1 / P. The first over c is v_seed, the second v_prompt, what the third has beyond both, over c, is
v_both, and v = v_seed + v_prompt - v_both. A number that is no mean is treated alike, which is right to first order.
Differences of variances are noisy, so v is never taken below .4 v_prompt. Only where the number jumps, as that of a
rule does which takes the best of many, is nothing taken off: there the third part is large because of jumps.

**Critical value.** v_seed has S - 1 degrees of freedom, v_prompt as good as infinitely many: the Behrens-Fisher
problem. Of its classical answers Welch and Satterthwaite's (Student's t with v^2 (S - 1) / v_seed^2 degrees of freedom)
is too short where few seeds make most of the spread, and Cochran and Cox's (the mean of the quantiles of t and of the
normal distribution, weighted by the variances) is too long where they make some of it. The mean of both is taken, by
trial: in simulation it covers 93 to 97.5% for 3, 5 and 10 seeds, whichever part dominates
(tests/measure/test_coverage.py), and 92 to 95% where the number is the least of several that are exactly equal.
Intervals are symmetric: where the number is a minimum, percentiles of a bootstrap lie on the wrong side of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit
from scipy.stats import nct

from benchmark.core.data import Floats
from benchmark.measure.statistics.moderation import SharedVariance

MANY = 1e6  # degrees of freedom at which Student's t is the normal distribution
MOST_FREEDOM = 1e4  # beyond, the noncentral t distribution is a normal one
LEAST_LEVEL = 1e-9
LEAST = 0.4  # of v_prompt: what v is at the least


@dataclass(frozen=True)
class Spread:
    """What is known of how a number, or an array of numbers, spreads.

    variance: of the number, squared units; seed_variance: the part that has only `freedom` degrees of freedom, at
    most `variance`. With one seed the first speaks of prompts alone, and the second is 0. freedom: `seeds` - 1, and
    more where other rows lent theirs.
    """

    variance: Floats
    seed_variance: Floats
    seeds: int
    freedom: float

    def with_shared(self, shared: SharedVariance) -> Spread:
        """The seeds' part taken together with what other rows tell of it, never below its own (see `moderation`)."""
        if self.seeds < 2 or not shared.freedom:
            return self
        total = self.freedom + shared.freedom
        together = (shared.freedom * shared.variance + self.freedom * self.seed_variance) / total
        seed = np.maximum(together, self.seed_variance)
        return replace(self, variance=self.variance - self.seed_variance + seed, seed_variance=seed, freedom=total)

    def critical(self, level: float) -> Floats:
        """Standard deviations that a number is off with probability `level` at most."""
        normal = float(-ndtri(level / 2))
        if self.seeds < 2:
            return np.full(np.shape(self.variance), normal)
        share = np.divide(
            self.seed_variance, self.variance, out=np.zeros_like(self.variance), where=np.asarray(self.variance > 0)
        )
        freedom = self.freedom / np.maximum(share**2, self.freedom / MANY)
        welch = -stdtrit(freedom, level / 2)
        cochran = share * -stdtrit(self.freedom, level / 2) + (1 - share) * normal
        return np.asarray((welch + cochran) / 2)

    def half_width(self, level: float) -> Floats:
        """Half the length of the interval of confidence 1 - `level`."""
        return np.asarray(self.critical(level) * np.sqrt(self.variance))

    def detectable(self, level: float, power: float) -> float:
        """The least true value of one number whose interval of confidence 1 - `level` lies above 0 with `power`.

        By the noncentral t distribution, with Welch and Satterthwaite's degrees of freedom.
        """
        deviation = float(np.sqrt(self.variance))
        if deviation == 0:
            return 0.0
        critical = float(self.critical(level))
        share = float(self.seed_variance / self.variance)
        freedom = self.freedom / share**2 if self.seeds > 1 and share > 0 else np.inf
        if freedom > MOST_FREEDOM:
            return deviation * (critical + float(ndtri(power)))
        return deviation * float(brentq(lambda shift: nct.sf(critical, freedom, shift) - power, 0.0, 20 * critical))

    def p_value(self, value: float) -> float:
        """Two-sided, of one number: the least level at which its interval excludes 0."""
        if value == 0 or self.variance == 0:
            return 1.0 if value == 0 else 0.0
        if abs(value) >= self.half_width(LEAST_LEVEL):
            return LEAST_LEVEL
        return float(brentq(lambda level: float(self.half_width(level)) - abs(value), LEAST_LEVEL, 1.0))


def spread(seeds_alone: Floats, prompts_alone: Floats, both: Floats, seeds: int, jumps: bool = False) -> Spread:
    """The spread of a number from its values in resamples; further axes are numbers beside each other.

    Args:
        seeds_alone: only seeds were resampled, shape [resamples, ...]. NaN is left out, here as below.
        prompts_alone: only prompts were.
        both: both were.
        seeds: how many there are. With one, `prompts_alone` is all that counts.
        jumps: whether the number is no smooth function of the data.
    """
    prompt = _variance(prompts_alone)
    if seeds < 2:
        return Spread(prompt, np.zeros_like(prompt), 1, 0)
    share = (seeds - 1) / seeds
    seed, crossed = _variance(seeds_alone) / share, _variance(both)
    beyond = np.maximum(crossed - share * seed - prompt, 0.0)
    variance = seed + prompt + beyond if jumps else np.maximum(seed + prompt - beyond / share, LEAST * prompt)
    return Spread(variance, np.minimum(seed, variance), seeds, seeds - 1)


def _variance(values: Floats) -> Floats:
    """NaN where fewer than two values are known."""
    known = (~np.isnan(values)).sum(axis=0)
    mean = np.nansum(values, axis=0) / np.maximum(known, 1)
    squares = np.nansum((values - mean) ** 2, axis=0)
    return np.where(known > 1, squares / np.maximum(known - 1, 1), np.nan)
