"""How the pairs of a batch become one objective: what weights must hold to, on plain tensors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.contract.batches import even_batch, fresh_batch, random_batch, select, tied_batch
from benchmark.contract.check import Check, expect, expect_close, measured
from benchmark.contract.steps import differentiable, step_gradient, with_state
from benchmark.contract.subjects import MethodSubject
from methods import PairBatch, PairwiseMethod

ROUNDING = 1e-9  # two ways to the same number in float64, relative
TIES = (
    "Pairs with equal losses must share their weight: argmax, topk and sort let the order decide among them, and on a "
    "fresh policy all losses are equal, so rounding would decide. Return ball_weights(losses, solve) from "
    "methods.worst_case, which is uniform where losses differ by less than its EQUAL = 1e-5 nats, and let solve count "
    "equal losses together, as tv_dpo.py does."
)


def weights(subject: MethodSubject) -> str:
    """Weights are non-negative, detached, sum to 1, and are those that `log_weights` gives."""
    for method in subject.variants():
        for make in (random_batch, fresh_batch, tied_batch):
            batch = differentiable(with_state(method, make(1)))
            losses = method.pair_losses(batch)
            found = method.pair_weights(losses, batch)
            where = f"{method} on a {make.__name__.replace('_', ' ')}"
            expect(found.shape == losses.shape, f"{where}: one weight per pair", f"shape {list(found.shape)}")
            expect(not found.requires_grad, f"{where}: detached weights", "weights with a graph")
            expect((found >= 0).all(), f"{where}: weights >= 0", f"{float(found.min()):.6g}")
            if method.normalises_weights():
                expect_close(found.sum(), 1.0, ROUNDING, f"{where}: the sum of the weights")
            _expect_logs(method, losses.detach(), found, where)
    return "sum to 1" if subject.pairwise.normalises_weights() else "normalises_weights() says that none is made"


def _expect_logs(method: PairwiseMethod, losses: Tensor, found: Tensor, where: str) -> None:
    logs = method.log_weights(losses)
    if logs is None:
        return
    expect_close(
        torch.softmax(logs, 0), found / found.sum(), ROUNDING, f"{where}: exp(log_weights) up to a factor, pair_weights"
    )
    part = torch.tensor([1, 4])
    alone = method.log_weights(losses[part])
    assert alone is not None
    expect_close(alone, logs[part], ROUNDING, f"{where}: log_weights of pairs 1 and 4 without others")


def permutation(subject: MethodSubject) -> str:
    """Another order of the pairs gives every pair the same gradient; pairs with equal numbers are treated alike."""
    makers: tuple[Callable[[int], PairBatch], ...] = (random_batch, fresh_batch, tied_batch, even_batch)
    if subject.pairwise.couples_losses:  # where a sort has ties, its objective has a kink and many slopes
        makers = (random_batch,)
    worst = 0.0
    for method in subject.variants():
        for make in makers:
            batch = make(2)
            order = torch.randperm(len(batch.chosen_logps), generator=torch.Generator().manual_seed(7))
            straight = step_gradient(method, with_state(method, batch, steps=2))
            turned = step_gradient(method, with_state(method, select(batch, order), steps=2))
            what = f"{method} on a {make.__name__.replace('_', ' ')}: the gradient of a pair in another order"
            change = "" if make is random_batch else TIES
            worst = max(worst, expect_close(turned, straight[:, order], ROUNDING, what, change=change))
    return measured(worst)


CHECKS = (
    Check(
        "weights",
        weights,
        "Detach the losses, then return softmax(logs, 0), or divide by the sum. Define one of log_weights and "
        "pair_weights, and let element i of log_weights read losses[i] alone.",
        after=("pure",),
    ),
    Check(
        "permutation",
        permutation,
        "Do not read a pair's place in the batch (arange, cumsum without a sort).",
        after=("pure", "own pair"),
    ),
)
