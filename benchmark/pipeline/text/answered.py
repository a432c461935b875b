"""Cells of suites whose policies are judged by their distribution over finite sets of answers."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from benchmark.core.graph import Stage
from benchmark.measure.records.asked import check_linear
from benchmark.pipeline.text.builder import StageBuilder, labelling_shifts, shift_code
from benchmark.pipeline.text.stages.common import EVALUATED
from benchmark.suites.answers import AnswerSuite
from methods import Method
from shifts import Shift
from shifts.base import ON_POLICY


class AnswerBuilder(StageBuilder[AnswerSuite]):
    """Pairs are two answers to one question; what a policy answers is computed, never drawn."""

    def pairs(self, shift: Shift, seed: int) -> Stage:
        """Pairs labelled under `shift`, as the policy's tokens."""
        labelling = self.labelling()
        identity = {
            "shift": str(shift),
            "code": shift_code(labelling_shifts(shift)),
            "labels": labelling.__dict__,
            "questions": self.suite.questions_spec("train"),
            "count": self.suite.train_pairs,
            "seed": seed,
        }
        arguments = {"suite": self.suite, "shift": shift, "labelling": labelling, "seed": seed}
        inputs = {"policy": self.policy(seed % self.config.policy_seeds)}
        return self.stage("answer_pairs", identity, inputs=inputs, arguments=arguments)

    def no_pairs(self, shift: Shift) -> str:
        """Answers are given, so none comes from elsewhere than the others."""
        return "" if shift.heats == ON_POLICY else f"{self.suite.name} has a finite set of answers: none is off-policy"

    def check_shift(self, shift: Shift) -> None:
        """Where an objective was not asked every question, only weighted sums of objectives have a mean."""
        super().check_shift(shift)
        check_linear([shift], self._unknown_somewhere)

    @cached_property
    def _unknown_somewhere(self) -> bool:
        return any(np.isnan(np.concatenate(self.suite.questions(split).rewards)).any() for split in EVALUATED)

    def outcome(self, stages: dict[str, Stage], method: Method, shift: Shift, seed: int) -> dict[str, Stage]:
        """What every checkpoint answers."""
        names = ("policy", "trained_policy", "pairs")
        inputs = {name: stages[name] for name in names if name in stages}
        identity = {"questions": [self.suite.questions_spec("validation"), self.suite.questions_spec("test")]}
        return {"answers": self.stage("judged_answers", identity, inputs=inputs, arguments={"suite": self.suite})}
