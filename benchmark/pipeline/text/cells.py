"""The cells of a text suite: methods x training shifts x seeds, each as the stages that make it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.core.errors import UserError
from benchmark.core.hub import check_offline
from benchmark.pipeline.matrix import CellCall, Matrix, distinct, parse_methods
from benchmark.pipeline.text.answered import AnswerBuilder
from benchmark.pipeline.text.builder import StageBuilder, TextMatrix
from benchmark.pipeline.text.config import TextConfig
from benchmark.pipeline.text.generated import GeneratedBuilder
from benchmark.pipeline.text.labelled import LabelledBuilder
from benchmark.suites.answers import AnswerSuite
from benchmark.suites.base import Suite
from benchmark.suites.generated import GeneratedSuite
from benchmark.suites.labelled import LabelledSuite
from methods.base import parse_method
from shifts import Shift
from shifts.base import check_objectives, parse_shift

# How policies are judged decides which stages make a cell.
BUILDERS: tuple[tuple[Any, type[StageBuilder[Any]]], ...] = (
    (GeneratedSuite, GeneratedBuilder),
    (AnswerSuite, AnswerBuilder),
    (LabelledSuite, LabelledBuilder),
)


def build_matrix(config: TextConfig, backend: str, earlier: Sequence[CellCall] = ()) -> TextMatrix:
    """The matrix of a configuration, and of cells of an earlier run.

    Raises:
        UserError: an unknown method, shift, objective, or a suite that cannot work.
    """
    suite = config.make_suite()
    check_offline(suite.needed())
    suite.check()
    suite.check_backend(backend)
    methods = parse_methods(config.methods)
    shifts = distinct([shift for text in _train_shifts(config, suite) for shift in parse_shift(text)], "training shift")
    wanted = [(method, shift, seed) for shift in shifts for method in methods for seed in range(config.seeds)]
    wanted += [
        (parse_method(text), shift, seed)
        for beside in config.extra
        for shift in parse_shift(beside.train_shift)
        for text in beside.methods
        for seed in range(config.seeds)
    ]
    wanted += [(parse_method(method), parse_shift(shift)[0], seed) for method, shift, seed in earlier]
    wanted = list(dict.fromkeys(wanted))
    builder = make_builder(suite, config, backend)
    evaluation = {shift: _evaluation(config, shift) for shift in dict.fromkeys(shift for _, shift, _ in wanted)}
    for shift, points in evaluation.items():
        for point in (shift, *points):
            check_objectives(point, suite.objectives)
            builder.check_shift(point)
    return Matrix(suite, tuple(builder.cell(*cell) for cell in wanted), evaluation)


def make_builder(suite: Suite, config: TextConfig, backend: str) -> StageBuilder:
    """What makes the stages of the suite's cells."""
    cls = next(builder for kind, builder in BUILDERS if isinstance(suite, kind))
    return cls(suite, config, backend)


def _train_shifts(config: TextConfig, suite: Suite) -> list[str]:
    """Those of the configuration, else the suite's own."""
    calls = config.train_shifts or suite.default_train_shifts()
    if not calls:
        raise UserError(f"suite {suite.name} has no training shift of its own: name one with --train-shifts.")
    return calls


def _evaluation(config: TextConfig, shift: Shift) -> tuple[Shift, ...]:
    if config.eval_shifts is None:
        points = shift.evaluation_grid()
    else:
        points = [point for text in config.eval_shifts for point in parse_shift(text)]
    return tuple(dict.fromkeys(points))
