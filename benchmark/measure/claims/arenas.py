"""Claims checked on an arena of a text suite: one method's number, or two methods' difference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.claims.catalogue import TASK_METRICS, DifferenceCheck, MetricCheck
from benchmark.measure.claims.replicates import (
    GATED,
    PER_CELL,
    at_kl_of,
    far_column,
    has_axis,
    known_seed_rows,
    per_seed,
    resampled,
)
from benchmark.measure.claims.verdict import finding, unchecked
from benchmark.measure.records.across import anchor
from benchmark.measure.records.utilities import Kind
from benchmark.measure.runs import names
from benchmark.measure.statistics.bootstrap import estimate, estimate_over_seeds
from benchmark.measure.table.comparer import Against, Comparer, estimate_over
from benchmark.report import Estimate, Finding, Measured, NotChecked, Place, Subject, Unchecked

NEEDS_AXIS = ("far_end", "fall")
ArenaCheck: TypeAlias = MetricCheck | DifferenceCheck
Pair: TypeAlias = tuple[str, ...]  # a setting's key, and its rival's where there is one


def check_arena(comparer: Comparer, check: ArenaCheck) -> Finding | None:
    """What one arena says to one check; None where the check is not about this training shift, or is about a task of
    lm-eval that the arena was not held to.

    Where a method ran with several settings, the number is their mean: no setting is picked. The rival of a setting is
    the one of the same beta (see `across.anchor`). Utilities are without the language gate, as in the papers; what the
    gate makes of them stands beside.
    """
    if not _applies(comparer, check):
        return None
    arena = comparer.arena
    place = Place(arena.runs.suite, names.shift_label(arena.train))
    if check.metric in NEEDS_AXIS and not has_axis(comparer):
        return unchecked(place, Unchecked(NotChecked.NO_AXIS))
    pairs = _pairs(comparer, check)
    if isinstance(pairs, Unchecked):
        return unchecked(place, pairs)
    subject, rival = _subjects(comparer, pairs)
    seed_rows = _shared_seed_rows(comparer, check, pairs)
    if not seed_rows:
        why = Unchecked(NotChecked.NO_COMMON_SEED, metric=check.metric, subject=subject, rival=rival)
        return unchecked(place, why)
    both = check.metric not in (*PER_CELL, GATED)
    measured = Measured(
        metric=check.metric,
        subject=subject,
        rival=rival,
        far_shift=names.shift_label(arena.evaluated[far_column(comparer)]) if check.metric in NEEDS_AXIS else "",
        estimate=_estimate(comparer, check, pairs, seed_rows, "gated" if check.metric == GATED else "ungated"),
        gated=_estimate(comparer, check, pairs, seed_rows, "gated") if both else None,
        matched_kl=_at_equal_kl(comparer, check, pairs, seed_rows),
        claimed=check.claimed,
        threshold=check.threshold,
    )
    return finding(place, measured)


def _applies(comparer: Comparer, check: ArenaCheck) -> bool:
    train, where = comparer.arena.train, check.where
    family = where.shift is None or train.name == where.shift
    if check.metric in TASK_METRICS and check.metric not in set(comparer.arena.runs.results["metric"]):
        return False
    return family and (where.mixing is None or getattr(train, "kind", None) == where.mixing)


def _pairs(comparer: Comparer, check: ArenaCheck) -> list[Pair] | Unchecked:
    """Every setting of the method, with its rival where there is one; or what is missing."""
    mine = _keys(comparer, check.method)
    if not mine:
        return Unchecked(NotChecked.NOT_FINISHED, method=names.method_facts(check.method).title)
    if isinstance(check, MetricCheck):
        return [(key,) for key in mine]
    theirs = _keys(comparer, check.against)
    if not theirs:
        return Unchecked(NotChecked.NOT_FINISHED, method=names.method_facts(check.against).title)
    hparams = dict(zip(comparer.arena.cells["key"], comparer.arena.cells["hparams"], strict=True))
    by_hparams = {hparams[key]: key for key in theirs}
    return [(key, by_hparams[str(anchor(hparams[key], list(by_hparams)))]) for key in mine]


def _keys(comparer: Comparer, method: str) -> list[str]:
    cells = comparer.arena.cells
    keys = dict.fromkeys(cells.loc[cells["method"] == method, "key"])
    return [key for key in keys if comparer.arena.seed_rows(key)]


def _shared_seed_rows(comparer: Comparer, check: ArenaCheck, pairs: Sequence[Pair]) -> tuple[int, ...]:
    """Rows of the seeds for which every setting and every rival have the number."""
    shared = [known_seed_rows(comparer, key, check.metric) for pair in pairs for key in pair]
    if check.metric == GATED:
        sides = [comparer.against(key) for key, *_ in pairs]
        shared += [set(side.seed_rows) if isinstance(side, Against) else set() for side in sides]
    return tuple(sorted(set.intersection(*shared)))


def _estimate(
    comparer: Comparer, check: ArenaCheck, pairs: Sequence[Pair], seed_rows: tuple[int, ...], kind: Kind
) -> Estimate:
    """The mean over the settings, of each its number or its difference to its rival."""

    def of(key: str) -> Floats:
        if check.metric in PER_CELL:
            return per_seed(comparer, key, check.metric)[list(seed_rows)]
        return resampled(comparer, key, check.metric, seed_rows, kind)

    settings = np.stack([of(pair[0]) - of(pair[1]) if len(pair) == 2 else of(pair[0]) for pair in pairs])
    if check.metric == GATED:
        known = settings[~np.isnan(settings[:, 0])]  # a setting that wins by its nominal utility has no worst case
        return estimate_over((known if len(known) else settings).mean(axis=0), len(seed_rows))
    if check.metric in PER_CELL:
        return estimate_over_seeds(settings.mean(axis=0))
    return estimate(settings.mean(axis=0), len(seed_rows))


def _at_equal_kl(
    comparer: Comparer, check: ArenaCheck, pairs: Sequence[Pair], seed_rows: tuple[int, ...]
) -> Estimate | None:
    """The difference to each rival stopped where it has the setting's KL; None where a claim is about no shift, or one
    setting lies beyond its rival's KL."""
    if check.metric not in NEEDS_AXIS or not isinstance(check, DifferenceCheck):
        return None
    gaps = []
    for key, rival in pairs:
        theirs = at_kl_of(comparer, key, rival, check.metric, seed_rows, "ungated")
        if theirs is None:
            return None
        gaps.append(resampled(comparer, key, check.metric, seed_rows, "ungated") - theirs)
    return estimate(np.mean(gaps, axis=0), len(seed_rows))


def _subjects(comparer: Comparer, pairs: Sequence[Pair]) -> tuple[Subject, Subject | None]:
    """What is measured, and what is subtracted from it."""
    sides = [_subject(comparer, list(dict.fromkeys(side))) for side in zip(*pairs, strict=True)]
    return sides[0], sides[1] if len(sides) == 2 else None


def _subject(comparer: Comparer, keys: Sequence[str]) -> Subject:
    cells = comparer.arena.cells.drop_duplicates("key").set_index("key")
    method = str(cells.loc[keys[0], "method"])
    facts = names.method_facts(method)
    if len(keys) > 1:
        return Subject(facts.title, len(keys))
    siblings = [json.loads(text) for text in cells.loc[cells["method"] == method, "hparams"]]
    return Subject(names.method_label(facts, json.loads(str(cells.loc[keys[0], "hparams"])), siblings))
