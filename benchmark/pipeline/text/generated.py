"""Cells of suites whose policies are judged by completions that they sample."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmark.core.graph import Stage
from benchmark.core.seeds import derive_seed
from benchmark.generation.base import Sampling
from benchmark.pipeline.text.builder import StageBuilder, labelling_shifts, shift_code, shift_identity
from benchmark.pipeline.text.stages import HOTTER, PROBE_PAIRS
from benchmark.suites.base import Split
from benchmark.suites.generated import GeneratedSuite
from methods import Method
from shifts import Shift


class GeneratedBuilder(StageBuilder[GeneratedSuite]):
    """Pairs are completions of the reference; every checkpoint is sampled once, and scored on every objective."""

    def pairs(self, shift: Shift, seed: int) -> Stage:
        """Pairs labelled under `shift`."""
        labelling = self.labelling()
        inputs: dict[str, Stage] = {}
        for name, heat in {HOTTER if heat != 1 else "": heat for heat in (1.0, *shift.heats)}.items():
            completions = self._candidates(seed, heat)
            inputs |= {f"{name}completions": completions, f"{name}scores": self._scores(completions)}
        code = shift_code(labelling_shifts(shift))
        identity = {"shift": str(shift), "code": code, "labels": labelling.__dict__, "seed": seed}
        return self.stage(
            "pairs",
            identity,
            inputs=inputs,
            arguments={"shift": shift, "labelling": labelling, "seed": seed},
        )

    def probes(self, method: Method, seed: int) -> dict[str, Stage]:
        """Reference samples whose log-probability is followed: on held-out prompts, and on training prompts."""
        if method.candidates is not None:
            return {}
        heldout = self._completions("test", "heldout", seed, samples=2)
        unseen = self._completions("train", "unseen", seed, samples=1, limit=PROBE_PAIRS)
        return {"heldout": heldout, "heldout_scores": self._scores(heldout), "unseen": unseen}

    def outcome(self, stages: dict[str, Stage], method: Method, shift: Shift, seed: int) -> dict[str, Stage]:
        """Completions of every checkpoint, or the best of several of the reference, and their scores."""
        if method.candidates is None:
            made = {"generations": self._generations(stages, seed)}
        else:
            made = self._best_of_n(stages, shift, seed, method.candidates)
        return {**made, "scored_generations": self._scored({**stages, **made}, method)}

    def reward_models(self) -> dict[str, Stage]:
        """The learned reward model, and the judge where the suite has one."""
        arguments = {"suite": self.suite}
        spec = {"spec": self.suite.reward_model_spec()}
        inputs = {"completions": self._candidates(seed=0)} if self.suite.standardises else {}
        models = {"reward_model": self.stage("reward_model", spec, inputs, arguments, label=self.suite.name)}
        judge = self.suite.judge_spec()
        if judge is not None:
            models["judge"] = self.stage("judge", {"spec": judge}, inputs, arguments, label=self.suite.name)
        return models

    def _judges(self) -> dict[str, Stage]:
        """The reward model and the judge."""
        return self.reward_models()

    def _world(self) -> dict[str, Any]:
        """What determines the rewards and prompts of a method that acts online, its reward model apart."""
        return {
            "scoring": self.suite.scoring_spec(),
            "prompts": self.suite.prompts_spec("train"),
            "longest": self.suite.max_new_tokens,
        }

    def _best_of_n(self, stages: dict[str, Stage], shift: Shift, seed: int, n: int) -> dict[str, Stage]:
        """Candidates of the reference on the evaluation prompts, and the best of them at `shift`."""
        sampling = self._sampling("candidates", seed, n * self.config.sampling.samples)
        candidates = self._generations({"policy": stages["policy"]}, seed, sampling)
        kept = self.stage(
            "best_of_n",
            {**shift_identity(shift), "n": n, "scoring": self.suite.scoring_spec()},
            inputs={"candidates": candidates, **self.reward_models()},
            arguments={"suite": self.suite, "shift": shift, "n": n},
        )
        return {"candidates": candidates, "generations": kept}

    def _generations(self, stages: dict[str, Stage], seed: int, sampling: Sampling | None = None) -> Stage:
        sampling = sampling or self._sampling("evaluation", seed, self.config.sampling.samples)
        return self.stage(
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
            inputs["quality_gate"] = self.stage(
                "quality_gate",
                {"texts": self.suite.prompts_spec("validation"), "longest": self.suite.max_new_tokens},
                inputs={"policy": stages["policy"]},
                arguments={"suite": self.suite},
            )
        identity = {"scoring": self.suite.scoring_spec()}
        return self.stage("scored_generations", identity, inputs=inputs, arguments={"suite": self.suite})

    def _candidates(self, seed: int, heat: float = 1.0) -> Stage:
        """The completions that pairs are made of."""
        return self._completions("train", "pairs", seed, samples=self.suite.candidates, heat=heat)

    def _completions(
        self, split: Split, purpose: str, seed: int, samples: int, limit: int | None = None, heat: float = 1.0
    ) -> Stage:
        sampling = self._sampling(purpose, seed, samples)
        sampling = replace(sampling, temperature=heat * sampling.temperature)
        prompts = {"prompts": self.suite.prompts_spec(split), "limit": limit}
        return self.stage(
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
        return self.stage(
            "scores", {"scoring": self.suite.scoring_spec()}, inputs=inputs, arguments={"suite": self.suite}
        )

    def _sampling(self, purpose: str, seed: int, samples: int) -> Sampling:
        settings = self.config.sampling
        return Sampling(
            max_new_tokens=self.suite.max_new_tokens,
            samples=samples,
            temperature=settings.of_pairs if purpose == "pairs" else settings.temperature,
            top_p=settings.top_p,
            top_k=settings.top_k,
            seed=derive_seed(purpose, seed),
        )
