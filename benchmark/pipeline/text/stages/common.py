"""What the stages of a text suite share: names of files, the machine's device, the engine, and how text is scored."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.data import Completions, Floats, Ints, Pairs, Prompts
from benchmark.core.graph import Task
from benchmark.pipeline.text import best_of_n
from benchmark.suites.base import Split
from benchmark.suites.generated import GeneratedSuite

PROBE_PAIRS = 256  # training pairs and fresh samples whose log-probabilities are followed along training
POLICY = "policy"  # folder of a checkpoint inside the artefact of a policy
HOTTER = "hotter_"  # names of the inputs of pairs with off-policy sides
PART = "part-"  # names of the inputs of a policy that is made from others
PROMPTS, COMPLETIONS, SCORES = "prompts.parquet", "completions.parquet", "scores.parquet"
PAIRS, PAIR_REWARDS, LOGPS = "pairs.parquet", "pair_rewards.parquet", "logps.parquet"
COST, CURVE = "cost.json", "curve.parquet"  # of a trained policy
SAMPLES, PROBES, HELDOUT = "samples.parquet", "probes.parquet", "heldout.parquet"
CHECKS = "checks.json"  # of the contract
TASK_SCORES = "task_scores.parquet"  # of lm-eval
EVALUATED: tuple[Split, ...] = ("validation", "test")

_GENERATORS: dict[str, Any] = {}


def generator(backend: str) -> Any:
    """The process's generator: an engine outlives the stages that use it."""
    from benchmark.generation import make_generator

    if backend not in _GENERATORS:
        _GENERATORS[backend] = make_generator(backend)
    return _GENERATORS[backend]


def device() -> str:
    """Where this process computes: the GPU where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def scored(task: Task, suite: GeneratedSuite, prompts: Prompts, completions: Completions) -> dict[str, Any]:
    """Columns learned_OBJECTIVE and gold_OBJECTIVE, shape [completions], and `quality`."""
    scores = suite.score(
        [prompts.texts[row] for row in completions.prompt],
        completions.texts,
        task.inputs["reward_model"],
        task.inputs.get("judge"),
    )
    columns: dict[str, Any] = {}
    for number, name in enumerate(suite.objectives):
        columns[f"learned_{name}"] = scores.learned[:, number]
        columns[f"gold_{name}"] = scores.gold[:, number]
    return columns | {"quality": scores.quality}


def pair_features(first: Ints, second: Ints, times: Floats | None) -> dict[str, Any]:
    """Columns of pair_rewards.parquet beside rewards: the lengths of both sides in tokens, and when pairs were labelled
    where they carry times; shape [pairs] each. No objective's column begins like these."""
    return {"length_first": first, "length_second": second} | ({} if times is None else {"time": times})


def evaluated_file(split: str, step: int) -> str:
    """The file with the completions of the checkpoint of `step` on the prompts of a split."""
    return f"{split}-{step:06d}.parquet"


def evaluated_prompts(split: str) -> str:
    """The file with the prompts of a split, beside the completions."""
    return f"prompts-{split}.parquet"


def stacked(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Tables, each as columns, one below the other."""
    joined: dict[str, Any] = {}
    for name, first in parts[0].items():
        columns = [part[name] for part in parts]
        joined[name] = list(itertools.chain(*columns)) if isinstance(first, list) else np.concatenate(columns)
    return joined


def followed_pairs(task: Task) -> dict[str, tuple[list[list[int]], list[list[int]]]]:
    """Prompts and completions of the first training pairs, by side; none of the reference."""
    if "pairs" not in task.inputs:
        return {}
    pairs = Pairs.load(task.inputs["pairs"] / PAIRS)
    prompts = pairs.prompts[:PROBE_PAIRS]
    return {"chosen": (prompts, pairs.chosen[:PROBE_PAIRS]), "rejected": (prompts, pairs.rejected[:PROBE_PAIRS])}


def probe_rows(kind: str, values: Floats, step: int) -> dict[str, Any]:
    """Changes of log-probability of one kind of sequence at a checkpoint, as columns of probes.parquet."""
    rows = len(values)
    return {"kind": [kind] * rows, "step": np.full(rows, step), "row": np.arange(rows), "change": values}


def checkpoints_of(task: Task) -> dict[int, Path]:
    """Checkpoints of a trained policy by step; the untouched reference is step 0 of itself, or every number of
    candidates of best-of-n."""
    if "trained_policy" not in task.inputs:
        steps = best_of_n.stated_kl(task.inputs.get("generations")) or [0]
        return dict.fromkeys(steps, task.inputs["policy"] / POLICY)
    folders = sorted(task.inputs["trained_policy"].glob("step-*"))
    if not folders:
        raise RuntimeError("the method saved no checkpoint")
    return {int(folder.name.removeprefix("step-")): folder for folder in folders}
