"""What a suite builds once: reference policy, reward model, gold judge, quality gate."""

from __future__ import annotations

import json

import numpy as np

from benchmark.core.data import Completions, Prompts
from benchmark.core.graph import Task, stage
from benchmark.pipeline.text.stages.common import COMPLETIONS, POLICY, PROMPTS, device
from benchmark.suites.base import Suite
from benchmark.suites.generated import GeneratedSuite
from benchmark.suites.sizes import Built

GATE = "gate.json"


@stage("policy", version=1)
def build_policy(task: Task, suite: Suite, seed: int) -> None:
    """The reference policy: a transformers checkpoint in `policy/`."""
    folder = task.folder / POLICY
    folder.mkdir()
    suite.build_policy(seed, folder, task.progress)


@stage("reward_model", version=1)
def build_reward_model(task: Task, suite: GeneratedSuite) -> None:
    """The learned reward model that annotators act on."""
    suite.build_reward_model(task.folder, task.progress)
    _standardise(task, suite, "reward_model")


@stage("judge", version=1)
def build_judge(task: Task, suite: GeneratedSuite) -> None:
    """The independent judge that plays gold where gold cannot be computed from the text."""
    suite.build_judge(task.folder, task.progress)
    _standardise(task, suite, "judge")


def _standardise(task: Task, suite: GeneratedSuite, what: Built) -> None:
    """Fix the scale of rewards that are relative to completions of the reference."""
    if "completions" not in task.inputs:
        return
    prompts = Prompts.load(task.inputs["completions"] / PROMPTS)
    completions = Completions.load(task.inputs["completions"] / COMPLETIONS)
    asked = [prompts.texts[row] for row in completions.prompt]
    suite.standardise(what, asked, completions.texts, task.folder, task.progress)


@stage("quality_gate", version=1)
def fit_quality_gate(task: Task, suite: GeneratedSuite) -> None:
    """Bounds on nats per token under the reference: the central 99% of held-out human texts, fixed before any run."""
    from benchmark.policies.checkpoints import load_policy
    from benchmark.policies.logprobs import completion_logps

    policy = task.inputs["policy"] / POLICY
    prompts, completions = suite.human_completions(policy)
    model, tokenizer = load_policy(policy, device=device())
    nats = -completion_logps(model, prompts, completions, tokenizer.pad_token_id)
    low, high = np.quantile(nats / np.array([len(row) for row in completions]), [0.005, 0.995])
    (task.folder / GATE).write_text(json.dumps({"low": low, "high": high, "texts": len(completions)}))


def read_gate(task: Task) -> tuple[float, float] | None:
    """Least and greatest nats per token that pass, or None where the suite has no such gate."""
    if "quality_gate" not in task.inputs:
        return None
    gate = json.loads((task.inputs["quality_gate"] / GATE).read_text())
    return gate["low"], gate["high"]
