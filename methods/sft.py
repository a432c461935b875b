"""Supervised fine-tuning on the chosen completions."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from methods import PairBatch, PairwiseMethod, Role


@dataclass(frozen=True)
class SFT(PairwiseMethod):
    """Negative log-likelihood per token of the chosen completion; the rejected one is not used."""

    name = "sft"
    role = Role.BASELINE
    pushes_rejected = 0

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """-log pi(chosen) / tokens, shape [pairs], in nats per token."""
        return -batch.chosen_logps / batch.chosen_lengths
