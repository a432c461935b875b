"""Batches of made-up log-probabilities on which formulas are tried: random, fresh from the reference, extreme."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from methods import PairBatch

GROUPS = 3
LONGEST = 1024  # tokens of the longest completion that a formula is tried on
FAR = 1e4  # nats


def random_batch(seed: int, pairs: int = 6, dtype: torch.dtype = torch.float64) -> PairBatch:
    """Log-ratios of some nats, lengths of 1 to 12 tokens, three groups, margins and times in (0, 1): no two pairs
    alike."""
    source = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(pairs, generator=source, dtype=torch.float64)

    chosen_lengths, rejected_lengths = uniform(1, 13).floor(), uniform(1, 13).floor()
    ref_chosen, ref_rejected = -uniform(1.0, 3.0) * chosen_lengths - 6, -uniform(1.0, 3.0) * rejected_lengths - 6
    columns: dict[str, Any] = {
        "chosen_logps": ref_chosen + uniform(-3, 5),
        "rejected_logps": ref_rejected + uniform(-5, 3),
        "ref_chosen_logps": ref_chosen,
        "ref_rejected_logps": ref_rejected,
        "chosen_lengths": chosen_lengths,
        "rejected_lengths": rejected_lengths,
        "margins": uniform(0.05, 1.0),
    }
    groups = torch.randint(GROUPS, (pairs,), generator=source)
    columns["times"] = uniform(0.0, 1.0)
    columns = {name: column.to(dtype) for name, column in columns.items()}
    return PairBatch(**columns, groups=groups)


def fresh_batch(seed: int, pairs: int = 6) -> PairBatch:
    """A batch of a policy that is still the reference: every log-ratio is 0."""
    batch = random_batch(seed, pairs)
    return replace(batch, chosen_logps=batch.ref_chosen_logps.clone(), rejected_logps=batch.ref_rejected_logps.clone())


def tied_batch(seed: int, pairs: int = 6) -> PairBatch:
    """Every pair of a random batch twice: same numbers, as texts of their own could have."""
    return select(random_batch(seed, pairs), torch.arange(pairs).repeat(2))


def even_batch(seed: int, pairs: int = 6) -> PairBatch:
    """Pairs with one and the same numbers, in different groups."""
    groups = random_batch(seed, pairs).groups
    return replace(select(random_batch(seed, pairs), torch.zeros(pairs, dtype=torch.int64)), groups=groups)


def select(batch: PairBatch, index: Tensor) -> PairBatch:
    """The pairs of the given numbers, in their order; a permutation, a part, or repetitions."""
    columns: dict[str, Any] = {name: column[index] for name, column in batch.tensors().items()}
    return replace(batch, **columns)


def extreme_batches(dtype: torch.dtype) -> Iterator[tuple[str, PairBatch]]:
    """Batches of one pair far from the reference, and the same beside an ordinary pair; the name says how far.

    Log-ratios are 0 or +-`FAR` on each side, completions of one or `LONGEST` tokens; then equal completions, and a
    completion of which the policy is certain (log-probability 0).
    """
    for chosen, rejected in itertools.product((0.0, FAR, -FAR), repeat=2):
        for length in (1, LONGEST):
            name = f"log-ratios {chosen:g} and {rejected:g}, {length} token{'s' * (length > 1)}"
            yield from _alone_and_beside(name, _side(chosen), _side(rejected), length, length, dtype)
    yield from _alone_and_beside("log-ratios 0 and 0, 1 and 1024 tokens", _side(0.0), _side(0.0), 1, LONGEST, dtype)
    yield from _alone_and_beside("equal completions", (-9.0, -8.0), (-9.0, -8.0), 5, 5, dtype)
    yield from _alone_and_beside("a certain chosen completion", (0.0, -1.0), (-9.0, -8.0), 1, 5, dtype)
    yield from _alone_and_beside("a certain rejected completion", (-9.0, -8.0), (0.0, -1.0), 5, 1, dtype)


def _side(log_ratio: float) -> tuple[float, float]:
    """Log-probabilities under policy and reference with the given log-ratio; neither is above 0."""
    return (-20.0 + min(log_ratio, 0.0), -20.0 - max(log_ratio, 0.0))


def _alone_and_beside(
    name: str,
    chosen: tuple[float, float],
    rejected: tuple[float, float],
    chosen_length: int,
    rejected_length: int,
    dtype: torch.dtype,
) -> Iterator[tuple[str, PairBatch]]:
    numbers = {
        "chosen_logps": chosen[0],
        "rejected_logps": rejected[0],
        "ref_chosen_logps": chosen[1],
        "ref_rejected_logps": rejected[1],
        "chosen_lengths": float(chosen_length),
        "rejected_lengths": float(rejected_length),
        "margins": 0.0,
        "times": 0.0,
    }
    alone: dict[str, Any] = {key: torch.tensor([value], dtype=dtype) for key, value in numbers.items()}
    yield name, PairBatch(**alone, groups=torch.zeros(1, dtype=torch.int64))
    other = random_batch(0, 3, dtype).tensors()
    beside: dict[str, Any] = {key: torch.cat([column, other[key]]) for key, column in alone.items()}
    yield f"{name}, beside ordinary pairs", PairBatch(**beside, groups=torch.tensor([0, 1, 2, 0]))
