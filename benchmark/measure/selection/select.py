"""Rules side by side: each takes a candidate of each method on validation prompts, and is judged on test prompts.

Choosing is part of every replicate: it sees that replicate's validation weights, so its noise is in the interval. The
DPO mixture that a choice is compared with comes from validation prompts too and is judged on test prompts, one way:
the other half took part in the selection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from benchmark.measure.runs.groups import REFERENCE, GroupData
from benchmark.measure.selection.pool import Pool, candidates_of
from benchmark.measure.selection.rules import RULES, Rule
from benchmark.measure.selection.seen import Choice
from benchmark.measure.statistics.bootstrap import estimate, replicates_of
from benchmark.measure.statistics.envelope import ONE_WAY, TEST, Means, over_envelope
from benchmark.measure.table.comparer import Judge, estimate_over
from benchmark.report.types import Estimate, Row, Selected

DPO = "dpo"


def selections(judge: Judge) -> tuple[Selected, ...]:
    """What every rule takes of every method that has finished a seed; the reference, with nothing to choose, apart."""
    methods = dict.fromkeys(str(method) for method in judge.group.cells["method"])
    pools = (Pool.of(judge, method) for method in methods if method != REFERENCE)
    return tuple(selected(pool, rule) for pool in pools if pool.candidates for rule in RULES.values())


def selected(pool: Pool, rule: Rule) -> Selected:
    """What the rule takes, and what that gives on test prompts; or why it takes nothing."""
    choice: Choice | str = "no seed that every setting of this method and every DPO run finished"
    if pool.seeds:
        choice = pool.choose(rule)
    if isinstance(choice, str):
        return Selected(rule.name, pool.method, len(pool.candidates), "", 0, 0.0, {}, rule.ceiling, choice)
    often, share = most_often(choice)
    return Selected(
        rule=rule.name,
        method=pool.method,
        candidates=choice.candidates,
        key=pool.candidates[often].key,
        step=pool.candidates[often].step,
        share=share,
        metrics=_judged(pool, choice),
        ceiling=rule.ceiling,
        note=choice.note,
    )


def most_often(choice: Choice) -> tuple[int, float]:
    """The candidate that most replicates take, and their share; of equals, the one that the sample itself takes."""
    replicates = replicates_of(choice.taken)
    counts = Counter(replicates.tolist())
    counts.pop(-1, None)
    sample = int(choice.taken[0])
    often = max(counts, key=lambda place: (counts[place], place == sample), default=sample)
    return often, counts[often] / max(1, len(replicates))


def _judged(pool: Pool, choice: Choice) -> dict[str, Estimate]:
    halves, seeds = [taken(half, choice) for half in pool.halves], len(pool.seeds)
    test = halves[TEST]
    return {
        "over_envelope": _over(pool, halves),
        "nominal": estimate(test.nominal[:, 0], seeds, jumps=True),
        "worst_case": estimate(test.utility[:, 0].min(axis=1), seeds, jumps=True),
        "kl_to_reference": estimate(test.kl[:, 0], seeds, jumps=True),
    }


def taken(half: Means, choice: Choice) -> Means:
    """Means of what is taken, as of one policy; NaN where nothing is."""
    place, nothing = np.maximum(choice.taken, 0)[:, None], (choice.taken < 0)[:, None]
    utility = np.take_along_axis(half.utility, place[:, :, None], axis=1)
    nominal, kl = (np.take_along_axis(values, place, axis=1) for values in (half.nominal, half.kl))
    return Means(
        np.where(nothing[:, :, None], np.nan, utility),
        np.where(nothing, np.nan, nominal),
        np.where(nothing, np.nan, kl),
    )


def _over(pool: Pool, method: Sequence[Means]) -> Estimate:
    seeds = len(pool.seeds)
    if pool.method == DPO:
        return Estimate(None, n=seeds, note="plain DPO is what the envelope is made of")
    if not pool.judge.group.dpo_keys():
        return Estimate(None, n=seeds, note="no plain DPO run to compare with")
    return estimate_over(over_envelope(pool.judge.envelope(pool.seeds), method, ONE_WAY), seeds, jumps=True)


def selection_caveats(group: GroupData, rows: Sequence[Row]) -> tuple[str, ...]:
    """What unequal numbers of candidates do to a comparison under a selection rule."""
    methods = dict.fromkeys(row.method for row in rows if row.role == "method" and row.seeds_done)
    tried = {method: len(candidates_of(group, method)) for method in methods}
    dpo, caveats = len(candidates_of(group, DPO)), []
    more = [f"{method} ({count})" for method, count in tried.items() if count > dpo]
    if more and dpo:
        caveats.append(
            f"Under a selection rule, {', '.join(more)} may choose from more policies than plain DPO has ({dpo}): that "
            "flatters them against the envelope."
        )
    if len(set(tried.values())) > 1:
        usual = Counter(tried.values()).most_common(1)[0][0]
        unusual = ", ".join(f"{count} of {method}" for method, count in tried.items() if count != usual)
        caveats.append(
            "Selection rules choose from unequal numbers of policies (settings x checkpoints): "
            f"{unusual}; {usual} of every other method."
        )
    return tuple(caveats)
