"""What a formula returns is looked at once, on the first batch and before the first step: torch would broadcast it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from benchmark.core.errors import UserError
from methods import PairBatch, PairwiseMethod


def check_losses(method: PairwiseMethod, batch: PairBatch) -> None:
    """Raise a UserError unless `pair_losses` gives a loss per pair, shape [pairs], of the batch's type and device."""
    losses: Any = method.pair_losses(batch)
    like = batch.chosen_logps
    wanted = f"a tensor of shape {list(like.shape)}, one loss per pair, of {like.dtype} on {like.device}"
    if not isinstance(losses, Tensor):
        raise UserError(f"{method.name}: pair_losses must return {wanted}; got a {type(losses).__name__}.")
    if (losses.shape, losses.dtype, losses.device) != (like.shape, like.dtype, like.device):
        got = f"shape {list(losses.shape)}, {losses.dtype} on {losses.device}"
        raise UserError(f"{method.name}: pair_losses must return {wanted}; got {got}.")
