"""Cells of suites of fixed pairs that people labelled."""

from __future__ import annotations

from functools import cached_property
from itertools import combinations

import numpy as np

from benchmark.core.errors import UserError
from benchmark.core.graph import Stage
from benchmark.measure.records.asked import check_linear
from benchmark.pipeline.text.builder import StageBuilder, shift_code
from benchmark.pipeline.text.config import TextConfig
from benchmark.pipeline.text.label_draws import members
from benchmark.pipeline.text.stages.common import EVALUATED
from benchmark.suites.labelled import LabelledSuite
from methods import Method
from shifts import Shift
from shifts.labels import LUCE, Labelling


class LabelledBuilder(StageBuilder[LabelledSuite]):
    """Pairs and their labels are given; a shift says whose labels train. A policy is judged by how it orders pairs."""

    def __init__(self, suite: LabelledSuite, config: TextConfig, backend: str) -> None:
        super().__init__(suite, config, backend)
        if "labels" in config.model_fields_set:
            raise UserError(f"labels.* has no meaning in suite {suite.name}: labels are people's own. Leave it out.")

    def no_pairs(self, shift: Shift) -> str:
        """What changes how labels come has nothing to change."""
        return "" if shift.plain() is None else f"labels are people's own: {shift.name} cannot say how they come"

    def pairs(self, shift: Shift, seed: int) -> Stage:
        """Labels of the groups of `shift`, as the policy's tokens."""
        members(shift, self.suite.objectives)  # who labels, or a UserError
        identity = {
            "shift": str(shift),
            "code": shift_code([shift]),
            "labels": self.suite.labels_spec(),
            "count": self.suite.train_pairs,
            "seed": seed,
        }
        arguments = {"suite": self.suite, "shift": shift, "seed": seed, "labelling": self.labelling()}
        inputs = {"policy": self.policy(seed % self.config.policy_seeds)}
        return self.stage("labelled_pairs", identity, inputs=inputs, arguments=arguments)

    def labelling(self) -> Labelling:
        """A label of a group is one response with the share of its people who chose it."""
        return Labelling(LUCE)

    def check_shift(self, shift: Shift) -> None:
        """Where not every group labelled every pair, only weighted sums have a mean; domains share no prompt."""
        check_linear([shift], self._unknown_somewhere)
        if shift.of_prompts and (shared := self._share_prompts(shift)):
            raise UserError(
                f"{shift}: {' and '.join(shared)} labelled the same prompts, so they are no domains of prompts. Mix "
                "them as annotator_groups."
            )

    def _share_prompts(self, shift: Shift) -> list[str]:
        """The first two groups of the shift that labelled the same prompt; empty where none did."""
        pairs = combinations(shift.objectives, 2)
        return next(([one, other] for one, other in pairs if self._asked[one] & self._asked[other]), [])

    @cached_property
    def _asked(self) -> dict[str, set[str]]:
        """The prompts of all splits to which each group gave a label."""
        labels, asked = self.suite.labels(), {}
        held_out = [self.suite.held_out(split) for split in EVALUATED]
        for number, name in enumerate(self.suite.objectives):
            asked[name] = {labels.prompts[row] for row in np.flatnonzero(labels.groups == number)}
            for pairs in held_out:
                asked[name] |= {pairs.prompts[row] for row in np.flatnonzero(~np.isnan(pairs.chose_first[:, number]))}
        return asked

    @cached_property
    def _unknown_somewhere(self) -> bool:
        return any(bool(np.isnan(self.suite.held_out(split).chose_first).any()) for split in EVALUATED)

    def outcome(self, stages: dict[str, Stage], method: Method, shift: Shift, seed: int) -> dict[str, Stage]:
        """How every checkpoint orders the held-out pairs."""
        names = ("policy", "trained_policy", "pairs")
        inputs = {name: stages[name] for name in names if name in stages}
        identity = {"labels": self.suite.labels_spec()}
        return {"judged": self.stage("judged_pairs", identity, inputs=inputs, arguments={"suite": self.suite})}
