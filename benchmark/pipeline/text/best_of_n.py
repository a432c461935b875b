"""Best-of-n: which of several completions is kept, and what that costs in divergence."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from benchmark.core.data import Completions, Floats, Ints

_STATED = "kl.json"


def candidate_numbers(n: int) -> list[int]:
    """The numbers of candidates at which a best-of-n policy is evaluated: 1, 2, 4, ... up to n, and n itself."""
    return sorted({2**power for power in range(n.bit_length())} | {n})


def kl_bound(n: int) -> float:
    """log n - (n - 1) / n, in nats per completion: at least KL(best-of-n || the policy that is drawn from).

    Source: arXiv:2401.01879, Theorem 3.1.
    """
    return math.log(n) - (n - 1) / n


def best(utility: Floats, drawn: int, n: int) -> Ints:
    """Rows of the best of the first `n` of every `drawn` consecutive completions, the first of several best.

    Args:
        utility: of each completion, shape [groups * drawn].
        drawn: completions per group.
        n: how many of them are looked at, 1 to `drawn`.

    Returns:
        One row per group, shape [groups].
    """
    groups = np.asarray(utility).reshape(-1, drawn)
    return np.arange(len(groups)) * drawn + groups[:, :n].argmax(axis=1)


def keep(completions: Completions, rows: Ints, drawn: int) -> Completions:
    """The completions of `rows`, one per group of `drawn`, numbered 0, 1, ... within each prompt."""
    return Completions(
        completions.prompt[rows],
        completions.sample[rows] // drawn,
        [completions.tokens[row] for row in rows],
        completions.ended[rows],
        [completions.texts[row] for row in rows],
    )


def state_kl(folder: Path, numbers: list[int]) -> None:
    """Write the divergence of each of `numbers` beside the completions."""
    (folder / _STATED).write_text(json.dumps({number: kl_bound(number) for number in numbers}))


def stated_kl(folder: Path | None) -> dict[int, float]:
    """What `state_kl` wrote, by number of candidates; empty where the completions are a policy's own."""
    file = None if folder is None else folder / _STATED
    return {} if file is None or not file.exists() else {int(n): kl for n, kl in json.loads(file.read_text()).items()}
