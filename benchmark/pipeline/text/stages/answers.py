"""Suites of finite answers: pairs of answers to a question, and what a policy would answer, exactly."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.data import Floats, Pairs, write_table
from benchmark.core.graph import Task, stage
from benchmark.pipeline.text import answer_pairs
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
    pair_features,
    probe_rows,
    stacked,
)
from benchmark.suites.answers import AnswerSuite, Questions
from benchmark.suites.base import Split
from shifts import Shift
from shifts.labels import Labelling

if TYPE_CHECKING:
    from benchmark.policies.answers import AnswerRows


@stage("answer_pairs", version=1)
def label_answer_pairs(task: Task, suite: AnswerSuite, shift: Shift, labelling: Labelling, seed: int) -> None:
    """Two answers to a question, labelled under a shift: each pair by an annotator of a group, which is drawn by its
    share of the population, on a question that this group was asked. `pair_rewards.parquet` as from other pairs."""
    questions = suite.questions("train")
    tokens = tokenised(task, questions)
    lengths = [np.array([len(answer) for answer in its]) for its in tokens.answers]
    drawn = answer_pairs.draw(questions.rewards, lengths, suite.objectives, shift, labelling, suite.train_pairs, seed)
    Pairs(
        prompts=[tokens.questions[row] for row in drawn.question],
        chosen=[tokens.answers[row][answer] for row, answer in zip(drawn.question, drawn.chosen, strict=True)],
        rejected=[tokens.answers[row][answer] for row, answer in zip(drawn.question, drawn.rejected, strict=True)],
        margins=drawn.margins,
        groups=drawn.groups if len(shift.annotators()) > 1 else None,
        times=drawn.times,
    ).save(task.folder / PAIRS)
    sides = {"first": drawn.first, "second": drawn.second}
    columns: dict[str, Any] = {"first_chosen": drawn.first_chosen}
    for side, answers in sides.items():
        picked = np.stack([questions.rewards[row][answer] for row, answer in zip(drawn.question, answers, strict=True)])
        columns |= {f"{side}_{name}": picked[:, number] for number, name in enumerate(suite.objectives)}
    of_first, of_second = (
        np.array([lengths[row][answer] for row, answer in zip(drawn.question, answers, strict=True)])
        for answers in sides.values()
    )
    write_table(task.folder / PAIR_REWARDS, columns | pair_features(of_first, of_second, drawn.times))


@stage("judged_answers", version=1)
def judge_answers(task: Task, suite: AnswerSuite) -> None:
    """Everything that is measured of a cell: `samples.parquet`, a row per question and checkpoint; `probes.parquet`,
    log-probability changes of training pairs and of all pairs of answers to test questions; `heldout.parquet`, the
    rewards of the latter, first and second answer by turns."""
    from benchmark.policies.answers import answer_logps
    from benchmark.policies.checkpoints import load_policy
    from benchmark.policies.logprobs import completion_logps

    reference, tokenizer = load_policy(task.inputs["policy"] / POLICY, device=device())
    pad = tokenizer.pad_token_id
    asked = {split: suite.questions(split) for split in EVALUATED}
    tokens = {split: tokenised(task, questions) for split, questions in asked.items()}
    before = {split: answer_logps(reference, rows, pad) for split, rows in tokens.items()}
    followed = followed_pairs(task)
    sides_before = {kind: completion_logps(reference, *rows, pad) for kind, rows in followed.items()}
    samples: list[dict[str, Any]] = []
    probes: list[dict[str, Any]] = []
    steps = checkpoints_of(task)
    for done, (step, folder) in enumerate(steps.items()):
        policy, _ = load_policy(folder, device=device())
        after = {split: answer_logps(policy, rows, pad) for split, rows in tokens.items()}
        for split in EVALUATED:
            samples.append(rows_of(suite, asked[split], tokens[split], before[split], after[split], split, step))
        changes = {kind: completion_logps(policy, *rows, pad) - sides_before[kind] for kind, rows in followed.items()}
        moved = [now - then for now, then in zip(after["test"], before["test"], strict=True)]
        changes["heldout"] = np.concatenate([change[_pairs(len(change))].ravel() for change in moved])
        probes += [probe_rows(kind, values, step) for kind, values in changes.items()]
        task.progress(done + 1, len(steps))
    write_table(task.folder / SAMPLES, stacked(samples))
    write_table(task.folder / PROBES, stacked(probes))
    write_table(task.folder / HELDOUT, _held_out(suite, asked["test"], tokens["test"], before["test"]))


def rows_of(
    suite: AnswerSuite,
    questions: Questions,
    tokens: AnswerRows,
    reference: list[Floats],
    policy: list[Floats],
    split: Split,
    step: int,
) -> dict[str, Any]:
    """One row per question, as columns of samples.parquet; what is a mean over completions elsewhere is the expectation
    over the answers here. `kl` and `entropy` are those of the two distributions over the answers, in nats; the text is
    the distribution itself."""
    from benchmark.policies.answers import answer_distribution

    ours, theirs = ([answer_distribution(logps) for logps in side] for side in (policy, reference))
    expected = np.stack([p @ rewards for p, rewards in zip(ours, questions.rewards, strict=True)])
    rewards = {name: expected[:, number] for number, name in enumerate(suite.objectives)}
    count = len(questions)
    return {
        "split": [split] * count,
        "step": np.full(count, step),
        "prompt_id": questions.ids,
        "sample": np.zeros(count, dtype=np.int64),
        "prompt": questions.prompts,
        "completion": [_shown(p, answers) for p, answers in zip(ours, questions.answers, strict=True)],
        "quality": np.ones(count, dtype=np.bool_),
        "kl": np.array([divergence(p, q) for p, q in zip(ours, theirs, strict=True)]),
        "entropy": np.array([-divergence(p, np.ones_like(p)) for p in ours]),
        "reference_nats": np.array([-float(p @ np.log(q)) for p, q in zip(ours, theirs, strict=True)]),
        "length": np.array([float(p @ list(map(len, its))) for p, its in zip(ours, tokens.answers, strict=True)]),
        "ended": np.ones(count, dtype=np.bool_),
        **rewards,
        **{f"gold_{name}": values for name, values in rewards.items()},
    }


def divergence(p: Floats, q: Floats) -> float:
    """sum p log(p / q), in nats; an answer that p never gives counts nothing."""
    given = p > 0
    return float(np.sum(p[given] * (np.log(p[given]) - np.log(q[given]))))


def tokenised(task: Task, questions: Questions) -> AnswerRows:
    """The questions as the policy reads them, and the answers as it gives them, each with the end-of-sequence token."""
    from benchmark.policies.answers import AnswerRows
    from benchmark.policies.checkpoints import load_tokenizer, opening
    from benchmark.policies.encoding import encode_texts

    tokenizer = load_tokenizer(task.inputs["policy"] / POLICY)
    start, end = opening(tokenizer), [tokenizer.eos_token_id]
    prompts = [[*start, *row] for row in encode_texts(tokenizer, questions.prompts)]
    flat = iter(encode_texts(tokenizer, [answer for its in questions.answers for answer in its]))
    return AnswerRows(prompts, [[[*next(flat), *end] for _ in its] for its in questions.answers])


def _held_out(suite: AnswerSuite, questions: Questions, tokens: AnswerRows, before: list[Floats]) -> dict[str, Any]:
    """All pairs of answers to a question, first and second by turns: rewards by objective, log-probability under the
    reference in nats, and length in tokens."""
    picked = [_pairs(len(its)).ravel() for its in questions.rewards]
    rewards = np.concatenate([its[rows] for its, rows in zip(questions.rewards, picked, strict=True)])
    lengths = [np.array(list(map(len, its)))[rows] for its, rows in zip(tokens.answers, picked, strict=True)]
    return {
        **{name: rewards[:, number] for number, name in enumerate(suite.objectives)},
        "reference_logp": np.concatenate([logps[rows] for logps, rows in zip(before, picked, strict=True)]),
        "length": np.concatenate(lengths),
    }


def _pairs(answers: int) -> Any:
    """All pairs of the answers to one question, shape [pairs, 2]."""
    return np.array(list(combinations(range(answers), 2)), dtype=np.int64).reshape(-1, 2)


def _shown(distribution: Floats, answers: list[str]) -> str:
    """The answers with their chances, the likeliest first."""
    order = np.argsort(-distribution, kind="stable")
    return " | ".join(f"{answers[row].strip()} {distribution[row]:.0%}" for row in order)
