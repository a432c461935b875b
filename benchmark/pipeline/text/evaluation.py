"""What is measured of one checkpoint: its samples with KL and rewards, and how log-probabilities moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.data import Completions, Floats, Pairs, Prompts, read_table
from benchmark.core.graph import Task
from benchmark.pipeline.text.stages.common import COMPLETIONS, PAIRS, PROMPTS, SCORES
from benchmark.policies.logprobs import compare_policies, completion_logps


def samples_of(
    policy: Any,
    reference: Any,
    tokenizer: Any,
    prompts: Prompts,
    completions: Completions,
    scores: dict[str, Any],
    gate: tuple[float, float] | None,
    split: str,
    step: int,
) -> dict[str, Any]:
    """One row per completion, as columns.

    `kl` is in nats per completion (exact over the vocabulary along the sampled tokens), `entropy` and
    `reference_nats` likewise; `quality` is the suite's rule on text and, where a gate is given, nats per token under
    the reference inside it; rewards are columns `OBJECTIVE` (learned) and `gold_OBJECTIVE`.
    """
    tokens = [prompts.tokens[row] for row in completions.prompt]
    compared = compare_policies(policy, reference, tokens, completions.tokens, tokenizer.pad_token_id)
    lengths = np.array([len(row) for row in completions.tokens], dtype=np.float64)
    quality = scores["quality"]
    if gate is not None:
        nats = -compared.reference_logps / np.maximum(lengths, 1)
        quality = quality & (nats >= gate[0]) & (nats <= gate[1])
    rows = len(completions)
    return {
        "split": [split] * rows,
        "step": np.full(rows, step),
        "prompt_id": [prompts.ids[row] for row in completions.prompt],
        "sample": completions.sample,
        "prompt": [prompts.texts[row] for row in completions.prompt],
        "completion": completions.texts,
        "quality": quality,
        "kl": compared.kl,
        "entropy": compared.entropy,
        "reference_nats": -compared.reference_logps,
        "length": lengths,
        "ended": completions.ended,
        **{name.removeprefix("learned_"): column for name, column in scores.items() if name != "quality"},
    }


def with_stated_kl(samples: dict[str, Any], kl: float) -> dict[str, Any]:
    """Samples of a policy whose probabilities are not known, such as best-of-n: its divergence is `kl` nats per
    completion, whichever the completion, and its entropy is missing."""
    rows = len(samples["kl"])
    return {**samples, "kl": np.full(rows, kl), "entropy": np.full(rows, np.nan)}


@dataclass(frozen=True)
class Probes:
    """Sequences whose log-probability is followed along training, with their log-probability under the reference.

    By kind: `chosen` and `rejected` (the first training pairs), `unseen` (fresh reference samples on training prompts),
    `heldout` (reference samples on test prompts, two per prompt; from them follows the accuracy on held-out pairs).
    The reference itself, which was trained on no pairs, has the last two kinds alone; a policy whose probabilities are
    not known has none.
    """

    sequences: dict[str, tuple[list[list[int]], list[list[int]]]]  # prompts and completions, as tokens
    before: dict[str, Floats]
    pad_token_id: int

    def changes(self, policy: Any, step: int) -> dict[str, Any]:
        """Change of log-probability against the reference, in nats: one row per sequence, as columns."""
        changes = {
            kind: completion_logps(policy, *sequences, self.pad_token_id) - self.before[kind]
            for kind, sequences in self.sequences.items()
        }
        return {
            "kind": [kind for kind, values in changes.items() for _ in values],
            "step": np.full(sum(map(len, changes.values())), step),
            "row": np.concatenate([np.arange(len(values)) for values in changes.values()]),
            "change": np.concatenate(list(changes.values())),
        }


def read_probes(task: Task, reference: Any, tokenizer: Any, count: int) -> Probes:
    """The probes of a cell; `count` is the number of training pairs that are followed."""
    sequences = {}
    if "pairs" in task.inputs:
        pairs = Pairs.load(task.inputs["pairs"] / PAIRS)
        sequences["chosen"] = pairs.prompts[:count], pairs.chosen[:count]
        sequences["rejected"] = pairs.prompts[:count], pairs.rejected[:count]
    for kind in ("unseen", "heldout"):
        if kind in task.inputs:
            sequences[kind] = _tokens(task.inputs[kind])
    pad = tokenizer.pad_token_id
    before = {kind: completion_logps(reference, *both, pad) for kind, both in sequences.items()}
    return Probes(sequences, before, pad)


def heldout_scores(folder: Path) -> dict[str, Any]:
    """Learned rewards of the held-out completions by objective, in the order of their rows."""
    scores = read_table(folder / SCORES)
    return {name.removeprefix("learned_"): c for name, c in scores.items() if name.startswith("learned_")}


def _tokens(folder: Path) -> tuple[list[list[int]], list[list[int]]]:
    prompts = Prompts.load(folder / PROMPTS)
    completions = Completions.load(folder / COMPLETIONS)
    return [prompts.tokens[row] for row in completions.prompt], completions.tokens
