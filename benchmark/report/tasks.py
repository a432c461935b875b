"""What a row scores on lm-eval's tasks."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.report.estimates import Estimate


@dataclass(frozen=True)
class TaskScore:
    """One metric of one task or group.

    metric: as lm-eval names it; questions: behind the number, per seed; asked: whether it is the number by which the
    task stands for what was asked for; value: its mean over seeds, whose interval holds the spread of seeds and that of
    questions; difference: to the reference, paired by seed on the same questions, so that its interval is over seeds.
    """

    task: str
    metric: str
    questions: int
    asked: bool
    value: Estimate
    difference: Estimate
