"""How many seeds would tell the two best methods apart, if they differ by what was observed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from benchmark.measure.statistics.bootstrap import LEVEL
from benchmark.measure.statistics.spread import Spread
from benchmark.measure.table.comparer import Judge
from benchmark.measure.table.comparisons import contest, rankable
from benchmark.measure.table.verdict import signed
from benchmark.report.types import Row

POWER = 0.8
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


def seeds_needed(judge: Judge, rows: Sequence[Row]) -> str:
    """A sentence on the comparison of the two best rows by `over_envelope`."""
    best = rankable(rows)[:2]
    if len(best) < 2:
        return "Fewer than two methods can be ranked over seeds: how many seeds would settle it is not known."
    told = contest(judge, best[0].key, best[1].key)
    if told is None or told.spread.seeds < 2:
        return f"{best[0].label} and {best[1].label} have fewer than two seeds in common."
    prompts = len(judge.group.test.prompt_ids)
    return sentence(best[0].label, best[1].label, Gap.of(told.difference, told.spread), told.spread, prompts)


def sentence(first: str, second: str, gap: Gap, spread: Spread, prompts: int) -> str:
    """What it takes to tell two methods apart, in words.

    Args:
        first: label of the better one.
        second: of the other.
        gap: between them.
        spread: of their difference.
        prompts: number of test prompts behind it.
    """
    lead = f"{first} over {second}: {signed(gap.difference)} on {spread.seeds} seeds"
    if abs(gap.difference) > float(spread.half_width(1 - LEVEL)):
        return f"{lead}, settled at the 5% level by the seeds that there are."
    if signed(gap.difference) == "0.000":
        return f"{lead}: no number of seeds tells apart what is alike."
    if gap.prompt_factor() > 1:
        least = math.ceil(gap.prompt_factor() * prompts)
        return (
            f"{lead}, not settled, and no number of seeds would do it on these {prompts:,} prompts: if that is the "
            f"true difference, {POWER:.0%} power takes at least {least:,} test prompts, and more seeds."
        )
    seeds = gap.seeds()
    number = f"more than {MOST:,}" if seeds is None else f"about {max(seeds, spread.seeds + 1):,}"
    return (
        f"{lead}, not settled: if that is the true difference, {POWER:.0%} power at the 5% level takes {number} seeds."
    )
