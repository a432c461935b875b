"""Suites of labelled pairs: the labels that train, and how a policy orders pairs that people judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmark.core.data import Floats, Pairs, write_table
from benchmark.core.graph import Task, stage
from benchmark.pipeline.text import label_draws
from benchmark.pipeline.text.stages.common import (
    EVALUATED,
    HELDOUT,
    PAIR_REWARDS,
    PAIRS,
    POLICY,
    PROBES,
    SAMPLES,
    checkpoints_of,
    device,
    followed_pairs,
    probe_rows,
    stacked,
)
from benchmark.suites.base import Split
from benchmark.suites.labelled import HeldOutPairs, LabelledSuite
from shifts import Shift
from shifts.labels import Labelling

Tokens = list[list[int]]


@stage("labelled_pairs", version=1)
def take_labels(task: Task, suite: LabelledSuite, shift: Shift, seed: int, labelling: Labelling) -> None:
    """Labels of people of the groups of a shift. `pair_rewards.parquet` has for either response the share of each
    group's labels that chose it: NaN where the group did not label the pair."""
    labels = suite.labels()
    rows, drawn = label_draws.draw(labels, suite.objectives, shift, suite.train_pairs, seed)
    Pairs(
        prompts=encoded(task, [labels.prompts[row] for row in rows], prompt=True),
        chosen=encoded(task, [labels.chosen[row] for row in rows], prompt=False),
        rejected=encoded(task, [labels.rejected[row] for row in rows], prompt=False),
        margins=None if labels.margins is None else labels.margins[rows],
        groups=drawn if len(shift.annotators()) > 1 else None,
        times=None if labels.times is None else labels.times[rows],
    ).save(task.folder / PAIRS)
    shares = label_draws.shares_for_chosen(labels, len(suite.objectives))[rows]
    columns: dict[str, Any] = {"first_chosen": np.ones(len(rows), dtype=np.bool_)}
    for number, name in enumerate(suite.objectives):
        columns |= {f"first_{name}": shares[:, number], f"second_{name}": 1 - shares[:, number]}
    write_table(task.folder / PAIR_REWARDS, columns)


@stage("judged_pairs", version=1)
def judge_pairs(task: Task, suite: LabelledSuite) -> None:
    """Everything that is measured of a cell: `samples.parquet`, a row per held-out pair and checkpoint;
    `probes.parquet`, log-probability changes of training pairs and of the test pairs, first and second by turns;
    `heldout.parquet`, the shares that chose the latter."""
    from benchmark.policies.checkpoints import load_policy
    from benchmark.policies.logprobs import completion_logps

    reference, tokenizer = load_policy(task.inputs["policy"] / POLICY, device=device())
    pad = tokenizer.pad_token_id
    pairs = {split: suite.held_out(split) for split in EVALUATED}
    sides: dict[str, tuple[Tokens, Tokens]] = {split: _sides(task, held_out) for split, held_out in pairs.items()}
    followed = followed_pairs(task)
    before = {kind: completion_logps(reference, *rows, pad) for kind, rows in (sides | followed).items()}
    samples: list[dict[str, Any]] = []
    probes: list[dict[str, Any]] = []
    steps = checkpoints_of(task)
    for done, (step, folder) in enumerate(steps.items()):
        policy, _ = load_policy(folder, device=device())
        changes = {k: completion_logps(policy, *rows, pad) - before[k] for k, rows in (sides | followed).items()}
        for split in EVALUATED:
            samples.append(rows_of(suite, pairs[split], sides[split][1], before[split], changes[split], split, step))
        probes += [probe_rows(kind, changes[kind], step) for kind in followed]
        probes.append(probe_rows("heldout", changes["test"], step))
        task.progress(done + 1, len(steps))
    write_table(task.folder / SAMPLES, stacked(samples))
    write_table(task.folder / PROBES, stacked(probes))
    write_table(task.folder / HELDOUT, _held_out(suite, pairs["test"], sides["test"][1], before["test"]))


def rows_of(
    suite: LabelledSuite,
    pairs: HeldOutPairs,
    responses: Tokens,
    reference: Floats,
    change: Floats,
    split: Split,
    step: int,
) -> dict[str, Any]:
    """One row per pair, as columns of samples.parquet; a reward is the group's chance to agree with the order of the
    implicit reward (see `LabelledSuite`). The text is both responses, the preferred one first; length and
    `reference_nats` are its own. Nothing is sampled: `kl` and `entropy` are not known.

    Args:
        suite: names the objectives.
        pairs: the pairs.
        responses: their tokens, first and second by turns.
        reference: log-probabilities of these under the reference, nats.
        change: of these log-probabilities against the reference, nats.
        split: of the pairs.
        step: of the checkpoint.
    """
    count = len(pairs)
    h = change[0::2] - change[1::2]
    agrees = chance_to_agree(h, pairs.chose_first)
    rewards = {name: agrees[:, number] for number, name in enumerate(suite.objectives)}
    preferred = 2 * np.arange(count) + (h < 0)
    unknown = np.full(count, np.nan)
    return {
        "split": [split] * count,
        "step": np.full(count, step),
        "prompt_id": pairs.ids,
        "sample": np.zeros(count, dtype=np.int64),
        "prompt": pairs.prompts,
        "completion": [_shown(*texts) for texts in zip(h, pairs.first, pairs.second, strict=True)],
        "quality": np.ones(count, dtype=np.bool_),
        "kl": unknown,
        "entropy": unknown,
        "reference_nats": -reference[preferred],
        "length": np.array([float(len(responses[row])) for row in preferred]),
        "ended": np.ones(count, dtype=np.bool_),
        **rewards,
        **{f"gold_{name}": values for name, values in rewards.items()},
    }


def chance_to_agree(h: Floats, chose_first: Floats) -> Floats:
    """s where h > 0, 1 - s where h < 0 and 1/2 where h = 0, shape [pairs, objectives]; NaN stays.

    Args:
        h: log-ratio of the first response minus that of the second, nats, shape [pairs].
        chose_first: s, shares of labels that chose the first, shape [pairs, objectives].
    """
    return np.asarray(0.5 + np.sign(h)[:, None] * (chose_first - 0.5))


def encoded(task: Task, texts: Sequence[str], prompt: bool) -> Tokens:
    """Prompts as the policy reads them, or responses as it gives them, with the end-of-sequence token."""
    from benchmark.policies.checkpoints import load_tokenizer, opening
    from benchmark.policies.encoding import encode_texts

    tokenizer = load_tokenizer(task.inputs["policy"] / POLICY)
    before, after = (opening(tokenizer), []) if prompt else ([], [tokenizer.eos_token_id])
    return [[*before, *row, *after] for row in encode_texts(tokenizer, texts)]


def _sides(task: Task, pairs: HeldOutPairs) -> tuple[Tokens, Tokens]:
    """Prompts and responses, first and second of each pair by turns."""
    prompts = encoded(task, pairs.prompts, prompt=True)
    first, second = (encoded(task, texts, prompt=False) for texts in (pairs.first, pairs.second))
    both = [side for sides in zip(first, second, strict=True) for side in sides]
    return [prompt for prompt in prompts for _ in range(2)], both


def _held_out(suite: LabelledSuite, pairs: HeldOutPairs, responses: Tokens, before: Floats) -> dict[str, Any]:
    """First and second response of each pair by turns: share of every group that chose it, log-probability under the
    reference in nats, and length in tokens."""
    shares = np.stack([pairs.chose_first, 1 - pairs.chose_first], axis=1).reshape(-1, len(suite.objectives))
    return {
        **{name: shares[:, number] for number, name in enumerate(suite.objectives)},
        "reference_logp": before,
        "length": np.array([len(row) for row in responses]),
    }


def _shown(h: float, first: str, second: str) -> str:
    """What the policy prefers, by how many nats its log-ratio is greater, and the other response."""
    if h == 0:
        return f"{first.strip()} | no preference to: {second.strip()}"
    better, worse = (first, second) if h > 0 else (second, first)
    return f"{better.strip()} | preferred by {abs(h):.2f} nats to: {worse.strip()}"
