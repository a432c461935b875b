"""The cells of an analytic suite: method x scenario x seed, each with its stage, or its reason to be skipped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.core.graph import KINDS, Stage
from benchmark.core.plugins import fingerprint
from benchmark.core.resources import package_versions
from benchmark.pipeline.analytic.config import AnalyticConfig
from benchmark.pipeline.analytic.stages import STUDY
from benchmark.pipeline.matrix import Cell, CellCall, Matrix, parse_methods
from benchmark.suites.analytic import AnalyticSuite
from benchmark.suites.common import suite_code
from methods import Method
from methods.base import parse_method

NUMERICS = ("torch", "scipy", "numpy")  # packages whose version can change a number

AnalyticMatrix = Matrix[AnalyticSuite, Method | str, str]


def build_matrix(config: AnalyticConfig, earlier: Sequence[CellCall] = ()) -> AnalyticMatrix:
    """The cells of a configuration, and those of an earlier run.

    Raises:
        UserError: an unknown or repeated method, or settings that cannot work.
    """
    suite = config.make_suite()
    subjects: list[Method | str] = [*parse_methods(config.methods), *suite.beside]
    wanted = [(subject, seed) for subject in subjects for seed in range(config.seeds)]
    for call, _, seed in earlier:
        wanted.append((call if call in suite.beside else parse_method(call), seed))
    make = _StageMaker(suite, config.arithmetic())
    cells: list[Cell[Method | str, str]] = []
    for subject, seed in dict.fromkeys(wanted):
        reason = None if isinstance(subject, str) else suite.skip(subject)
        stages = {} if reason else {STUDY: make.stage(subject, seed)}
        cells += [Cell(suite.name, subject, scenario, seed, stages, reason or "") for scenario in suite.scenarios]
    return Matrix(suite, tuple(cells))


class _StageMaker:
    """Makes the stages of one suite; what they share is read once."""

    def __init__(self, suite: AnalyticSuite, arithmetic: Mapping[str, str]) -> None:
        versions = package_versions()
        self._suite = suite
        self._code: dict[type[Method], str] = {}
        self._shared = {
            "suite": suite.name,
            "version": suite.version,
            "settings": suite.settings.model_dump(),
            "scenarios": list(suite.scenarios),
            "packages": {name: versions[name] for name in NUMERICS if name in versions},
            **suite_code(type(suite)),
            **arithmetic,
        }

    def stage(self, subject: Method | str, seed: int) -> Stage:
        """The stage of a method, or comparison, with a seed."""
        identity: dict[str, Any] = {**self._shared, "seed": seed}
        if isinstance(subject, str):
            identity["subject"] = subject
        else:
            cls = type(subject)
            if cls not in self._code:
                self._code[cls] = fingerprint(cls)
            identity |= {"subject": subject.name, "hparams": subject.hparams(), "code": self._code[cls]}
        identity = json.loads(json.dumps(identity))
        arguments = {"suite": self._suite, "subject": subject, "seed": seed}
        return Stage(STUDY, KINDS[STUDY].version, identity, arguments=arguments, label=identity["subject"])
