"""The cells of an analytic suite: method x scenario x seed, each with its stage, or its reason to be skipped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmark.core.errors import UserError
from benchmark.core.graph import KINDS, Stage
from benchmark.core.plugins import fingerprint
from benchmark.core.resources import package_versions
from benchmark.pipeline.analytic.stages import KIND
from benchmark.pipeline.config import StudyConfig
from benchmark.suites.analytic import Study
from methods import Method
from methods.base import parse_method

NUMERICS = ("torch", "scipy", "numpy")  # packages whose version can change a number


@dataclass(frozen=True)
class StudyCell:
    """One method, or comparison, in one scenario with one seed."""

    suite: str
    method: Method | str
    train_shift: str  # the scenario
    seed: int
    stages: dict[str, Stage]  # empty where skipped
    skipped: str = ""

    @property
    def cell_id(self) -> str:
        """Twelve hexadecimal digits that name the cell and what determines it."""
        result = self.stages[KIND].key if self.stages else ""
        text = "\x1f".join([self.suite, str(self.method), self.train_shift, str(self.seed), result])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """Of the method without its hyper-parameters."""
        return self.method if isinstance(self.method, str) else self.method.name

    @property
    def hparams(self) -> dict[str, Any]:
        """Hyper-parameters; a comparison has none."""
        return {} if isinstance(self.method, str) else self.method.hparams()


@dataclass(frozen=True)
class StudyMatrix:
    """All cells of a run."""

    suite: Study
    cells: tuple[StudyCell, ...]
    evaluation: dict[Any, tuple[Any, ...]] = field(default_factory=dict)  # there are no evaluation shifts

    def stages(self) -> list[Stage]:
        """The results that are wanted, each once."""
        return list({cell.stages[KIND].key: cell.stages[KIND] for cell in self.cells if cell.stages}.values())


def build_study_matrix(config: StudyConfig, earlier: Sequence[tuple[str, str, int]] = ()) -> StudyMatrix:
    """The cells of a configuration, and those of an earlier run given as (method, scenario, seed).

    Raises:
        UserError: an unknown or repeated method, or settings that cannot work.
    """
    study = config.make_study()
    methods: list[Method | str] = [parse_method(text) for text in config.methods]
    repeated = [str(method) for method in dict.fromkeys(methods) if methods.count(method) > 1]
    if repeated:
        raise UserError(f"method given twice: {', '.join(repeated)}.")
    subjects = [*methods, *study.beside]
    wanted = [(subject, seed) for subject in subjects for seed in range(config.seeds)]
    wanted += [(call if call in study.beside else parse_method(call), seed) for call, _, seed in earlier]
    make, cells = _StageMaker(study), []
    for subject, seed in dict.fromkeys(wanted):
        reason = None if isinstance(subject, str) else study.skip(subject)
        stages = {} if reason else {KIND: make.stage(subject, seed)}
        cells += [StudyCell(study.name, subject, s, seed, stages, reason or "") for s in study.scenarios]
    return StudyMatrix(study, tuple(cells))


class _StageMaker:
    """Makes the stages of one study; what they share is read once."""

    def __init__(self, study: Study) -> None:
        versions = package_versions()
        self._study = study
        self._code: dict[type[Method], str] = {}
        self._shared = {
            "suite": study.name,
            "version": study.version,
            "settings": study.settings.model_dump(),
            "scenarios": list(study.scenarios),
            "packages": {name: versions[name] for name in NUMERICS if name in versions},
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
        arguments = {"study": self._study, "subject": subject, "seed": seed}
        return Stage(KIND, KINDS[KIND].version, identity, arguments=arguments, label=identity["subject"])
