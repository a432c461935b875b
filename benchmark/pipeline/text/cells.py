"""The cells of a text suite: methods x training shifts x seeds, each as the stages that make it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from benchmark.core.graph import KINDS, Stage
from benchmark.core.plugins import fingerprint
from benchmark.core.resources import NUMERICS, package_versions
from benchmark.core.seeds import derive_seed
from benchmark.generation.base import Sampling
from benchmark.pipeline.matrix import Cell, CellCall, Matrix, distinct, parse_methods
from benchmark.pipeline.text.config import TextConfig
from benchmark.pipeline.text.stages import PART, PROBE_PAIRS
from benchmark.suites.base import Split, Suite
from benchmark.training.settings import HOW_TO_RUN
from methods import Method
from methods.base import parse_method
from shifts import Shift
from shifts.base import check_objectives, parse_shift
from shifts.labels import Labelling

TextCell = Cell[Method, Shift]
TextMatrix = Matrix[Suite, Method, Shift]


def build_matrix(config: TextConfig, backend: str, earlier: Sequence[CellCall] = ()) -> TextMatrix:
    """The matrix of a configuration, and of cells of an earlier run.

    Raises:
        UserError: an unknown method, shift, objective, or a suite that cannot work.
    """
    suite = config.make_suite()
    suite.check()
    suite.check_backend(backend)
    methods = parse_methods(config.methods)
    shifts = distinct([shift for text in config.train_shifts for shift in parse_shift(text)], "training shift")
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
    builder = StageBuilder(suite, config, backend)
    evaluation = {shift: _evaluation(config, shift) for shift in dict.fromkeys(shift for _, shift, _ in wanted)}
    for shift, points in evaluation.items():
        for point in (shift, *points):
            check_objectives(point, suite.objectives)
    return Matrix(suite, tuple(builder.cell(*cell) for cell in wanted), evaluation)


def _evaluation(config: TextConfig, shift: Shift) -> tuple[Shift, ...]:
    if config.eval_shifts is None:
        points = shift.evaluation_grid()
    else:
        points = [point for text in config.eval_shifts for point in parse_shift(text)]
    return tuple(dict.fromkeys(points))


def _identity(shift: Shift) -> dict[str, Any]:
    """What determines what a stage reads from `shift`: the point, and the code of all that it is made of."""
    return {"shift": str(shift), "shift_code": _code([shift, *shift.corners(), *_annotators(shift)])}


def _code(points: Iterable[Shift]) -> str:
    """The code of the families of `points`, each once."""
    return "".join(fingerprint(family) for family in dict.fromkeys(type(point) for point in points))


def _annotators(shift: Shift) -> list[Shift]:
    """What each group of annotators rewards, where that is a shift of its own; else the family's own code has it."""
    return [annotator for _, annotator in shift.annotators() if isinstance(annotator, Shift)]


class StageBuilder:
    """Makes the stages of cells; what cells share is one object, made once."""

    def __init__(self, suite: Suite, config: TextConfig, backend: str) -> None:
        self.suite = suite
        self.config = config
        self.backend = backend
        self._made: dict[str, Stage] = {}
        versions = package_versions()
        packages = {name: versions[name] for name in NUMERICS if name in versions}
        self._numerics = {"packages": packages, **config.arithmetic()}

    def cell(self, method: Method, shift: Shift, seed: int) -> TextCell:
        """The stages of one cell, or its reason to be skipped."""
        policy_seed = seed % self.config.policy_seeds
        facts = {"policy_seed": policy_seed}
        reason = method.skip(shift)
        if reason:
            return Cell(self.suite.name, method, shift, seed, {}, reason, facts)
        stages = {"policy": self.policy(policy_seed)}
        if method.candidates is None:
            stages |= self._probes(seed)
        if method.trains:
            stages |= self._training(method, shift, seed)
        if method.candidates is None:
            stages["generations"] = self._generations(stages, seed)
        else:
            stages |= self._best_of_n(stages, shift, seed, method.candidates)
        stages["scored_generations"] = self._scored(stages, method)
        beside = {} if _ships_with_us(method) else {"contract": self._contract(method)}
        return Cell(self.suite.name, method, shift, seed, stages, facts=facts, beside=beside)

    def policy(self, policy_seed: int) -> Stage:
        """The reference policy."""
        return self._stage(
            "policy",
            {"spec": self.suite.policy_spec(policy_seed)},
            arguments={"suite": self.suite, "seed": policy_seed},
            label=self.suite.name,
        )

    def reward_models(self) -> dict[str, Stage]:
        """The learned reward model, and the judge where the suite has one."""
        arguments = {"suite": self.suite}
        spec = {"spec": self.suite.reward_model_spec()}
        models = {"reward_model": self._stage("reward_model", spec, arguments=arguments, label=self.suite.name)}
        judge = self.suite.judge_spec()
        if judge is not None:
            models["judge"] = self._stage("judge", {"spec": judge}, arguments=arguments, label=self.suite.name)
        return models

    def pairs(self, shift: Shift, seed: int) -> Stage:
        """Pairs labelled under `shift`."""
        labelling = self._labelling()
        completions = self._completions("train", "pairs", seed, samples=2)
        code = _code([shift, *_annotators(shift)])
        identity = {"shift": str(shift), "code": code, "labels": labelling.__dict__, "seed": seed}
        return self._stage(
            "pairs",
            identity,
            inputs={"completions": completions, "scores": self._scores(completions)},
            arguments={"shift": shift, "labelling": labelling, "seed": seed},
        )

    def _training(self, method: Method, shift: Shift, seed: int) -> dict[str, Stage]:
        """The stages that train `method` for a cell of `shift`. What a policy is made from besides its pairs counts
        only where the method says that it needs it: a policy that does not is shared by all shifts with its pairs."""
        pairs = self.pairs(method.training_shift(shift), seed)
        shared = {"policy": self.policy(seed % self.config.policy_seeds), "pairs": pairs}
        reference = self._stage("reference_logps", {}, inputs=shared)
        settings = self.config.training.of_method(method.name)
        identity = {
            "method": method.name,
            "hparams": method.hparams(),
            "code": fingerprint(type(method)),
            "training": settings.model_dump(exclude=HOW_TO_RUN),
            "seed": seed,
        }
        arguments = {"method": method, "settings": settings, "seed": seed, "labelling": self._labelling()}
        inputs = {**shared, "reference_logps": reference}
        for number, (part, part_shift) in enumerate(method.parts(shift)):
            inputs[f"{PART}{number:03d}"] = self._training(part, part_shift, seed)["trained_policy"]
        if method.needs_shift or method.needs_rewards:
            identity |= _identity(shift)
            arguments["shift"] = shift
        if method.needs_rewards:
            identity |= self._world()
            arguments["suite"] = self.suite
            inputs |= self.reward_models()
        trained = self._stage("trained_policy", identity, inputs, arguments, label=method.name)
        return {"pairs": pairs, "reference_logps": reference, "trained_policy": trained}

    def _world(self) -> dict[str, Any]:
        """What determines the rewards and prompts of a method that acts online, its reward model apart."""
        return {
            "scoring": self.suite.scoring_spec(),
            "prompts": self.suite.prompts_spec("train"),
            "longest": self.suite.max_new_tokens,
        }

    def _labelling(self) -> Labelling:
        return Labelling(self.config.labels.kind, self.config.labels.sharpness)

    def _contract(self, method: Method) -> Stage:
        """Whether a method of one's own keeps the contract; those that ship with the benchmark do, by its tests."""
        identity = {"method": method.name, "hparams": method.hparams(), "code": fingerprint(type(method))}
        return self._stage("contract", identity, arguments={"method": method}, label=method.name)

    def _best_of_n(self, stages: dict[str, Stage], shift: Shift, seed: int, n: int) -> dict[str, Stage]:
        """Candidates of the reference on the evaluation prompts, and the best of them at `shift`."""
        sampling = self._sampling("candidates", seed, n * self.config.sampling.samples)
        candidates = self._generations({"policy": stages["policy"]}, seed, sampling)
        kept = self._stage(
            "best_of_n",
            {**_identity(shift), "n": n, "scoring": self.suite.scoring_spec()},
            inputs={"candidates": candidates, **self.reward_models()},
            arguments={"suite": self.suite, "shift": shift, "n": n},
        )
        return {"candidates": candidates, "generations": kept}

    def _probes(self, seed: int) -> dict[str, Stage]:
        """Reference samples whose log-probability is followed: on held-out prompts, and on training prompts."""
        heldout = self._completions("test", "heldout", seed, samples=2)
        unseen = self._completions("train", "unseen", seed, samples=1, limit=PROBE_PAIRS)
        return {"heldout": heldout, "heldout_scores": self._scores(heldout), "unseen": unseen}

    def _generations(self, stages: dict[str, Stage], seed: int, sampling: Sampling | None = None) -> Stage:
        sampling = sampling or self._sampling("evaluation", seed, self.config.sampling.samples)
        return self._stage(
            "generations",
            {
                "sampling": sampling.__dict__,
                "backend": self.backend,
                "prompts": [self.suite.prompts_spec("validation"), self.suite.prompts_spec("test")],
            },
            inputs={name: stages[name] for name in ("policy", "trained_policy") if name in stages},
            arguments={"suite": self.suite, "sampling": sampling, "backend": self.backend},
        )

    def _scored(self, stages: dict[str, Stage], method: Method) -> Stage:
        names = ("policy", "trained_policy", "pairs", "generations", "heldout", "heldout_scores", "unseen")
        inputs = {name: stages[name] for name in names if name in stages} | self.reward_models()
        if self.suite.has_text_gate():
            inputs["quality_gate"] = self._stage(
                "quality_gate",
                {"texts": self.suite.prompts_spec("validation"), "longest": self.suite.max_new_tokens},
                inputs={"policy": stages["policy"]},
                arguments={"suite": self.suite},
            )
        identity = {"scoring": self.suite.scoring_spec()}
        return self._stage("scored_generations", identity, inputs=inputs, arguments={"suite": self.suite})

    def _completions(self, split: Split, purpose: str, seed: int, samples: int, limit: int | None = None) -> Stage:
        sampling = self._sampling(purpose, seed, samples)
        prompts = {"prompts": self.suite.prompts_spec(split), "limit": limit}
        return self._stage(
            "completions",
            {**prompts, "sampling": sampling.__dict__, "backend": self.backend},
            inputs={"policy": self.policy(seed % self.config.policy_seeds)},
            arguments={
                "suite": self.suite,
                "split": split,
                "limit": limit,
                "sampling": sampling,
                "backend": self.backend,
            },
            label=purpose,
        )

    def _scores(self, completions: Stage) -> Stage:
        inputs = {"completions": completions, **self.reward_models()}
        return self._stage(
            "scores", {"scoring": self.suite.scoring_spec()}, inputs=inputs, arguments={"suite": self.suite}
        )

    def _sampling(self, purpose: str, seed: int, samples: int) -> Sampling:
        settings = self.config.sampling
        return Sampling(
            max_new_tokens=self.suite.max_new_tokens,
            samples=samples,
            temperature=settings.temperature,
            top_p=settings.top_p,
            top_k=settings.top_k,
            seed=derive_seed(purpose, seed),
        )

    def _stage(
        self,
        kind: str,
        identity: dict[str, Any],
        inputs: dict[str, Stage] | None = None,
        arguments: dict[str, Any] | None = None,
        label: str = "",
    ) -> Stage:
        identity = json.loads(json.dumps({**identity, **self._numerics}))
        made = Stage(kind, KINDS[kind].version, identity, inputs or {}, arguments or {}, label)
        return self._made.setdefault(made.key, made)


def _ships_with_us(method: Method) -> bool:
    """Whether the method's class stands in the package `methods`."""
    return type(method).__module__.split(".")[0] == "methods"
