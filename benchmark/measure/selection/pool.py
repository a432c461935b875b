"""The candidates of one method: which there are, with which seeds, and what a rule may know of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchmark.measure.runs import names
from benchmark.measure.runs.groups import REFERENCE, GroupData
from benchmark.measure.selection.rules import Rule
from benchmark.measure.selection.seen import Candidate, Choice, Seen
from benchmark.measure.selection.training import training_radii
from benchmark.measure.statistics.envelope import VALIDATION, Means
from benchmark.measure.table.comparer import Judge


def candidates_of(group: GroupData, method: str) -> list[Candidate]:
    """Every checkpoint of every setting of a method that has finished a seed."""
    cells = group.cells[group.cells["method"] == method].drop_duplicates("key")
    hparams = {str(key): json.loads(text) for key, text in zip(cells["key"], cells["hparams"], strict=True)}
    facts, found = names.method_facts(method), []
    for key, mine in hparams.items():
        if not group.seeds_of(key):
            continue
        label, path = names.method_label(facts, mine, hparams.values()), group.path(key)
        found += [Candidate(key, label, group.policies[row].step, row == path[-1], row) for row in path]
    return found


def seeds_in_common(group: GroupData, candidates: Sequence[Candidate]) -> tuple[int, ...]:
    """Places of the seeds that every candidate, every plain DPO and the reference have."""
    keys = {*(candidate.key for candidate in candidates), *group.dpo_keys()}
    keys |= {REFERENCE} if group.path(REFERENCE) else set()
    return tuple(sorted(set.intersection(*(group.seeds_of(key) for key in keys))))


@dataclass(frozen=True)
class Pool:
    """What a rule chooses from: the candidates of one method, over the seeds that they share with the envelope."""

    judge: Judge
    method: str
    candidates: tuple[Candidate, ...]
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, judge: Judge, method: str) -> Pool:
        """Every policy of the method; without seeds where none is common."""
        candidates = candidates_of(judge.group, method)
        return cls(judge, method, tuple(candidates), seeds_in_common(judge.group, candidates) if candidates else ())

    def choose(self, rule: Rule) -> Choice | str:
        """What the rule takes, or why it cannot. Utilities under the evaluation shifts reach a ceiling alone."""
        tested = self.halves[VALIDATION].utility if rule.ceiling else None
        return rule.choose(replace(self._seen, tested=tested))

    @cached_property
    def halves(self) -> list[Means]:
        """Means of the candidates on validation and on test prompts."""
        return self.judge.halves([candidate.policy for candidate in self.candidates], self.seeds)

    @cached_property
    def _seen(self) -> Seen:
        validation, resamples = self.halves[VALIDATION], self.judge.resamples("validation", self.seeds)
        held_out = self.judge.group.validation.held_out[
            np.ix_([candidate.policy for candidate in self.candidates], self.seeds)
        ]
        none = np.zeros((*validation.nominal.shape, 0))
        return Seen(
            self.candidates,
            nominal=validation.nominal,
            kl=validation.kl,
            held_out=resamples.mean(held_out) if held_out.shape[-1] else none,
            radii=training_radii(self.judge.group, self.candidates, self.seeds, resamples.seeds),
        )
