"""How many seeds, or prompts, it takes to see a difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from benchmark.measure.statistics.bootstrap import LEVEL
from benchmark.measure.statistics.spread import Spread
from benchmark.report.rows import POWER

MOST = 1000  # seeds; beyond this a number would be no advice


@dataclass(frozen=True)
class Gap:
    """A difference of two methods, and the parts of its variance that seeds do and do not shrink.

    difference: in units of utility; per_seed: variance times the number of seeds, of what more seeds average out;
    prompts: variance of what they do not.
    """

    difference: float
    per_seed: float
    prompts: float

    @classmethod
    def of(cls, difference: float, spread: Spread) -> Gap:
        """From what was observed with some number of seeds."""
        seeds = float(spread.seed_variance)
        return cls(difference, seeds * spread.seeds, float(spread.variance) - seeds)

    def power(self, seeds: int) -> float:
        """Probability that the difference is found at the two-sided 5% level, by the noncentral t distribution.

        Degrees of freedom are Satterthwaite's, as if the parts of the variance were those observed.
        """
        by_seeds = self.per_seed / seeds
        variance = by_seeds + self.prompts
        if variance == 0:
            return 1.0
        shift = abs(self.difference) / math.sqrt(variance)
        freedom = (seeds - 1) * (variance / by_seeds) ** 2 if by_seeds else math.inf
        if freedom > 1e4:
            return float(stats.norm.sf(stats.norm.isf((1 - LEVEL) / 2) - shift))
        return float(stats.nct.sf(stats.t.isf((1 - LEVEL) / 2, freedom), freedom, shift))

    def seeds(self) -> int | None:
        """The least number of seeds that gives the power; None where `MOST` do not."""
        low, high = 1, MOST
        if self.power(MOST) < POWER:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.power(middle) >= POWER else (middle, high)
        return high

    def prompt_factor(self) -> float:
        """By how much prompts would have to grow for the power, were seeds beyond number."""
        reach = float(stats.norm.isf((1 - LEVEL) / 2) + stats.norm.ppf(POWER))
        return self.prompts * (reach / self.difference) ** 2
