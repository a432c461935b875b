"""What a row shows against the envelope: three answers, from numbers alone.

*clears*: the interval of `gated_over_envelope` lies wholly above 0. *does not*: it lies wholly below the margin, which
is a test of equivalence. *cannot tell*: the rest; its upper end is then the greatest lift that is still compatible.

**The margin** is `MARGIN` of the range of the training utility, the same for every suite, arena and run. Where labels
come from a mixture in conflict the oracle, which is told whose preferences will count, gains .12 to .20 of that range
over the envelope; a method that gains less than about a tenth of that has not found what there is to find. It was
chosen with those lifts of the oracle in sight, as a share of them, and not by any method's number.

**One table, many rows.** That some row clears is a statement about all rows, so p of every method and baseline is
corrected for the number of them that are judged (Holm, Scandinavian Journal of Statistics 6, 1979). Controls are judged
each by its own interval: what they must show was said before. *Does not* is said of one row and needs no correction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from benchmark.measure.runs.arenas import ArenaData
from benchmark.measure.statistics.bootstrap import LEVEL
from benchmark.measure.statistics.spread import Spread
from benchmark.measure.table.comparer import Against, Comparer
from benchmark.measure.table.gap import Gap
from benchmark.measure.table.holm import holm
from benchmark.report import Absent, Caveat, Estimate, FewSeeds, Judging, Row, Status, ToDecide, Verdict
from benchmark.report.rows import HEADLINE, POWER

MARGIN = 0.02  # of the range of the training utility
FEW_SEEDS = 5
WITHOUT_NUMBER = {Absent.NOMINAL_WIN: Verdict.NOMINAL_WIN, Absent.EDGE: Verdict.EDGE}
WITHOUT_SEED: dict[Status, Verdict] = {"failed": Verdict.FAILED, "skipped": Verdict.SKIPPED}


def margin_of(arena: ArenaData) -> float:
    """The margin in units of utility."""
    return MARGIN * utility_range(arena)


def utility_range(arena: ArenaData) -> float:
    """Greatest minus least utility at the training shift."""
    least, greatest = arena.train.utility_range(arena.runs.ranges)
    return greatest - least


def verdict_of(status: Status, over: Estimate | None, margin: float, p_holm: float | None = None) -> Verdict:
    """What a row's `gated_over_envelope` says. One seed says nothing; an interval that touches 0 does not clear it.

    Args:
        status: of the row.
        over: None where no seed is done.
        margin: units of utility.
        p_holm: corrected for the other rows; None: judged by its own interval.
    """
    if over is None:
        return WITHOUT_SEED.get(status, Verdict.NOT_JUDGED)
    if over.value is None:
        return WITHOUT_NUMBER.get(over.absent, Verdict.NOT_JUDGED) if over.absent else Verdict.NOT_JUDGED
    if over.n < 2:
        return Verdict.ONE_SEED
    if over.low is None or over.high is None:
        return Verdict.NOT_JUDGED
    if over.low > 0 and (p_holm is None or p_holm < 1 - LEVEL):
        return Verdict.CLEARS
    return Verdict.DOES_NOT if over.high < margin else Verdict.CANNOT_TELL


def judged(comparer: Comparer, rows: Sequence[Row]) -> tuple[list[Row], Judging | None]:
    """The rows with their verdicts, and by what they are judged."""
    margin = margin_of(comparer.arena)
    compared = {row.key: side for row in rows if (side := _judgeable(comparer, row)) is not None}
    spreads = {key: comparer.over_spread(side) for key, side in compared.items()}
    family = [row for row in rows if row.key in compared and corrected(row)]
    p = [spreads[row.key].p_value(float(comparer.over_values(compared[row.key])[0])) for row in family]
    p_holm = dict(zip((row.key for row in family), holm(p), strict=True))
    verdicts = [
        replace(
            row,
            verdict=verdict_of(row.status, row.metrics.get(HEADLINE), margin, p_holm.get(row.key)),
            p_holm=p_holm.get(row.key),
            least_detectable=spreads[row.key].detectable(1 - LEVEL, POWER) if row.key in spreads else None,
        )
        for row in rows
    ]
    prompts = len(comparer.arena.test.prompt_ids)
    verdicts = [
        replace(row, to_decide=to_decide(margin, spreads[row.key], prompts))
        if row.verdict is Verdict.CANNOT_TELL
        else row
        for row in verdicts
    ]
    if not any(row.metrics for row in rows):
        return verdicts, None
    least = [spreads[row.key].detectable((1 - LEVEL) / len(family), POWER) for row in family]
    return verdicts, Judging(margin, len(family), 1 - LEVEL, POWER, median(least) if least else None)


def to_decide(margin: float, spread: Spread, prompts: int) -> ToDecide:
    """What it takes to see a lift of the margin.

    Args:
        margin: units of utility.
        spread: of the row's `gated_over_envelope`.
        prompts: number of test prompts behind it.
    """
    gap = Gap.of(margin, spread)
    if gap.prompt_factor() > 1:
        return ToDecide(prompts=math.ceil(gap.prompt_factor() * prompts))
    return ToDecide(seeds=gap.seeds())


def corrected(row: Row) -> bool:
    """Whether a row is one of those that a headline speaks of: a method or a baseline other than plain DPO."""
    return row.role in ("method", "baseline") and row.method != "dpo"


def _judgeable(comparer: Comparer, row: Row) -> Against | None:
    """What a row with an interval over seeds is compared with; None where it has none."""
    over = row.metrics.get(HEADLINE)
    if over is None or over.value is None or over.n < 2:
        return None
    side = comparer.against(row.key)
    return side if isinstance(side, Against) else None


def seed_caveats(seeds: int) -> tuple[Caveat, ...]:
    """That there are so few seeds that intervals suffer; nothing where there are none at all."""
    return (FewSeeds(seeds),) if 0 < seeds < FEW_SEEDS else ()
