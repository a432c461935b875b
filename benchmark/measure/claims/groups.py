"""Claims checked on a group of a text suite: one method's number, or two methods' difference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.claims.catalogue import DifferenceCheck, MetricCheck
from benchmark.measure.claims.replicates import PER_CELL, far_place, has_axis, known_seeds, per_seed, resampled
from benchmark.measure.claims.verdict import Finding, finding, interval
from benchmark.measure.records.across import anchor
from benchmark.measure.records.utilities import Kind
from benchmark.measure.runs import names
from benchmark.measure.statistics.bootstrap import estimate, estimate_over_seeds
from benchmark.measure.table.comparer import EDGE, EMPTY, Judge, estimate_over
from benchmark.report.types import Estimate

WORDS = {
    "nominal": "reward at the training shift",
    "far_end": "reward under {far}",
    "fall": "fall of the reward from the training shift to {far}",
    "over_envelope": "worst case over the DPO envelope, gated",
    "logp_chosen": "change of log-probability of chosen completions, nats",
    "logp_rejected": "change of log-probability of rejected completions, nats",
}
NEEDS_AXIS = ("far_end", "fall")
GroupCheck: TypeAlias = MetricCheck | DifferenceCheck


def check_group(judge: Judge, check: GroupCheck) -> Finding | None:
    """What one group says to one check; None where the check is not about this training shift.

    Where a method ran with several settings, the number is their mean: no setting is picked. The rival of a setting is
    the one of the same beta (see `across.anchor`). Rewards are without the language gate, as in the papers; what the
    gate makes of them stands beside.
    """
    if not _applies(judge, check):
        return None
    where = f"{judge.group.runs.suite}, {names.shift_label(judge.group.train)}"
    if check.metric in NEEDS_AXIS and not has_axis(judge):
        return Finding(where, "the evaluation shifts have no axis, so there is no far end", "not run here")
    pairs = _pairs(judge, check)
    if isinstance(pairs, str):
        return Finding(where, pairs, "not run here")
    shared = [known_seeds(judge, key, check.metric) for pair in pairs for key in pair]
    if check.metric == "over_envelope":
        shared += [_envelope_seeds(judge, key) for key, *_ in pairs]
    seeds = tuple(sorted(set.intersection(*shared)))
    if not seeds:
        return Finding(where, f"{check.metric}: no seed has it for all of {_what(judge, pairs)}", "not run here")
    gated: Kind = "gated" if check.metric == "over_envelope" else "ungated"
    told = _estimate(judge, check, pairs, seeds, gated)
    words = WORDS[check.metric].format(far=_far_label(judge))
    more = ""
    if gated == "ungated" and check.metric not in PER_CELL:
        more = f"; with the language gate {interval(_estimate(judge, check, pairs, seeds, 'gated'))}"
    if told.note.startswith((EMPTY, EDGE)):
        return Finding(where, f"{_what(judge, pairs)}, {words}: {told.note}", "not separable")
    return finding(check, where, f"{_what(judge, pairs)}, {words}", told, more)


def _applies(judge: Judge, check: GroupCheck) -> bool:
    train, where = judge.group.train, check.where
    family = where.shift is None or train.name == where.shift
    return family and (where.mixing is None or getattr(train, "kind", None) == where.mixing)


def _pairs(judge: Judge, check: GroupCheck) -> list[tuple[str, ...]] | str:
    """Every setting of the method, with its rival where there is one; or what is missing."""
    mine = _keys(judge, check.method)
    if not mine:
        return f"no {_title(check.method)} was finished"
    if isinstance(check, MetricCheck):
        return [(key,) for key in mine]
    theirs = _keys(judge, check.against)
    if not theirs:
        return f"no {_title(check.against)} was finished"
    hparams = dict(zip(judge.group.cells["key"], judge.group.cells["hparams"], strict=True))
    by_hparams = {hparams[key]: key for key in theirs}
    return [(key, by_hparams[str(anchor(hparams[key], list(by_hparams)))]) for key in mine]


def _keys(judge: Judge, method: str) -> list[str]:
    cells = judge.group.cells
    return [key for key in dict.fromkeys(cells.loc[cells["method"] == method, "key"]) if judge.group.seeds_of(key)]


def _envelope_seeds(judge: Judge, key: str) -> set[int]:
    against = judge.against(key)
    return set() if isinstance(against, str) else set(against.seeds)


def _estimate(
    judge: Judge,
    check: GroupCheck,
    pairs: Sequence[tuple[str, ...]],
    seeds: tuple[int, ...],
    kind: Kind,
) -> Estimate:
    """The mean over the settings, of each its number or its difference to its rival."""

    def of(key: str) -> Floats:
        if check.metric in PER_CELL:
            return per_seed(judge, key, check.metric)[list(seeds)]
        return resampled(judge, key, check.metric, seeds, kind)

    rows = np.stack([of(pair[0]) - of(pair[1]) if len(pair) == 2 else of(pair[0]) for pair in pairs])
    if check.metric == "over_envelope":
        judged = rows[~np.isnan(rows[:, 0])]  # a setting that wins by its nominal reward has no worst case to compare
        return estimate_over((judged if len(judged) else rows).mean(axis=0), len(seeds))
    if check.metric in PER_CELL:
        return estimate_over_seeds(rows.mean(axis=0))
    return estimate(rows.mean(axis=0), len(seeds))


def _what(judge: Judge, pairs: Sequence[tuple[str, ...]]) -> str:
    """Such as `KLDPO (mean of 3 settings) minus DPO β=0.1`."""
    return " minus ".join(_named(judge, list(dict.fromkeys(side))) for side in zip(*pairs, strict=True))


def _named(judge: Judge, keys: Sequence[str]) -> str:
    cells = judge.group.cells.drop_duplicates("key").set_index("key")
    method = str(cells.loc[keys[0], "method"])
    facts = names.method_facts(method)
    if len(keys) > 1:
        return f"{facts.title} (mean of {len(keys)} settings)"
    siblings = [json.loads(text) for text in cells.loc[cells["method"] == method, "hparams"]]
    return names.method_label(facts, json.loads(str(cells.loc[keys[0], "hparams"])), siblings)


def _far_label(judge: Judge) -> str:
    return names.shift_label(judge.group.evaluated[far_place(judge)])


def _title(method: str) -> str:
    return names.method_facts(method).title
