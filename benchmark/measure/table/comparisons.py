"""Every row against plain DPO, corrected for how many rows there are; and which rows share a rank.

**Against DPO.** The gated worst case of a row minus that of plain DPO at its default setting, over the seeds that both
have, in the same resamples. p is two-sided and inverts the interval: the least level at which it excludes 0, and never
said to be below `LEAST_P`, since nothing is known of tails so far out. p_holm corrects it for all comparisons of the
table (Holm, Scandinavian Journal of Statistics 6, 1979), those of baselines and controls among them: whoever reads a
table reads all of it, and a control whose difference is plain costs the other rows nothing, for Holm's procedure is
done with it first. So p_holm, and it alone, depends on what else is in the table.

**Ranks** are of `over_envelope`, by which the table is sorted. The worst case itself would put the untouched reference
first wherever objectives conflict. A row's rank is 1 + the number of rows that are better by more than the 95% interval
of the paired difference, which is not corrected for the number of pairs. Methods and baselines are ranked. Not ranked
are plain DPO, of which the envelope is made and whose rows are judged without themselves, the reference, controls and
rows without an `over_envelope`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.records.across import anchor
from benchmark.measure.runs.groups import GroupData
from benchmark.measure.statistics.bootstrap import LEVEL, estimate, spread_of
from benchmark.measure.statistics.spread import Spread
from benchmark.measure.table.comparer import Against, Judge
from benchmark.report.types import Comparison, Estimate, Row, Standing

LEAST_P = 1e-6
DPO = "dpo"


def comparisons(judge: Judge, keys: Sequence[str]) -> dict[str, Comparison]:
    """Every row of a table against plain DPO at its default setting, by key; that DPO row itself has none."""
    against = default_dpo(judge.group)
    if against is None:
        return {}
    alone = {key: _alone(judge, key, against) for key in keys if key != against}
    tested = {key: told.p for key, told in alone.items() if told.p is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {key: _corrected(told, corrected.get(key)) for key, told in alone.items()}


def default_dpo(group: GroupData) -> str | None:
    """Key of the plain DPO row of the default beta, else of the first by its hyper-parameters; None without DPO."""
    hparams = dict(zip(group.cells["key"], group.cells["hparams"], strict=True))
    keys = {str(hparams[dpo]): dpo for dpo in group.dpo_keys()}
    chosen = anchor("{}", list(keys))
    return None if chosen is None else keys[chosen]


def _alone(judge: Judge, key: str, against: str) -> Comparison:
    """One comparison, before any correction."""
    seeds = tuple(sorted(judge.group.seeds_of(key) & judge.group.seeds_of(against)))
    if not seeds:
        return Comparison(against, Estimate(None, note="no seed in common with plain DPO"))
    values = judge.worst_case(key, seeds) - judge.worst_case(against, seeds)
    difference = estimate(values, len(seeds))
    if len(seeds) == 1:
        return Comparison(against, difference)
    return Comparison(against, difference, max(LEAST_P, spread_of(values, len(seeds)).p_value(float(values[0]))))


def _corrected(told: Comparison, p_holm: float | None) -> Comparison:
    if p_holm is None or told.difference.value is None:
        return told
    verdict: Standing = "not separable"
    if p_holm < 1 - LEVEL:
        verdict = "better" if told.difference.value > 0 else "worse"
    return Comparison(told.against, told.difference, told.p, p_holm, verdict)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given: the k-th least of m times m - k + 1, never below a lesser one's."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return [float(value) for value in np.minimum(adjusted, 1.0)]


def words(comparison: Comparison | None) -> str:
    """The verdict as a sentence, where it says that the row differs from plain DPO; else nothing."""
    if comparison is None or comparison.verdict not in ("better", "worse"):
        return ""
    p = "p < .001" if (comparison.p_holm or 0.0) < 1e-3 else f"p = {comparison.p_holm:.3f}".replace("0.", ".")
    return f" Worst case {comparison.verdict} than plain DPO's at its default setting (Holm {p})."


@dataclass(frozen=True)
class Contest:
    """Two rows by `over_envelope`, over the seeds that both have."""

    difference: float  # of the first and the second
    spread: Spread

    @property
    def winner(self) -> int:
        """0 or 1: the row that is better by more than the 95% interval of the difference; -1 where none is."""
        if self.spread.seeds < 2 or not abs(self.difference) > float(self.spread.half_width(1 - LEVEL)):
            return -1
        return 0 if self.difference > 0 else 1


def contest(judge: Judge, first: str, second: str) -> Contest | None:
    """The paired difference of two rows; None where either has no `over_envelope` or no seed is common."""
    sides = [judge.against(key) for key in (first, second)]
    judged = [side for side in sides if isinstance(side, Against)]
    if len(judged) < len(sides):
        return None
    seeds = tuple(sorted(set.intersection(*(set(side.seeds) for side in judged))))
    if not seeds:
        return None
    mine, theirs = (judge.over_values(Against(side.key, seeds, side.policies)) for side in judged)
    values: Floats = mine - theirs
    return None if np.isnan(values[0]) else Contest(float(values[0]), spread_of(values, len(seeds)))


def rankable(rows: Sequence[Row]) -> list[Row]:
    """The rows that are ranked, best first."""
    ranked = [
        (row.metrics["over_envelope"].value, row)
        for row in rows
        if row.role in ("method", "baseline") and row.method != DPO and "over_envelope" in row.metrics
    ]
    known = [(value, row) for value, row in ranked if value is not None and row.metrics["over_envelope"].n > 1]
    return [row for _, row in sorted(known, key=lambda pair: -pair[0])]


def ranks(judge: Judge, rows: Sequence[Row]) -> dict[str, int]:
    """The rank of every row that has one, by key; rows that no other is better than share the first."""
    keys = [row.key for row in rankable(rows)]
    found = dict.fromkeys(keys, 1)
    for pair in combinations(keys, 2):
        told = contest(judge, *pair)
        if told is not None and told.winner >= 0:
            found[pair[1 - told.winner]] += 1
    return found
