"""The candidates of one method: which there are, with which seeds, and what a rule may know of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchmark.measure.runs import names
from benchmark.measure.runs.arenas import REFERENCE, ArenaData
from benchmark.measure.selection.rules import Rule
from benchmark.measure.selection.seen import Candidate, Choice, Seen
from benchmark.measure.selection.training import training_radii
from benchmark.measure.statistics.envelope import VALIDATION, Means
from benchmark.measure.table.comparer import Comparer
from benchmark.report import NothingTaken


def candidates_of(arena: ArenaData, method: str) -> list[Candidate]:
    """Every checkpoint of every setting of a method that has finished a seed."""
    cells = arena.cells[arena.cells["method"] == method].drop_duplicates("key")
    hparams = {str(key): json.loads(text) for key, text in zip(cells["key"], cells["hparams"], strict=True)}
    facts, candidates = names.method_facts(method), []
    for key, mine in hparams.items():
        if not arena.seed_rows(key):
            continue
        label, trajectory = names.method_label(facts, mine, hparams.values()), arena.trajectory(key)
        candidates += [Candidate(key, label, arena.policies[p].step, p == trajectory[-1], p) for p in trajectory]
    return candidates


def shared_seed_rows(arena: ArenaData, candidates: Sequence[Candidate]) -> tuple[int, ...]:
    """Rows of the seeds that every candidate, every plain DPO and the reference have."""
    keys = {*(candidate.key for candidate in candidates), *arena.dpo_keys()}
    keys |= {REFERENCE} if arena.trajectory(REFERENCE) else set()
    return tuple(sorted(set.intersection(*(arena.seed_rows(key) for key in keys))))


@dataclass(frozen=True)
class Pool:
    """What a rule chooses from: the candidates of one method, over the seeds that they share with the envelope."""

    comparer: Comparer
    method: str
    candidates: tuple[Candidate, ...]
    seed_rows: tuple[int, ...]

    @classmethod
    def of(cls, comparer: Comparer, method: str) -> Pool:
        """Every policy of the method; without seeds where none is common."""
        candidates = candidates_of(comparer.arena, method)
        return cls(
            comparer, method, tuple(candidates), shared_seed_rows(comparer.arena, candidates) if candidates else ()
        )

    def choose(self, rule: Rule) -> Choice | NothingTaken:
        """What the rule takes, or why it cannot. Utilities under the evaluation shifts reach a ceiling alone."""
        tested = self.halves[VALIDATION].utility if rule.ceiling else None
        return rule.choose(replace(self._seen, tested=tested))

    @cached_property
    def halves(self) -> list[Means]:
        """Means of the candidates on validation and on test prompts."""
        return self.comparer.halves([candidate.policy for candidate in self.candidates], self.seed_rows)

    @cached_property
    def _seen(self) -> Seen:
        validation, resamples = self.halves[VALIDATION], self.comparer.resamples("validation", self.seed_rows)
        held_out = self.comparer.arena.validation.held_out[
            np.ix_([candidate.policy for candidate in self.candidates], self.seed_rows)
        ]
        none = np.zeros((*validation.nominal.shape, 0))
        return Seen(
            self.candidates,
            nominal=validation.nominal,
            kl=validation.kl,
            held_out=resamples.mean(held_out) if held_out.shape[-1] else none,
            radii=training_radii(self.comparer.arena, self.candidates, self.seed_rows, resamples.seeds),
        )
