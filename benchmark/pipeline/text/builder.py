"""Cells of a text suite as the stages that make them: what all kinds of judging share."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeAlias, TypeVar

from benchmark.core.errors import UserError
from benchmark.core.graph import KINDS, Stage
from benchmark.core.plugins import fingerprint
from benchmark.core.resources import NUMERICS, package_versions
from benchmark.harness.found import find_tasks
from benchmark.harness.settings import HOW_TO_EVALUATE
from benchmark.pipeline.matrix import Cell, Matrix
from benchmark.pipeline.text.config import TextConfig
from benchmark.pipeline.text.stages import PART
from benchmark.suites.base import Suite
from benchmark.suites.common import suite_code
from methods import Method
from shifts import Shift
from shifts.labels import LUCE, Labelling

LM_EVAL = "lm_eval"  # the stage, and the first part of the names of its metrics

S = TypeVar("S", bound=Suite)
TextCell: TypeAlias = Cell[Method, Shift]
TextMatrix: TypeAlias = Matrix[Suite, Method, Shift]


class StageBuilder(ABC, Generic[S]):
    """Makes the stages of cells; what cells share is one object, made once. A kind of judging says what pairs are made
    of, and what becomes of a policy."""

    def __init__(self, suite: S, config: TextConfig, backend: str) -> None:
        self.suite = suite
        self.config = config
        self.backend = backend
        self._made: dict[str, Stage] = {}
        self._code = suite_code(type(suite))
        versions = package_versions()
        packages = {name: versions[name] for name in NUMERICS if name in versions}
        self._numerics = {"packages": packages, **config.arithmetic()}

    # What a kind of judging adds ------------------------------------------------------------------------------------

    @abstractmethod
    def pairs(self, shift: Shift, seed: int) -> Stage:
        """Pairs labelled under `shift`."""

    @abstractmethod
    def outcome(self, stages: dict[str, Stage], method: Method, shift: Shift, seed: int) -> dict[str, Stage]:
        """What is measured of a policy, given the stages that make it; the last stage is the cell's result."""

    def probes(self, method: Method, seed: int) -> dict[str, Stage]:
        """Stages of texts whose log-probability is followed along training; by default none."""
        return {}

    def _world(self) -> dict[str, Any]:
        """What determines the rewards and prompts of a method that acts online, its reward model apart."""
        raise NotImplementedError(f"{self.suite.name} has no rewards for new completions")

    def _judges(self) -> dict[str, Stage]:
        """Stages that make what scores new completions."""
        raise NotImplementedError(f"{self.suite.name} has no rewards for new completions")

    # What all share -------------------------------------------------------------------------------------------------

    def cell(self, method: Method, shift: Shift, seed: int) -> TextCell:
        """The stages of one cell, or its reason to be skipped."""
        policy_seed = seed % self.config.policy_seeds
        facts = {"policy_seed": policy_seed}
        reason = method.skip(shift) or self.suite.skip(method) or self._no_nats(method)
        reason = reason or (self.no_pairs(method.training_shift(shift)) if method.trains else "")
        if reason:
            return Cell(self.suite.name, method, shift, seed, {}, reason, facts)
        stages = {"policy": self.policy(policy_seed), **self.probes(method, seed)}
        if method.trains:
            stages |= self._training(method, shift, seed)
        stages |= self.outcome(stages, method, shift, seed)
        beside = {} if _ships_with_us(method) else {"contract": self._contract(method)}
        if self.config.eval.lm_eval.tasks and method.candidates is None:  # best-of-n is no policy that answers
            beside[LM_EVAL] = self._tasks(stages, method)
        return Cell(self.suite.name, method, shift, seed, stages, facts=facts, beside=beside)

    def no_pairs(self, shift: Shift) -> str:
        """Why the suite has no training pairs as `shift` wants them; "" (the default): it has."""
        return ""

    def check_shift(self, shift: Shift) -> None:
        """Raise a UserError where pairs or policies cannot be judged under `shift`; by default where it mixes domains
        of prompts, since every objective is known on all prompts."""
        if shift.of_prompts:
            raise UserError(
                f"{shift}: suite {self.suite.name} has no domains of prompts. `preferences` has, where a column of "
                "domains is the group: --set suite.columns.group=COLUMN."
            )

    def _no_nats(self, method: Method) -> str:
        """Why `method` has no utility differences in nats to work with; "" where it has, or needs none."""
        reads_utilities = method.needs_rewards or (method.needs_shift and type(method).parts is Method.parts)
        if self.config.labels.kind != LUCE or not reads_utilities:
            return ""
        return f"{method.name} reads utilities in nats, and labels.kind={LUCE} gives them no sharpness"

    def policy(self, policy_seed: int) -> Stage:
        """The reference policy."""
        return self.stage(
            "policy",
            {"spec": self.suite.policy_spec(policy_seed)},
            arguments={"suite": self.suite, "seed": policy_seed},
            label=self.suite.name,
        )

    def _training(self, method: Method, shift: Shift, seed: int) -> dict[str, Stage]:
        """The stages that train `method` for a cell of `shift`. What a policy is made from besides its pairs counts
        only where the method says that it needs it: a policy that does not is shared by all shifts with its pairs."""
        pairs = self.pairs(method.training_shift(shift), seed)
        shared = {"policy": self.policy(seed % self.config.policy_seeds), "pairs": pairs}
        reference = self.stage("reference_logps", {}, inputs=shared)
        settings = self.config.training.of_method(method.name)
        identity = {
            "method": method.name,
            "hparams": method.hparams(),
            "code": fingerprint(type(method)),
            "training": settings.identity(),
            "seed": seed,
        }
        arguments = {"method": method, "settings": settings, "seed": seed, "labelling": self.labelling()}
        inputs = {**shared, "reference_logps": reference}
        for number, (part, part_shift) in enumerate(method.parts(shift)):
            inputs[f"{PART}{number:03d}"] = self._training(part, part_shift, seed)["trained_policy"]
        if method.needs_shift or method.needs_rewards:
            identity |= shift_identity(shift)
            arguments["shift"] = shift
        if method.needs_rewards:
            identity |= self._world()
            arguments["suite"] = self.suite
            inputs |= self._judges()
        trained = self.stage("trained_policy", identity, inputs, arguments, label=method.name)
        return {"pairs": pairs, "reference_logps": reference, "trained_policy": trained}

    def labelling(self) -> Labelling:
        """How annotators choose."""
        return Labelling(self.config.labels.kind, self.config.labels.sharpness)

    def _contract(self, method: Method) -> Stage:
        """Whether a method of one's own keeps the contract; those that ship with the benchmark do, by its tests."""
        identity = {"method": method.name, "hparams": method.hparams(), "code": fingerprint(type(method))}
        return self.stage("contract", identity, arguments={"method": method}, label=method.name)

    def _tasks(self, stages: dict[str, Stage], method: Method) -> Stage:
        """What the cell's policy scores on lm-eval's tasks."""
        settings = self.config.eval.lm_eval
        identity = {**find_tasks(settings).identity, "settings": settings.model_dump(exclude=HOW_TO_EVALUATE)}
        return self.stage(
            LM_EVAL,
            {**identity, "backend": self.backend},
            inputs={name: stages[name] for name in ("policy", "trained_policy") if name in stages},
            arguments={"settings": settings, "backend": self.backend},
            label=method.name,
        )

    def stage(
        self,
        kind: str,
        identity: dict[str, Any],
        inputs: dict[str, Stage] | None = None,
        arguments: dict[str, Any] | None = None,
        label: str = "",
    ) -> Stage:
        """The stage of that kind and identity, the same object whenever it is asked for. Whatever is handed the suite
        runs its code."""
        code = self._code if "suite" in (arguments or {}) else {}
        identity = json.loads(json.dumps({**identity, **code, **self._numerics}))
        made = Stage(kind, KINDS[kind].version, identity, inputs or {}, arguments or {}, label)
        return self._made.setdefault(made.key, made)


def shift_identity(shift: Shift) -> dict[str, Any]:
    """What determines what a stage reads from `shift`: the point, and the code of all that it is made of."""
    return {"shift": str(shift), "shift_code": shift_code([*labelling_shifts(shift), *shift.corners()])}


def shift_code(points: Iterable[Shift]) -> str:
    """The code of the families of `points`, each once."""
    return "".join(fingerprint(family) for family in dict.fromkeys(type(point) for point in points))


def labelling_shifts(shift: Shift) -> list[Shift]:
    """All that determines the labels of `shift`: itself, the shifts inside it, and what each group of annotators
    rewards where that is a shift of its own; else the family's own code has it."""
    annotators = [annotator for _, annotator in shift.annotators() if isinstance(annotator, Shift)]
    plain = shift.plain()
    return [shift, *([] if plain is None else labelling_shifts(plain)), *annotators]


def _ships_with_us(method: Method) -> bool:
    """Whether the method's class stands in the package `methods`."""
    return type(method).__module__.split(".")[0] == "methods"
