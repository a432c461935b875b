"""How many seeds would tell the two best methods apart, if they differ by what was observed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from benchmark.measure.statistics.bootstrap import LEVEL
from benchmark.measure.statistics.spread import Spread
from benchmark.measure.table.comparer import Comparer
from benchmark.measure.table.comparisons import by_headline, contest
from benchmark.measure.table.gap import MOST, Gap
from benchmark.report import Row, SeedsKind, SeedsNeeded
from benchmark.report.rows import POWER

DECIMALS = 3  # of a difference that is shown: what is 0 in them is called alike


def seeds_needed(comparer: Comparer, rows: Sequence[Row]) -> SeedsNeeded:
    """What would settle the comparison of the two best rows by `gated_over_envelope`."""
    best = by_headline(rows)[:2]
    if len(best) < 2:
        return SeedsNeeded(SeedsKind.TOO_FEW_RANKED)
    first, second = best
    held = contest(comparer, first.key, second.key)
    if held is None or held.spread.seeds < 2:
        return SeedsNeeded(SeedsKind.TOO_FEW_IN_COMMON, first.label, second.label)
    prompts = len(comparer.arena.test.prompt_ids)
    return settling(first.label, second.label, Gap.of(held.difference, held.spread), held.spread, prompts)


def settling(first: str, second: str, gap: Gap, spread: Spread, prompts: int) -> SeedsNeeded:
    """What it takes to tell two methods apart.

    Args:
        first: label of the better one.
        second: of the other.
        gap: between them.
        spread: of their difference.
        prompts: number of test prompts behind it.
    """
    made = SeedsNeeded(SeedsKind.SEEDS, first, second, gap.difference, spread.seeds, prompts, power=POWER, most=MOST)
    if abs(gap.difference) > float(spread.half_width(1 - LEVEL)):
        return replace(made, kind=SeedsKind.SETTLED)
    if round(gap.difference, DECIMALS) == 0:
        return replace(made, kind=SeedsKind.ALIKE)
    if gap.prompt_factor() > 1:
        return replace(made, kind=SeedsKind.PROMPTS, needed=math.ceil(gap.prompt_factor() * prompts))
    seeds = gap.seeds()
    return replace(made, needed=None if seeds is None else max(seeds, spread.seeds + 1))
