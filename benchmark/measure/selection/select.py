"""Rules side by side: each takes a candidate of each method on validation prompts, and is measured on test prompts.

Choosing is part of every replicate: it sees that replicate's validation weights, so its noise is in the interval. The
DPO mixture that a choice is compared with comes from validation prompts too and is measured on test prompts, one way:
the other half took part in the selection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np

from benchmark.measure.runs.arenas import REFERENCE, ArenaData
from benchmark.measure.selection.pool import Pool, candidates_of
from benchmark.measure.selection.rules import RULES, Rule
from benchmark.measure.selection.seen import Choice
from benchmark.measure.statistics.bootstrap import estimate, replicates_of
from benchmark.measure.statistics.envelope import ONE_WAY, TEST, Means, over_envelope
from benchmark.measure.table.comparer import Comparer, estimate_over
from benchmark.report import (
    Absent,
    Caveat,
    Estimate,
    MorePolicies,
    NothingTaken,
    Row,
    Selected,
    UnequalPolicies,
    missing,
)

DPO = "dpo"


def selections(comparer: Comparer) -> tuple[Selected, ...]:
    """What every rule takes of every method that has finished a seed; the reference, with nothing to choose, apart."""
    methods = dict.fromkeys(str(method) for method in comparer.arena.cells["method"])
    pools = (Pool.of(comparer, method) for method in methods if method != REFERENCE)
    return tuple(selected(pool, rule) for pool in pools if pool.candidates for rule in RULES.values())


def selected(pool: Pool, rule: Rule) -> Selected:
    """What the rule takes, and what that gives on test prompts; or why it takes nothing."""
    choice: Choice | NothingTaken = pool.choose(rule) if pool.seed_rows else NothingTaken.NO_COMMON_SEED
    made = partial(Selected, rule.name, rule.summary, rule.ceiling, pool.method, budget=rule.budget)
    if isinstance(choice, NothingTaken):
        return made(len(pool.candidates), nothing=choice)
    often, share = most_often(choice)
    return made(
        choice.candidates,
        key=pool.candidates[often].key,
        step=pool.candidates[often].step,
        share=share,
        metrics=_metrics(pool, choice),
        lacking=choice.lacking,
        radius=choice.radius,
    )


def most_often(choice: Choice) -> tuple[int, float]:
    """The candidate that most replicates take, and their share; of equals, the one that the sample itself takes."""
    replicates = replicates_of(choice.taken)
    counts = Counter(replicates.tolist())
    counts.pop(-1, None)
    sample = int(choice.taken[0])
    often = max(counts, key=lambda candidate: (counts[candidate], candidate == sample), default=sample)
    return often, counts[often] / max(1, len(replicates))


def _metrics(pool: Pool, choice: Choice) -> dict[str, Estimate]:
    halves, seeds = [taken(half, choice) for half in pool.halves], len(pool.seed_rows)
    test = halves[TEST]
    return {
        "gated_over_envelope": _over(pool, halves),
        "gated_nominal": estimate(test.nominal[:, 0], seeds, jumps=True),
        "gated_worst_case": estimate(test.utility[:, 0].min(axis=1), seeds, jumps=True),
        "kl_to_reference": estimate(test.kl[:, 0], seeds, jumps=True),
    }


def taken(half: Means, choice: Choice) -> Means:
    """Means of what is taken, as of one policy; NaN where nothing is."""
    index, nothing = np.maximum(choice.taken, 0)[:, None], (choice.taken < 0)[:, None]
    utility = np.take_along_axis(half.utility, index[:, :, None], axis=1)
    nominal, kl = (np.take_along_axis(values, index, axis=1) for values in (half.nominal, half.kl))
    return Means(
        np.where(nothing[:, :, None], np.nan, utility),
        np.where(nothing, np.nan, nominal),
        np.where(nothing, np.nan, kl),
    )


def _over(pool: Pool, method: Sequence[Means]) -> Estimate:
    seeds = len(pool.seed_rows)
    if pool.method == DPO:
        return missing(Absent.MAKES_ENVELOPE, seeds)
    if not pool.comparer.arena.dpo_keys():
        return missing(Absent.NO_DPO, seeds)
    return estimate_over(over_envelope(pool.comparer.envelope(pool.seed_rows), method, ONE_WAY), seeds, jumps=True)


def selection_caveats(arena: ArenaData, rows: Sequence[Row]) -> tuple[Caveat, ...]:
    """What unequal numbers of candidates do to a comparison under a selection rule."""
    methods = dict.fromkeys(row.method for row in rows if row.role == "method" and row.seeds_done)
    tried = {method: len(candidates_of(arena, method)) for method in methods}
    dpo = len(candidates_of(arena, DPO))
    caveats: list[Caveat] = []
    more = tuple((method, count) for method, count in tried.items() if count > dpo)
    if more and dpo:
        caveats.append(MorePolicies(more, dpo))
    if len(set(tried.values())) > 1:
        usual = Counter(tried.values()).most_common(1)[0][0]
        caveats.append(UnequalPolicies(tuple((m, count) for m, count in tried.items() if count != usual), usual))
    return tuple(caveats)
