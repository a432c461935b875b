"""From prompts to labelled pairs: completions, their scores, labels, and log-probabilities under the reference."""

from __future__ import annotations

import numpy as np

from benchmark.core.data import Completions, Pairs, Prompts, read_table, write_table
from benchmark.core.graph import Task, stage
from benchmark.core.seeds import generator as seeded
from benchmark.generation.base import Sampling
from benchmark.pipeline.text.stages.common import (
    COMPLETIONS,
    LOGPS,
    PAIR_REWARDS,
    PAIRS,
    POLICY,
    PROMPTS,
    SCORES,
    device,
    generator,
    scored,
)
from benchmark.suites.base import Split
from benchmark.suites.generated import GeneratedSuite
from shifts import Rewards, Shift
from shifts.labels import Labelling, draw_annotators


@stage("completions", version=1)
def sample_completions(
    task: Task, suite: GeneratedSuite, split: Split, limit: int | None, sampling: Sampling, backend: str
) -> None:
    """Completions of one policy on (the first `limit`) prompts of a split: `prompts.parquet`, `completions.parquet`."""
    policy = task.inputs["policy"] / POLICY
    prompts = _head(suite.prompts(split, policy), limit)
    completions = generator(backend).generate(policy, prompts, sampling, task.progress)
    prompts.save(task.folder / PROMPTS)
    completions.save(task.folder / COMPLETIONS)


@stage("scores", version=1)
def score_completions(task: Task, suite: GeneratedSuite) -> None:
    """Rewards of completions: `scores.parquet` with a column per objective, learned and gold, and `quality`."""
    prompts = Prompts.load(task.inputs["completions"] / PROMPTS)
    completions = Completions.load(task.inputs["completions"] / COMPLETIONS)
    write_table(task.folder / SCORES, scored(task, suite, prompts, completions))


@stage("pairs", version=2)
def label_pairs(task: Task, shift: Shift, labelling: Labelling, seed: int) -> None:
    """Two completions per prompt, labelled under a shift; pairs of equal completions say nothing and are dropped.

    Where the shift has several groups of annotators, each pair is labelled by one who is drawn from them: its margin is
    that annotator's, and it carries the number of the group. `pair_rewards.parquet` holds both sides' learned rewards,
    from which conflict is measured.
    """
    prompts = Prompts.load(task.inputs["completions"] / PROMPTS)
    completions = Completions.load(task.inputs["completions"] / COMPLETIONS)
    scores = read_table(task.inputs["scores"] / SCORES)
    first, second = np.flatnonzero(completions.sample == 0), np.flatnonzero(completions.sample == 1)
    rewards = Rewards({name: scores[f"learned_{name}"] for name in shift.objectives})
    shares, annotators = zip(*shift.annotators(), strict=True)
    groups = draw_annotators(shares, len(first), seeded("groups", seed))
    utilities = np.stack([annotator.utility(rewards) for annotator in annotators])
    of_first, of_second = utilities[groups, first], utilities[groups, second]
    first_chosen = labelling.choose_first(of_first, of_second, seeded("labels", seed))
    margins = np.where(first_chosen, of_first - of_second, of_second - of_first)
    different = [completions.tokens[i] != completions.tokens[j] for i, j in zip(first, second, strict=True)]
    first, second, first_chosen = first[different], second[different], first_chosen[different]
    chosen, rejected = np.where(first_chosen, first, second), np.where(first_chosen, second, first)
    Pairs(
        prompts=[prompts.tokens[completions.prompt[i]] for i in chosen],
        chosen=[completions.tokens[i] for i in chosen],
        rejected=[completions.tokens[i] for i in rejected],
        margins=margins[different],
        groups=groups[different] if len(annotators) > 1 else None,
    ).save(task.folder / PAIRS)
    names = [name.removeprefix("learned_") for name in scores if name.startswith("learned_")]
    write_table(
        task.folder / PAIR_REWARDS,
        {f"first_{name}": scores[f"learned_{name}"][first] for name in names}
        | {f"second_{name}": scores[f"learned_{name}"][second] for name in names}
        | {"first_chosen": first_chosen},
    )


@stage("reference_logps", version=1)
def compute_reference_logps(task: Task) -> None:
    """Log-probabilities of both sides of every pair under the reference, once for all methods."""
    from benchmark.policies.checkpoints import load_policy
    from benchmark.policies.logprobs import completion_logps

    pairs = Pairs.load(task.inputs["pairs"] / PAIRS)
    model, tokenizer = load_policy(task.inputs["policy"] / POLICY, device=device())
    columns = {
        "chosen": completion_logps(model, pairs.prompts, pairs.chosen, tokenizer.pad_token_id),
        "rejected": completion_logps(model, pairs.prompts, pairs.rejected, tokenizer.pad_token_id),
    }
    write_table(task.folder / LOGPS, columns)


def _head(prompts: Prompts, limit: int | None) -> Prompts:
    return Prompts(prompts.ids[:limit], prompts.texts[:limit], prompts.tokens[:limit])
