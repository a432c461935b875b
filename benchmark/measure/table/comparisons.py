"""Every row against plain DPO, corrected for how many rows there are; and which rows share a rank.

**Against DPO.** The gated worst case of a row minus that of plain DPO at its default setting, over the seeds that both
have, in the same resamples. p is two-sided and inverts the interval: the least level at which it excludes 0, and never
said to be below `LEAST_P`, since nothing is known of tails so far out. p_holm corrects it for all comparisons of the
table (Holm, Scandinavian Journal of Statistics 6, 1979), those of baselines and controls among them: whoever reads a
table reads all of it, and a control whose difference is plain costs the other rows nothing, for Holm's procedure is
done with it first. So p_holm, and it alone, depends on what else is in the table.

**Ranks** are of `gated_over_envelope`, by which the table is sorted. The worst case itself would put the untouched
reference first wherever objectives conflict. A row's rank is 1 + the number of rows that are better by more than the
95% interval of the paired difference, which is not corrected for the number of pairs. Methods and baselines are ranked
whose verdict is *clears* or *does not*: where one cannot tell, there is no rank. Not ranked are plain DPO, of which the
envelope is made and whose rows are compared without themselves, the reference, controls, rows without a
`gated_over_envelope`, and methods that break the contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.records.across import anchor
from benchmark.measure.runs.arenas import ArenaData
from benchmark.measure.statistics.bootstrap import LEVEL, estimate, spread_of
from benchmark.measure.statistics.spread import Spread
from benchmark.measure.table.comparer import Against, Comparer
from benchmark.measure.table.holm import holm
from benchmark.measure.table.verdict import corrected
from benchmark.report import Absent, Comparison, Row, Standing, Verdict, missing
from benchmark.report.rows import HEADLINE

LEAST_P = 1e-6


def comparisons(comparer: Comparer, keys: Sequence[str]) -> dict[str, Comparison]:
    """Every row of a table against plain DPO at its default setting, by key; that DPO row itself has none."""
    against = default_dpo(comparer.arena)
    if against is None:
        return {}
    alone = {key: _alone(comparer, key, against) for key in keys if key != against}
    tested = {key: comparison.p for key, comparison in alone.items() if comparison.p is not None}
    p_holm = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {key: _corrected(comparison, p_holm.get(key)) for key, comparison in alone.items()}


def default_dpo(arena: ArenaData) -> str | None:
    """Key of the plain DPO row of the default beta, else of the first by its hyper-parameters; None without DPO."""
    hparams = dict(zip(arena.cells["key"], arena.cells["hparams"], strict=True))
    keys = {str(hparams[dpo]): dpo for dpo in arena.dpo_keys()}
    chosen = anchor("{}", list(keys))
    return None if chosen is None else keys[chosen]


def _alone(comparer: Comparer, key: str, against: str) -> Comparison:
    """One comparison, before any correction."""
    seed_rows = tuple(sorted(comparer.arena.seed_rows(key) & comparer.arena.seed_rows(against)))
    if not seed_rows:
        return Comparison(against, missing(Absent.NO_SEED_WITH_DPO))
    values = comparer.gated_worst_case(key, seed_rows) - comparer.gated_worst_case(against, seed_rows)
    difference = estimate(values, len(seed_rows))
    if len(seed_rows) == 1:
        return Comparison(against, difference)
    return Comparison(against, difference, max(LEAST_P, spread_of(values, len(seed_rows)).p_value(float(values[0]))))


def _corrected(alone: Comparison, p_holm: float | None) -> Comparison:
    if p_holm is None or alone.difference.value is None:
        return alone
    verdict: Standing = "cannot tell"
    if p_holm < 1 - LEVEL:
        verdict = "better" if alone.difference.value > 0 else "worse"
    return Comparison(alone.against, alone.difference, alone.p, p_holm, verdict)


@dataclass(frozen=True)
class Contest:
    """Two rows by `gated_over_envelope`, over the seeds that both have."""

    difference: float  # of the first and the second
    spread: Spread

    @property
    def winner(self) -> int:
        """0 or 1: the row that is better by more than the 95% interval of the difference; -1 where none is."""
        if self.spread.seeds < 2 or not abs(self.difference) > float(self.spread.half_width(1 - LEVEL)):
            return -1
        return 0 if self.difference > 0 else 1


def contest(comparer: Comparer, first: str, second: str) -> Contest | None:
    """The paired difference of two rows; None where either has no `gated_over_envelope` or no seed is common."""
    sides = [comparer.against(key) for key in (first, second)]
    known = [side for side in sides if isinstance(side, Against)]
    if len(known) < len(sides):
        return None
    shared = tuple(sorted(set.intersection(*(set(side.seed_rows) for side in known))))
    if not shared:
        return None
    mine, theirs = (comparer.over_values(Against(side.key, shared, side.policies)) for side in known)
    values: Floats = mine - theirs
    return None if np.isnan(values[0]) else Contest(float(values[0]), spread_of(values, len(shared)))


def by_headline(rows: Sequence[Row]) -> list[Row]:
    """Methods and baselines with a `gated_over_envelope` over seeds, best first."""
    known = [
        (over.value, row)
        for row in rows
        if corrected(row) and not row.broken and (over := row.metrics.get(HEADLINE)) is not None
        if over.value is not None and over.n > 1
    ]
    return [row for _, row in sorted(known, key=lambda pair: -pair[0])]


def rankable(rows: Sequence[Row]) -> list[Row]:
    """The rows that are ranked, best first: those of which the verdict says something."""
    return [row for row in by_headline(rows) if row.verdict in (Verdict.CLEARS, Verdict.DOES_NOT)]


def ranks(comparer: Comparer, rows: Sequence[Row]) -> dict[str, int]:
    """The rank of every row that has one, by key; rows that no other is better than share the first."""
    keys = [row.key for row in rankable(rows)]
    rank_of = dict.fromkeys(keys, 1)
    for pair in combinations(keys, 2):
        held = contest(comparer, *pair)
        if held is not None and held.winner >= 0:
            rank_of[pair[1 - held.winner]] += 1
    return rank_of
