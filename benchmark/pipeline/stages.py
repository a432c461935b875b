"""Every stage as a plain function of its inputs. Models are loaded here; what is stored, where it runs is not known.

A stage's version goes up when what it computes changes; the store then makes it again, and all that follows from it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.data import Completions, Floats, Pairs, Prompts, read_table, write_table
from benchmark.core.graph import Task, stage
from benchmark.core.seeds import derive_seed, generator
from benchmark.generation.base import Sampling
from benchmark.pipeline import best_of_n
from benchmark.suites.base import Split, Suite
from benchmark.training.settings import TrainingSettings
from methods import Method
from shifts import Rewards, Shift
from shifts.labels import Labelling, draw_annotators

PROBE_PAIRS = 256  # training pairs and fresh samples whose log-probabilities are followed along training
POLICY = "policy"  # folder of a checkpoint inside the artefact of a policy
PART = "part-"  # names of the inputs of a policy that is made from others


@stage("policy", version=1)
def build_policy(task: Task, suite: Suite, seed: int) -> None:
    """The reference policy: a transformers checkpoint in `policy/`."""
    folder = task.folder / POLICY
    folder.mkdir()
    suite.build_policy(seed, folder, task.progress)


@stage("reward_model", version=1)
def build_reward_model(task: Task, suite: Suite) -> None:
    """The learned reward model that annotators act on."""
    suite.build_reward_model(task.folder, task.progress)


@stage("judge", version=1)
def build_judge(task: Task, suite: Suite) -> None:
    """The independent judge that plays gold where gold cannot be computed from the text."""
    suite.build_judge(task.folder, task.progress)


@stage("quality_gate", version=1)
def fit_quality_gate(task: Task, suite: Suite) -> None:
    """Bounds on nats per token under the reference: the central 99% of held-out human texts, fixed before any run."""
    from benchmark.policies.checkpoints import load_policy
    from benchmark.policies.logprobs import completion_logps

    policy = task.inputs["policy"] / POLICY
    prompts, completions = suite.human_completions(policy)
    model, tokenizer = load_policy(policy, device=_device())
    nats = -completion_logps(model, prompts, completions, tokenizer.pad_token_id)
    low, high = np.quantile(nats / np.array([len(row) for row in completions]), [0.005, 0.995])
    (task.folder / "gate.json").write_text(json.dumps({"low": low, "high": high, "texts": len(completions)}))


@stage("completions", version=1)
def sample_completions(
    task: Task, suite: Suite, split: Split, limit: int | None, sampling: Sampling, backend: str
) -> None:
    """Completions of one policy on (the first `limit`) prompts of a split: `prompts.parquet`, `completions.parquet`."""
    policy = task.inputs["policy"] / POLICY
    prompts = _first(suite.prompts(split, policy), limit)
    completions = _generator(backend).generate(policy, prompts, sampling, task.progress)
    prompts.save(task.folder / "prompts.parquet")
    completions.save(task.folder / "completions.parquet")


@stage("scores", version=1)
def score_completions(task: Task, suite: Suite) -> None:
    """Rewards of completions: `scores.parquet` with a column per objective, learned and gold, and `quality`."""
    prompts = Prompts.load(task.inputs["completions"] / "prompts.parquet")
    completions = Completions.load(task.inputs["completions"] / "completions.parquet")
    write_table(task.folder / "scores.parquet", _scores(task, suite, prompts, completions))


@stage("pairs", version=1)
def label_pairs(task: Task, shift: Shift, labelling: Labelling, seed: int) -> None:
    """Two completions per prompt, labelled under a shift; pairs of equal completions say nothing and are dropped.

    Where the shift has several groups of annotators, each pair is labelled by one who is drawn from them: its margin is
    that annotator's, and it carries the number of the group. Beside `pairs.parquet` stands `rewards.parquet`, with both
    sides' learned rewards, from which conflict is measured.
    """
    prompts = Prompts.load(task.inputs["completions"] / "prompts.parquet")
    completions = Completions.load(task.inputs["completions"] / "completions.parquet")
    scores = read_table(task.inputs["scores"] / "scores.parquet")
    first, second = np.flatnonzero(completions.sample == 0), np.flatnonzero(completions.sample == 1)
    rewards = Rewards({name: scores[f"learned_{name}"] for name in shift.objectives})
    shares, judges = zip(*shift.annotators(), strict=True)
    groups = draw_annotators(shares, len(first), generator("groups", seed))
    utilities = np.stack([judge.utility(rewards) for judge in judges])
    of_first, of_second = utilities[groups, first], utilities[groups, second]
    first_chosen = labelling.choose_first(of_first, of_second, generator("labels", seed))
    margins = np.where(first_chosen, of_first - of_second, of_second - of_first)
    different = [completions.tokens[i] != completions.tokens[j] for i, j in zip(first, second, strict=True)]
    first, second, first_chosen = first[different], second[different], first_chosen[different]
    chosen, rejected = np.where(first_chosen, first, second), np.where(first_chosen, second, first)
    Pairs(
        prompts=[prompts.tokens[completions.prompt[i]] for i in chosen],
        chosen=[completions.tokens[i] for i in chosen],
        rejected=[completions.tokens[i] for i in rejected],
        margins=margins[different],
        groups=groups[different] if len(judges) > 1 else None,
    ).save(task.folder / "pairs.parquet")
    names = [name.removeprefix("learned_") for name in scores if name.startswith("learned_")]
    write_table(
        task.folder / "rewards.parquet",
        {f"first_{name}": scores[f"learned_{name}"][first] for name in names}
        | {f"second_{name}": scores[f"learned_{name}"][second] for name in names}
        | {"first_chosen": first_chosen},
    )


@stage("reference_logps", version=1)
def compute_reference_logps(task: Task) -> None:
    """Log-probabilities of both sides of every pair under the reference, once for all methods."""
    from benchmark.policies.checkpoints import load_policy
    from benchmark.policies.logprobs import completion_logps

    pairs = Pairs.load(task.inputs["pairs"] / "pairs.parquet")
    model, tokenizer = load_policy(task.inputs["policy"] / POLICY, device=_device())
    columns = {
        "chosen": completion_logps(model, pairs.prompts, pairs.chosen, tokenizer.pad_token_id),
        "rejected": completion_logps(model, pairs.prompts, pairs.rejected, tokenizer.pad_token_id),
    }
    write_table(task.folder / "logps.parquet", columns)


@stage("trained_policy", version=2)
def train_policy(
    task: Task,
    method: Method,
    settings: TrainingSettings,
    seed: int,
    labelling: Labelling,
    shift: Shift | None = None,
    suite: Suite | None = None,
) -> None:
    """A trained policy with its checkpoints `step-NNNNNN/`, its training curve (of the ways to train that have one) and
    its cost. `shift` and `suite` are there where the method says that it needs them."""
    from benchmark.training.batch import ReferenceLogps
    from benchmark.training.cell import TrainingCell
    from benchmark.training.job import CellJob

    logps = read_table(task.inputs["reference_logps"] / "logps.parquet")
    cell = TrainingCell(
        policy=task.inputs["policy"] / POLICY,
        pairs=Pairs.load(task.inputs["pairs"] / "pairs.parquet"),
        reference=ReferenceLogps(logps["chosen"], logps["rejected"]),
        settings=settings,
        seed=derive_seed("training", seed),
        folder=task.folder,
        progress=task.progress,
        scratch=task.scratch,
        parts=tuple(folder for name, folder in sorted(task.inputs.items()) if name.startswith(PART)),
        shift=shift,
        sharpness=labelling.sharpness,
        rewards=task.inputs["pairs"] / "rewards.parquet",
        world=None if suite is None or shift is None else _world(task, suite, shift, labelling),
    )
    method.train(CellJob(cell))


def _world(task: Task, suite: Suite, shift: Shift, labelling: Labelling) -> Any:
    """What an online method acts in: training prompts, and the reward, in nats, that its completions earn."""
    from benchmark.training.cell import World

    def reward(prompts: Sequence[str], completions: Sequence[str]) -> Floats:
        scores = suite.score(prompts, completions, task.inputs["reward_model"], task.inputs.get("judge"))
        learned = {name: scores.learned[:, number] for number, name in enumerate(suite.objectives)}
        return labelling.sharpness * shift.utility(Rewards(learned))

    return World(suite.prompts("train", task.inputs["policy"] / POLICY), suite.max_new_tokens, reward)


@stage("best_of_n", version=1)
def keep_best(task: Task, suite: Suite, shift: Shift, n: int) -> None:
    """The best of n candidates by learned utility, laid out like `generations`: `SPLIT-NNNNNN.parquet`, where NNNNNN is
    the number of candidates that were looked at, 1, 2, 4, ..., n."""
    numbers = best_of_n.path(n)
    for done, split in enumerate(("validation", "test")):
        prompts = Prompts.load(task.inputs["candidates"] / f"prompts-{split}.parquet")
        completions = Completions.load(task.inputs["candidates"] / f"{split}-{0:06d}.parquet")
        scores = _scores(task, suite, prompts, completions)
        utility = shift.utility(Rewards({name: scores[f"learned_{name}"] for name in shift.objectives}))
        prompts.save(task.folder / f"prompts-{split}.parquet")
        for number in numbers:
            kept = best_of_n.keep(completions, best_of_n.best(utility, n, number), n)
            kept.save(task.folder / f"{split}-{number:06d}.parquet")
        task.progress(done + 1, 2)
    best_of_n.state_kl(task.folder, numbers)


@stage("generations", version=1)
def generate_evaluation(task: Task, suite: Suite, sampling: Sampling, backend: str) -> None:
    """Completions of every checkpoint on the validation and test prompts: `SPLIT-NNNNNN.parquet`. Once: all shifts are
    computed from these."""
    reference = task.inputs["policy"] / POLICY
    checkpoints = _checkpoints(task)
    for split in ("validation", "test"):
        prompts = suite.prompts(split, reference)
        prompts.save(task.folder / f"prompts-{split}.parquet")
    total = 2 * len(checkpoints)
    for done, (step, policy) in enumerate(checkpoints.items()):
        for part, split in enumerate(("validation", "test")):
            prompts = Prompts.load(task.folder / f"prompts-{split}.parquet")
            settings = Sampling(**{**sampling.__dict__, "seed": derive_seed(sampling.seed, split)})
            completions = _generator(backend).generate(policy, prompts, settings)
            completions.save(task.folder / f"{split}-{step:06d}.parquet")
            task.progress(2 * done + part + 1, total)


@stage("scored_generations", version=1)
def score_generations(task: Task, suite: Suite) -> None:
    """Everything that is measured of a cell: `samples.parquet`, a row per evaluated completion, and `probes.parquet`,
    log-probability changes of pairs, of fresh samples and of held-out samples, per checkpoint.

    The log-probabilities of a best-of-n policy are not known: it has no probes and no entropy, and its KL is stated.
    """
    from benchmark.pipeline.evaluation import read_probes, samples_of, with_stated_kl
    from benchmark.policies.checkpoints import load_policy

    reference, tokenizer = load_policy(task.inputs["policy"] / POLICY, device=_device())
    gate = _read_gate(task)
    followed = read_probes(task, reference, tokenizer, PROBE_PAIRS)
    stated = best_of_n.stated_kl(task.inputs["generations"])
    samples: list[dict[str, Any]] = []
    probes: list[dict[str, Any]] = []
    checkpoints = _checkpoints(task)
    for done, (step, folder) in enumerate(checkpoints.items()):
        policy, _ = load_policy(folder, device=_device())
        for split in ("validation", "test"):
            prompts = Prompts.load(task.inputs["generations"] / f"prompts-{split}.parquet")
            completions = Completions.load(task.inputs["generations"] / f"{split}-{step:06d}.parquet")
            scores = _scores(task, suite, prompts, completions)
            columns = samples_of(policy, reference, tokenizer, prompts, completions, scores, gate, split, step)
            samples.append(with_stated_kl(columns, stated[step]) if stated else columns)
        if followed.sequences:
            probes.append(followed.changes(policy, step))
        task.progress(done + 1, len(checkpoints))
    write_table(task.folder / "samples.parquet", _stacked(samples))
    if probes:
        write_table(task.folder / "probes.parquet", _stacked(probes))


def _stacked(parts: list[dict[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for name, first in parts[0].items():
        columns = [part[name] for part in parts]
        joined[name] = list(itertools.chain(*columns)) if isinstance(first, list) else np.concatenate(columns)
    return joined


def _scores(task: Task, suite: Suite, prompts: Prompts, completions: Completions) -> dict[str, Any]:
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


def _checkpoints(task: Task) -> dict[int, Path]:
    """Checkpoints of a trained policy by step; the untouched reference is step 0 of itself, or every number of
    candidates of best-of-n."""
    if "trained_policy" not in task.inputs:
        steps = best_of_n.stated_kl(task.inputs.get("generations")) or [0]
        return dict.fromkeys(steps, task.inputs["policy"] / POLICY)
    folders = sorted(task.inputs["trained_policy"].glob("step-*"))
    if not folders:
        raise RuntimeError("the method saved no checkpoint")
    return {int(folder.name.removeprefix("step-")): folder for folder in folders}


def _read_gate(task: Task) -> tuple[float, float] | None:
    if "quality_gate" not in task.inputs:
        return None
    gate = json.loads((task.inputs["quality_gate"] / "gate.json").read_text())
    return gate["low"], gate["high"]


def _first(prompts: Prompts, limit: int | None) -> Prompts:
    return Prompts(prompts.ids[:limit], prompts.texts[:limit], prompts.tokens[:limit])


_GENERATORS: dict[str, Any] = {}


def _generator(backend: str) -> Any:
    """The process's generator: an engine outlives the stages that use it."""
    from benchmark.generation import make_generator

    if backend not in _GENERATORS:
        _GENERATORS[backend] = make_generator(backend)
    return _GENERATORS[backend]


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
