"""What every pairwise formula must hold to, on plain tensors."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from benchmark.contract.batches import (
    extreme_batches,
    fresh_batch,
    random_batch,
    select,
)
from benchmark.contract.check import Check, NotApplicable, expect, expect_close, measured
from benchmark.contract.examples import shift_points
from benchmark.contract.steps import differentiable, loss_gradient, slopes, step_gradient, with_state
from benchmark.contract.subjects import MethodSubject
from methods import PairBatch, PairwiseMethod

SEEDS = (0, 1, 2)
ROUNDING = 1e-9  # two ways to the same number in float64, relative
STEP = 1e-5  # of finite differences, nats
DIFFERENCES = 1e-6  # what finite differences are good for, relative
CONVEX_SEEDS = 10
LIMIT = 1e-5  # a stated limit is taken at a finite extreme, so it is reached nearly


def pure(subject: MethodSubject) -> str:
    """One loss per pair; losses and weights are the same at every call; the batch is left as it was."""
    for method in subject.variants():
        batch = with_state(method, random_batch(0))
        before = {name: column.clone() for name, column in batch.tensors().items()}
        first, second = method.pair_losses(batch), method.pair_losses(batch)
        shape = list(before["chosen_logps"].shape)
        expect(list(first.shape) == shape, f"{method}: losses of shape {shape}", f"shape {list(first.shape)}")
        expect_close(second.detach(), first.detach(), 0.0, f"{method}: a second call to give the same loss")
        one, other = method.pair_weights(first.detach(), batch), method.pair_weights(first.detach(), batch)
        expect_close(other.detach(), one.detach(), 0.0, f"{method}: a second call to give the same weight")
        for name, column in batch.tensors().items():
            expect_close(column, before[name], 0.0, f"{method}: {name} of the batch left as it was")
    return "called twice"


def own_pair(subject: MethodSubject) -> str:
    """A loss reads its own pair alone, unless `couples_losses` says otherwise."""
    if subject.pairwise.couples_losses:
        raise NotApplicable("couples_losses says that a loss reads other pairs")
    worst = 0.0
    for method in (one for one in subject.variants() if not one.couples_losses):
        batch = with_state(method, random_batch(0))
        together = method.pair_losses(batch).detach()
        for part in (torch.tensor([4]), torch.tensor([1, 3, 5])):
            alone = method.pair_losses(select(batch, part)).detach()
            what = f"{method}: the loss of pair(s) {part.tolist()} of {len(together)} without the others"
            worst = max(worst, expect_close(alone, together[part], ROUNDING, what))
    return measured(worst)


def finite(subject: MethodSubject) -> str:
    """Losses, weights and gradients are finite for every possible pair, in float32 and float64."""
    tried = 0
    for method in subject.variants():
        for dtype in (torch.float64, torch.float32):
            for name, plain in extreme_batches(dtype):
                batch = differentiable(with_state(method, plain))
                losses = method.pair_losses(batch)
                where = f"{method} at {name}, {str(dtype).removeprefix('torch.')}"
                _expect_finite(losses, f"{where}: a finite loss")
                _expect_finite(method.pair_weights(losses.detach(), batch.detached()), f"{where}: finite weights")
                _expect_finite(slopes(losses.sum(), batch), f"{where}: finite gradients by chosen and rejected")
                tried += 1
    return f"{tried} batches"


def _expect_finite(tensor: Tensor, expected: str) -> None:
    expect(tensor.isfinite().all(), expected, str([float(f"{value:.4g}") for value in tensor.detach().flatten()]))


def gradient(subject: MethodSubject) -> str:
    """The gradient of the losses by the log-probabilities agrees with finite differences."""
    worst = 0.0
    for method in subject.variants():
        for seed in SEEDS:
            batch = with_state(method, random_batch(seed, 4))
            by_autograd, by_differences = loss_gradient(method, batch), _differences(method, batch)
            slack = 1e-10 * float(method.pair_losses(batch).detach().abs().max())  # rounding of the losses over STEP
            what = f"{method}, seed {seed}: d losses / d (chosen, rejected) by finite differences"
            worst = max(worst, expect_close(by_autograd, by_differences, DIFFERENCES, what, slack))
    return measured(worst)


def _differences(method: PairwiseMethod, batch: PairBatch) -> Tensor:
    """Central differences of the sum of the losses by every log-probability, shape [2, pairs]."""
    columns = []
    for side in ("chosen_logps", "rejected_logps"):
        for pair in range(len(batch.chosen_logps)):
            ends = []
            for sign in (1, -1):
                moved = differentiable(batch)
                with torch.no_grad():
                    getattr(moved, side)[pair] += sign * STEP
                ends.append(method.pair_losses(moved).detach().sum())
            columns.append((ends[0] - ends[1]) / (2 * STEP))
    return torch.stack(columns).view(2, -1)


def direction(subject: MethodSubject) -> str:
    """On a fresh policy the step pushes chosen and rejected as `pushes_chosen` and `pushes_rejected` state."""
    words = {1: "up", 0: "nowhere", -1: "down"}
    for method in subject.variants():
        stated = (method.pushes_chosen, method.pushes_rejected)
        for seed in SEEDS:
            push = -loss_gradient(method, with_state(method, fresh_batch(seed)))
            for side, sign, row in zip(("chosen", "rejected"), stated, push, strict=True):
                got = f"pushes of {[float(f'{value:.3g}') for value in row]}"
                expect((row.sign() == sign).all(), f"{method}: every {side} completion pushed {words[sign]}", got)
    return f"chosen {words[stated[0]]}, rejected {words[stated[1]]}"


def limits(subject: MethodSubject) -> str:
    """Every limit that the class states takes the same step as the method that it becomes."""
    stated = subject.pairwise.limits()
    if not stated:
        raise NotApplicable("the class states no limits()")
    for extreme, becomes in stated:
        for seed in SEEDS:
            for make in (random_batch, fresh_batch):
                batch = make(seed)
                expect_close(
                    step_gradient(extreme, with_state(extreme, batch, steps=2)),
                    step_gradient(becomes, with_state(becomes, batch, steps=2)),
                    LIMIT,
                    f"{extreme} to take the step of {becomes}; gradient by (chosen, rejected)",
                )
    return "; ".join(f"{extreme} is {becomes}" for extreme, becomes in stated)


def convexity(subject: MethodSubject) -> str:
    """Where `convex` is stated, the gradient by the margins is monotone."""
    if not subject.pairwise.convex:
        raise NotApplicable("the class does not state that it is convex")
    for method in (one for one in subject.variants() if one.convex):
        for seed in range(CONVEX_SEEDS):
            here = with_state(method, random_batch(seed))
            change = 4 * torch.randn(len(here.chosen_logps), generator=torch.Generator().manual_seed(seed)).double()
            for side, sign in enumerate((1.0, -1.0)):  # the margin is moved by the chosen, then by the rejected side
                name = ("chosen_logps", "rejected_logps")[side]
                there = replace(here, **{name: getattr(here, name) + sign * change})
                slope = sign * (step_gradient(method, there)[side] - step_gradient(method, here)[side])
                rise = float((slope * change).sum())
                expect(rise >= -ROUNDING, f"{method}, seed {seed}: (g(h') - g(h)) (h' - h) >= 0", f"{rise:.6g}")
    return f"{CONVEX_SEEDS} random pairs of margins"


def groups(subject: MethodSubject) -> str:
    """A formula that needs groups of annotators skips the shifts that have none."""
    method, batch = subject.pairwise, replace(random_batch(0), groups=None)
    try:
        step_gradient(method, with_state(method, batch))
    except Exception as error:
        accepted = [
            str(point) for point in shift_points() if len(point.annotators()) == 1 and method.skip(point) is None
        ]
        expect(
            not accepted,
            f"{method}: a step on pairs without groups, or a reason of skip() for {', '.join(accepted)}",
            f"{type(error).__name__}: {error}",
        )
        return "needed, and shifts without them are skipped"
    return "not needed"


def penalty(subject: MethodSubject) -> str:
    """The input penalty is a finite number >= 0 with a finite slope, at zero as well."""
    if not subject.pairwise.penalises_inputs():
        raise NotApplicable("the class defines no input_penalty")
    for method in subject.variants():
        for name, size in (("zero", 0.0), ("small", 1e-12), ("ordinary", 1.0), ("great", 1e12)):
            for dtype in (torch.float64, torch.float32):
                norms = (size * torch.arange(1, 6, dtype=dtype)).requires_grad_()
                found = method.input_penalty(norms)
                where = f"{method} at {name} norms, {str(dtype).removeprefix('torch.')}"
                if found is None:
                    continue
                expect(found.ndim == 0, f"{where}: a scalar", f"shape {list(found.shape)}")
                value = float(found.detach())
                expect(math.isfinite(value) and value >= 0, f"{where}: a finite number >= 0", f"{value:.6g}")
                slope = torch.zeros(5)
                if found.requires_grad:
                    (slope,) = torch.autograd.grad(found, norms)
                _expect_finite(slope, f"{where}: a finite slope")
    return "norms from 0 to 1e12"


CHECKS = (
    Check(
        "pure",
        pure,
        "Compute from the batch alone: no random numbers, no attributes that change, no in-place operations; return "
        "one loss per pair, not their mean.",
    ),
    Check(
        "own pair",
        own_pair,
        "Take out what mixes pairs (a mean, a sort, a softmax over the batch), or set couples_losses = True. Weights "
        "over the batch belong in log_weights or pair_weights, running means in the state.",
        after=("pure",),
    ),
    Check(
        "finite",
        finite,
        "Write logsigmoid(x) for log(sigmoid(x)) and softplus(x) for log(1 + exp(x)); clamp an exponent before exp, as "
        "in exp(x.clamp(max=20)); put a floor under a root or a logarithm. torch.where is no cure: the gradient of the "
        "branch that is not taken is NaN all the same. float32 ends at 3e38.",
        after=("pure",),
    ),
    Check(
        "gradient",
        gradient,
        "Take detach() and no_grad() out of pair_losses; what is to be held fixed belongs in the state or in weights.",
        after=("pure",),
    ),
    Check(
        "direction",
        direction,
        "Look at the sign of the margin. A formula that is meant to push so states it: pushes_chosen and "
        "pushes_rejected, each 1 (up), 0 or -1 (down).",
        after=("pure",),
    ),
    Check("groups", groups, "Let skip(shift) return a reason where len(shift.annotators()) == 1."),
    Check("limits", limits, "Mend the formula, or state another limit; give both methods the same beta."),
    Check("convexity", convexity, "Leave `convex` at False unless the whole objective is convex in the margins."),
    Check(
        "input penalty",
        penalty,
        "Return a scalar >= 0; put a floor under a root, as in squared_norms.mean().clamp_min(1e-24).sqrt().",
    ),
)
