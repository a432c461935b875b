"""The oracle that is judged: one setting at one checkpoint, chosen on validation prompts of its own mixture."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Ints
from benchmark.measure.runs.arenas import ArenaData
from benchmark.measure.selection.pool import candidates_of, shared_seed_rows
from benchmark.measure.selection.seen import Candidate, Choice
from benchmark.measure.selection.select import most_often, taken
from benchmark.measure.statistics.bootstrap import estimate
from benchmark.measure.statistics.envelope import ONE_WAY, TEST, Means, out_of_reach, over_envelope
from benchmark.measure.table.comparer import Comparer, estimate_over
from benchmark.report import Estimate

ORACLE, MIDDLE = "oracle", "middle"


@dataclass(frozen=True)
class ChosenOracle:
    """What the oracle's choice comes to.

    candidate: chosen most often; sample: means of the sample's choice on validation and on test prompts.
    """

    candidate: Candidate
    over: Estimate
    kl: Estimate
    sample: tuple[Means, Means]


def chosen_oracle(comparer: Comparer) -> ChosenOracle | None:
    """The setting and checkpoint of greatest gated utility at the middle mixture, chosen anew in every replicate.

    None where no oracle of the middle was finished, where the training shift has no middle, or without plain DPO.
    """
    arena = comparer.arena
    candidates = [candidate for candidate in candidates_of(arena, ORACLE) if chooses(arena, candidate.key)]
    seed_rows = shared_seed_rows(arena, candidates) if candidates else ()
    if not seed_rows or not arena.dpo_keys() or np.isnan(arena.validation.middle).all():
        return None
    policies = [candidate.policy for candidate in candidates]
    own = arena.validation.middle[np.ix_(policies, seed_rows)][..., None]
    best: Ints = comparer.resamples("validation", seed_rows).mean(own)[..., 0].argmax(axis=1)
    halves = comparer.halves(policies, seed_rows)
    choice = Choice(best, len(candidates))
    method = [taken(half, choice) for half in halves]
    dpo = comparer.envelope(seed_rows)
    over = estimate_over(
        over_envelope(dpo, method, ONE_WAY),
        len(seed_rows),
        beyond=out_of_reach(dpo, method, ONE_WAY),
        jumps=True,
    )
    kl = estimate(method[TEST].kl[:, 0], len(seed_rows), jumps=True)
    often, _ = most_often(choice)
    first, second = (Means(half.utility[:1], half.nominal[:1], half.kl[:1]) for half in method)
    return ChosenOracle(candidates[often], over, kl, (first, second))


def chooses(arena: ArenaData, key: str) -> bool:
    """Whether a row is a setting of the oracle that trains at the middle."""
    cells = arena.cells[(arena.cells["key"] == key) & (arena.cells["method"] == ORACLE)]
    return any(json.loads(text).get("at", MIDDLE) == MIDDLE for text in cells["hparams"])
