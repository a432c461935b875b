"""The work of every kind of stage, known before it runs: from its arguments, its inputs and what the suite states."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from benchmark.core.graph import Stage
from benchmark.core.store import Store
from benchmark.core.work import Work
from benchmark.harness.found import find_tasks
from benchmark.pipeline.estimates.training import CountingJob, count
from benchmark.pipeline.text import best_of_n
from benchmark.pipeline.text.stages.common import POLICY, PROBE_PAIRS
from benchmark.policies.sizes import ROW_BYTES, PolicySize, size_in
from benchmark.suites.analytic import AnalyticSuite
from benchmark.suites.base import Suite
from benchmark.suites.generated import GeneratedSuite
from benchmark.suites.sizes import TextSizes

SAMPLED_TOGETHER, PASSED_TOGETHER = 256, 128  # rows of a batch: of sampling, of log-probabilities
ANSWERS, ANSWER_ROWS = 4, 64  # answers to a question, about; questions of a batch
LOAD_SECONDS = 0.03  # of a checkpoint
ROW_SECONDS = 3e-5  # of a row of a table
TASK_TOKENS, TASK_ANSWER = 300, 100  # of a question of lm-eval, of an answer in words: about
CONTRACT_SECONDS = 25.0  # most of it two workers that start
VLLM_SECONDS = 0.05  # vLLM's exchange of weights


class _Unknown(Exception):
    """A size is not known, so neither is the work."""


def work_of(stage: Stage, store: Store) -> Work | None:
    """The work of a stage; None where a size that it depends on is not known.

    Args:
        stage: any stage of a matrix.
        store: a policy that it holds is read for its size, whatever the suite knows of it.
    """
    counted = _COUNTED.get(stage.kind)
    try:
        return None if counted is None else counted(_Sizes(stage, store))
    except _Unknown:
        return None


def suite_of(stage: Stage) -> str:
    """The name of the suite that the stage belongs to; empty where it belongs to none."""
    row = [stage]
    while row:
        for s in row:
            owner = s.arguments.get("suite")
            if isinstance(owner, Suite | AnalyticSuite):
                return owner.name
        row = [parent for s in row for parent in s.inputs.values()]
    return ""


class _Sizes:
    """What the work of one stage depends on."""

    def __init__(self, stage: Stage, store: Store) -> None:
        self.stage = stage
        self.store = store
        self.arguments = stage.arguments

    @cached_property
    def suite(self) -> Suite:
        """Of the stage, or of the policy that it is made from."""
        return _known(self.arguments.get("suite") or _ancestor(self.stage, "policy").arguments.get("suite"))  # type: ignore[no-any-return]

    @cached_property
    def texts(self) -> TextSizes:
        return _known(self.suite.text_sizes())

    @property
    def policy_stage(self) -> Stage:
        return _ancestor(self.stage, "policy")

    @cached_property
    def policy(self) -> PolicySize:
        """Of the checkpoint where it is there already, else as the suite states it."""
        folder = self.policy_stage.folder(self.store) / POLICY
        return _known(size_in(folder) or self.suite.policy_size())

    def scoring(self, texts: float) -> Work:
        return _known(self.suite.scoring(texts) if isinstance(self.suite, GeneratedSuite) else None)

    def passing(self, rows: float) -> Work:
        """Log-probabilities of so many rows."""
        return self.policy.forward(rows, self.texts.tokens, PASSED_TOGETHER)

    def sampling(self, rows: float) -> Work:
        """Completions of so many rows."""
        work = self.policy.sampling(rows, self.texts.tokens, self.texts.longest, SAMPLED_TOGETHER)
        return work + Work(host_seconds=VLLM_SECONDS if self.arguments.get("backend") == "vllm" else LOAD_SECONDS)

    def training(self, stage: Stage) -> CountingJob:
        """What the training stage does."""
        given = stage.arguments
        return _known(
            count(given["method"], self.policy, self.texts, given["settings"], self.suite, given.get("shift"))
        )

    def checkpoints(self) -> int:
        """Policies that are evaluated: those of the training, or every number of candidates, or the reference."""
        trained = self.stage.inputs.get("trained_policy")
        if trained is not None:
            return self.training(trained).checkpoints
        kept = self.stage.inputs.get("generations", self.stage)
        return len(best_of_n.candidate_numbers(kept.arguments["n"])) if kept.kind == "best_of_n" else 1

    def evaluated(self) -> int:
        """Completions per policy that is evaluated."""
        sampled = next(s for s in _lineage(self.stage) if s.kind == "generations")
        samples = int(sampled.arguments["sampling"].samples)
        kept = next((s for s in _lineage(self.stage) if s.kind == "best_of_n"), None)
        return self.texts.evaluated * (samples if kept is None else samples // int(kept.arguments["n"]))


def _known(value: Any) -> Any:
    if value is None:
        raise _Unknown
    return value


def _lineage(stage: Stage) -> list[Stage]:
    """The stage and what its generations are made from, itself first."""
    inputs = [stage.inputs[name] for name in ("generations", "candidates") if name in stage.inputs]
    return [stage, *(s for parent in inputs for s in _lineage(parent))]


def _ancestor(stage: Stage, kind: str) -> Stage:
    """The nearest stage of a kind that `stage` is made from, or itself."""
    row = [stage]
    while row:
        match = next((s for s in row if s.kind == kind), None)
        if match is not None:
            return match
        row = [parent for s in row for parent in s.inputs.values()]
    raise _Unknown


def _table(rows: float) -> Work:
    return Work(host_seconds=0.01 + ROW_SECONDS * rows, bytes=ROW_BYTES * rows)


def _policy(sizes: _Sizes) -> Work:
    return _known(sizes.suite.building("policy"))  # type: ignore[no-any-return]


def _reward_model(sizes: _Sizes) -> Work:
    return _known(sizes.suite.building("reward_model"))  # type: ignore[no-any-return]


def _judge(sizes: _Sizes) -> Work:
    return _known(sizes.suite.building("judge"))  # type: ignore[no-any-return]


def _quality_gate(sizes: _Sizes) -> Work:
    return sizes.passing(sizes.texts.prompts["validation"]) + Work(host_seconds=LOAD_SECONDS)


def _rows_of(sizes: _Sizes, stage: Stage) -> float:
    """Completions that a stage of that kind draws."""
    given = stage.arguments
    prompts = sizes.texts.prompts[given["split"]]
    return float(min(prompts, given["limit"] or prompts) * given["sampling"].samples)


def _completions(sizes: _Sizes) -> Work:
    return sizes.sampling(_rows_of(sizes, sizes.stage))


def _scores(sizes: _Sizes) -> Work:
    rows = _rows_of(sizes, sizes.stage.inputs["completions"])
    return sizes.scoring(rows) + _table(rows)


def _pairs(sizes: _Sizes) -> Work:
    return _table(sizes.texts.prompts["train"])


def _reference_logps(sizes: _Sizes) -> Work:
    rows = 2 * sizes.texts.prompts["train"]
    return sizes.passing(rows) + _table(rows) + Work(host_seconds=LOAD_SECONDS)


def _trained_policy(sizes: _Sizes) -> Work:
    return sizes.training(sizes.stage).work


def _generations(sizes: _Sizes) -> Work:
    rows = sizes.texts.evaluated * sizes.arguments["sampling"].samples
    return sizes.checkpoints() * sizes.sampling(rows)


def _best_of_n(sizes: _Sizes) -> Work:
    candidates = sizes.texts.evaluated * sizes.stage.inputs["candidates"].arguments["sampling"].samples
    kept = candidates / sizes.arguments["n"] * len(best_of_n.candidate_numbers(sizes.arguments["n"]))
    return sizes.scoring(candidates) + _table(kept)


def _scored_generations(sizes: _Sizes) -> Work:
    """Per checkpoint: rewards of its completions, they and the probes under the policy; the former under the reference
    too."""
    rows, checkpoints = sizes.evaluated(), sizes.checkpoints()
    probes = sum(_rows_of(sizes, s) for name, s in sizes.stage.inputs.items() if name in ("heldout", "unseen"))
    if "pairs" in sizes.stage.inputs:
        probes += 2 * min(PROBE_PAIRS, sizes.texts.prompts["train"])
    each = sizes.passing(2 * rows + probes) + sizes.scoring(rows) + _table(rows) + Work(host_seconds=LOAD_SECONDS)
    return each * checkpoints + sizes.passing(probes)


def _judged_answers(sizes: _Sizes) -> Work:
    """Per checkpoint: the evaluated questions with all their answers, and the training pairs that are followed."""
    texts = sizes.texts
    rows = sizes.policy.forward(texts.evaluated, texts.prompt_tokens + ANSWERS * texts.completion_tokens, ANSWER_ROWS)
    pairs = 2 * PROBE_PAIRS if "pairs" in sizes.stage.inputs else 0
    each = rows + sizes.passing(pairs) + _table(texts.evaluated) + Work(host_seconds=LOAD_SECONDS)
    return each * sizes.checkpoints() + rows + sizes.passing(pairs)


def _judged_pairs(sizes: _Sizes) -> Work:
    """Per checkpoint: both responses of every held-out pair, and the training pairs that are followed."""
    rows = sizes.texts.evaluated + (2 * PROBE_PAIRS if "pairs" in sizes.stage.inputs else 0)
    each = sizes.passing(rows) + _table(sizes.texts.evaluated) + Work(host_seconds=LOAD_SECONDS)
    return each * sizes.checkpoints() + sizes.passing(rows)


def _lm_eval(sizes: _Sizes) -> Work:
    """A row per choice, and a completion per question that is answered in words."""
    settings = sizes.arguments["settings"]
    chosen, written = find_tasks(settings).questions(settings.limit)
    reading = sizes.policy.forward(chosen * ANSWERS, TASK_TOKENS, settings.batch_size)
    writing = sizes.policy.sampling(written, TASK_TOKENS + TASK_ANSWER, TASK_ANSWER, settings.batch_size)
    return reading + writing + Work(host_seconds=LOAD_SECONDS)


def _study(sizes: _Sizes) -> Work:
    return sizes.arguments["suite"].work()  # type: ignore[no-any-return]


def _contract(sizes: _Sizes) -> Work:
    return Work(host_seconds=CONTRACT_SECONDS)


_COUNTED: dict[str, Callable[[_Sizes], Work]] = {
    "policy": _policy,
    "reward_model": _reward_model,
    "judge": _judge,
    "quality_gate": _quality_gate,
    "completions": _completions,
    "scores": _scores,
    "pairs": _pairs,
    "reference_logps": _reference_logps,
    "trained_policy": _trained_policy,
    "contract": _contract,
    "answer_pairs": _pairs,
    "judged_answers": _judged_answers,
    "labelled_pairs": _pairs,
    "judged_pairs": _judged_pairs,
    "generations": _generations,
    "best_of_n": _best_of_n,
    "scored_generations": _scored_generations,
    "lm_eval": _lm_eval,
    "study": _study,
}
