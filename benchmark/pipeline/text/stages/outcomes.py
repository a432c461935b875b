"""What a policy does after training: its completions, the best of several, and everything measured of them."""

from __future__ import annotations

from typing import Any

from benchmark.core.data import Completions, Prompts, write_table
from benchmark.core.graph import Task, stage
from benchmark.core.seeds import derive_seed
from benchmark.generation.base import Sampling
from benchmark.pipeline.text import best_of_n
from benchmark.pipeline.text.stages.common import (
    EVALUATED,
    POLICY,
    PROBE_PAIRS,
    PROBES,
    SAMPLES,
    checkpoints_of,
    device,
    evaluated_file,
    evaluated_prompts,
    generator,
    scored,
    stacked,
)
from benchmark.pipeline.text.stages.models import read_gate
from benchmark.suites.generated import GeneratedSuite
from shifts import Rewards, Shift


@stage("best_of_n", version=1)
def keep_best(task: Task, suite: GeneratedSuite, shift: Shift, n: int) -> None:
    """The best of n candidates by learned utility, laid out like `generations`: `SPLIT-NNNNNN.parquet`, where NNNNNN is
    the number of candidates that were looked at, 1, 2, 4, ..., n."""
    numbers = best_of_n.candidate_numbers(n)
    for done, split in enumerate(EVALUATED):
        prompts = Prompts.load(task.inputs["candidates"] / evaluated_prompts(split))
        completions = Completions.load(task.inputs["candidates"] / evaluated_file(split, 0))
        scores = scored(task, suite, prompts, completions)
        utility = shift.utility(Rewards({name: scores[f"learned_{name}"] for name in shift.objectives}))
        prompts.save(task.folder / evaluated_prompts(split))
        for number in numbers:
            kept = best_of_n.keep(completions, best_of_n.best(utility, n, number), n)
            kept.save(task.folder / evaluated_file(split, number))
        task.progress(done + 1, 2)
    best_of_n.state_kl(task.folder, numbers)


@stage("generations", version=1)
def generate_evaluation(task: Task, suite: GeneratedSuite, sampling: Sampling, backend: str) -> None:
    """Completions of every checkpoint on the validation and test prompts: `SPLIT-NNNNNN.parquet`. Once: all shifts are
    computed from these."""
    reference = task.inputs["policy"] / POLICY
    checkpoints = checkpoints_of(task)
    for split in EVALUATED:
        prompts = suite.prompts(split, reference)
        prompts.save(task.folder / evaluated_prompts(split))
    total = 2 * len(checkpoints)
    for done, (step, policy) in enumerate(checkpoints.items()):
        for part, split in enumerate(EVALUATED):
            prompts = Prompts.load(task.folder / evaluated_prompts(split))
            settings = Sampling(**{**sampling.__dict__, "seed": derive_seed(sampling.seed, split)})
            completions = generator(backend).generate(policy, prompts, settings)
            completions.save(task.folder / evaluated_file(split, step))
            task.progress(2 * done + part + 1, total)


@stage("scored_generations", version=1)
def score_generations(task: Task, suite: GeneratedSuite) -> None:
    """Everything that is measured of a cell: `samples.parquet`, a row per evaluated completion, and `probes.parquet`,
    log-probability changes of pairs, of fresh samples and of held-out samples, per checkpoint.

    The log-probabilities of a best-of-n policy are not known: it has no probes and no entropy, and its KL is stated.
    """
    from benchmark.pipeline.text.evaluation import read_probes, samples_of, with_stated_kl
    from benchmark.policies.checkpoints import load_policy

    reference, tokenizer = load_policy(task.inputs["policy"] / POLICY, device=device())
    gate = read_gate(task)
    followed = read_probes(task, reference, tokenizer, PROBE_PAIRS)
    stated = best_of_n.stated_kl(task.inputs["generations"])
    samples: list[dict[str, Any]] = []
    probes: list[dict[str, Any]] = []
    checkpoints = checkpoints_of(task)
    for done, (step, folder) in enumerate(checkpoints.items()):
        policy, _ = load_policy(folder, device=device())
        for split in EVALUATED:
            prompts = Prompts.load(task.inputs["generations"] / evaluated_prompts(split))
            completions = Completions.load(task.inputs["generations"] / evaluated_file(split, step))
            scores = scored(task, suite, prompts, completions)
            columns = samples_of(policy, reference, tokenizer, prompts, completions, scores, gate, split, step)
            samples.append(with_stated_kl(columns, stated[step]) if stated else columns)
        if followed.sequences:
            probes.append(followed.changes(policy, step))
        task.progress(done + 1, len(checkpoints))
    write_table(task.folder / SAMPLES, stacked(samples))
    if probes:
        write_table(task.folder / PROBES, stacked(probes))
