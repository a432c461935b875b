"""Small batches of pairs to evaluate formulas on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from methods import PairBatch


@pytest.fixture
def batch_of() -> Callable[..., PairBatch]:
    """A batch from log-ratios of the chosen and rejected completions; the reference is at -10 nats, 5 and 4 tokens."""

    def make(chosen: Sequence[float], rejected: Sequence[float]) -> PairBatch:
        reference = torch.full((len(chosen),), -10.0, dtype=torch.float64)
        return PairBatch(
            chosen_logps=torch.tensor(chosen, dtype=torch.float64) + reference,
            rejected_logps=torch.tensor(rejected, dtype=torch.float64) + reference,
            ref_chosen_logps=reference,
            ref_rejected_logps=reference,
            chosen_lengths=torch.full_like(reference, 5),
            rejected_lengths=torch.full_like(reference, 4),
        )

    return make
