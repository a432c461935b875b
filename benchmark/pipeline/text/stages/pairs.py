"""From prompts to labelled pairs: completions, their scores, labels, and log-probabilities under the reference."""

from __future__ import annotations

import numpy as np

from benchmark.core.data import Completions, Ints, Pairs, Prompts, read_table, write_table
from benchmark.core.graph import Task, stage
from benchmark.generation.base import Sampling
from benchmark.pipeline.text import sampled_pairs
from benchmark.pipeline.text.sampled_pairs import Candidates, Sample
from benchmark.pipeline.text.stages.common import (
    COMPLETIONS,
    HOTTER,
    LOGPS,
    PAIR_REWARDS,
    PAIRS,
    POLICY,
    PROMPTS,
    SCORES,
    device,
    generator,
    pair_features,
    scored,
)
from benchmark.suites.base import Split
from benchmark.suites.generated import GeneratedSuite
from shifts import Shift
from shifts.labels import Labelling


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
    Where there are more, they are the best and the worst in the eyes of whoever labels.

    Where the shift has several groups of annotators, each pair is labelled by one who is drawn from them: its margin is
    that annotator's, and it carries the number of the group. Where annotators change in time, it carries the time at
    which it was labelled. `pair_rewards.parquet` holds both sides' learned rewards and lengths, from which conflict is
    measured.
    """
    prompts = Prompts.load(task.inputs["completions"] / PROMPTS)
    prompt, sample = _sample(task)
    samples = [sample, _sample(task, HOTTER)[1]] if f"{HOTTER}completions" in task.inputs else [sample]
    candidates = Candidates.of(samples)
    drawn = sampled_pairs.draw(candidates, shift, labelling, seed)
    Pairs(
        prompts=[prompts.tokens[prompt[row]] for row in drawn.prompt],
        chosen=[candidates.tokens[row] for row in drawn.chosen],
        rejected=[candidates.tokens[row] for row in drawn.rejected],
        margins=drawn.margins,
        groups=drawn.groups if len(shift.annotators()) > 1 else None,
        times=drawn.times,
    ).save(task.folder / PAIRS)
    lengths = candidates.lengths
    write_table(
        task.folder / PAIR_REWARDS,
        {f"first_{name}": column[drawn.first] for name, column in candidates.rewards.items()}
        | {f"second_{name}": column[drawn.second] for name, column in candidates.rewards.items()}
        | {"first_chosen": drawn.first_chosen}
        | pair_features(lengths[drawn.first], lengths[drawn.second], drawn.times),
    )


def _sample(task: Task, name: str = "") -> tuple[Ints, Sample]:
    """The scored completions of every prompt, and the rows of the prompts that they are of."""
    completions = Completions.load(task.inputs[f"{name}completions"] / COMPLETIONS)
    scores = read_table(task.inputs[f"{name}scores"] / SCORES)
    learned = {name.removeprefix("learned_"): c for name, c in scores.items() if name.startswith("learned_")}
    rows = np.stack([np.flatnonzero(completions.sample == number) for number in range(completions.sample.max() + 1)])
    return completions.prompt[rows[0]], Sample(rows, completions.tokens, learned)


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
