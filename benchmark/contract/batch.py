"""One step of the real trainer is that of the objective, however the batch is cut: micro-batches, workers, padding."""

from __future__ import annotations

import torch

from benchmark.contract.check import Broken, Check, expect, expect_close, measured
from benchmark.contract.lab import PAIRS
from benchmark.contract.steps import with_state
from benchmark.contract.subjects import MethodSubject
from benchmark.contract.workers import MICRO, WORKERS, Gradients, WorkerError
from benchmark.training.forward import forward_pairs, squared_input_gradients
from methods import PairwiseMethod, Solver

SAME = 1e-4  # float32 sums in another order are off by up to 1e-5 of the greatest entry, which one by machine
DIFFERENCED = 1e-2  # the same, where a penalty is a difference of gradients over a small step


def objective(subject: MethodSubject) -> str:
    """The trainer takes the step of the stated objective: sum_i w_i l_i + penalty, differentiated as one."""
    worst = 0.0
    for method in subject.forms():
        if method.penalises_inputs() and method.penalty_solver is Solver.PERTURBATION:
            continue  # another objective: the loss at displaced inputs
        what = f"{method}: the trainer's step"
        worst = max(worst, _expect_same(subject.lab.whole(method), _by_hand(subject, method), what, method))
    return measured(worst)


def _by_hand(subject: MethodSubject, method: PairwiseMethod) -> Gradients:
    """Gradient of the objective on all 64 pairs, written down once more."""
    penalised = method.penalises_inputs()
    model = subject.lab.policy("eager" if penalised else None)
    forward = forward_pairs(model, subject.lab.batch(), model.get_input_embeddings() if penalised else None)
    batch = with_state(method, forward.batch)
    losses = method.pair_losses(batch)
    total = (method.pair_weights(losses.detach(), batch.detached()).detach() * losses).sum()
    if forward.embeddings is not None:
        penalty = method.input_penalty(squared_input_gradients(losses, forward.embeddings, differentiable=True))
        total = total if penalty is None else total + penalty
    total.backward()  # type: ignore[no-untyped-call]
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


def micro_batches(subject: MethodSubject) -> str:
    """64 pairs give one and the same parameter gradient as 1 x 64, 8 x 8 and 64 x 1 micro-batches."""
    worst = 0.0
    for method in subject.forms():
        whole = subject.lab.whole(method)
        for size in (8, 1):
            what = f"{method}: 64 pairs as {PAIRS // size} micro-batches of {size}"
            worst = max(worst, _expect_same(subject.lab.step(method, size), whole, what, method))
    return measured(worst)


def workers(subject: MethodSubject) -> str:
    """Two workers, each with half of the batch in two micro-batches, take the step of one."""
    worst = 0.0
    for method in subject.forms():
        what = f"{method}: {WORKERS} workers x 2 micro-batches of {MICRO}"
        try:
            found = subject.lab.workers.step(str(method))
        except WorkerError as error:
            raise Broken(f"{what}: a step", str(error)) from error
        worst = max(worst, _expect_same(found, subject.lab.whole(method), what, method))
    return measured(worst)


def padding(subject: MethodSubject) -> str:
    """Completions that are padded wider give the same gradient."""
    worst = 0.0
    for method in subject.forms():
        wider = subject.lab.step(method, PAIRS, padding=7)
        what = f"{method}: the same pairs with 7 more columns of padding"
        worst = max(worst, _expect_same(wider, subject.lab.whole(method), what, method))
    return measured(worst)


def _expect_same(got: Gradients, expected: Gradients, what: str, method: PairwiseMethod) -> float:
    expect(got.keys() == expected.keys(), f"{what}: gradients of {sorted(expected)}", str(sorted(got)))
    names = sorted(expected)
    one, other = (torch.cat([gradients[name].flatten() for name in names]) for gradients in (got, expected))
    expect(other.isfinite().all(), f"{what}: a finite gradient of the whole batch", "NaN or infinity")
    expect(other.any(), f"{what}: a gradient of the whole batch", "zero everywhere")
    differenced = method.penalises_inputs() and method.penalty_solver in (Solver.DIFFERENCE, Solver.PERTURBATION)
    return expect_close(one, other, DIFFERENCED if differenced else SAME, f"{what}: an entry of the gradient")


CHECKS = (
    Check(
        "objective",
        objective,
        "Leave coupling() as it is, or let it say how much of the batch the weights and losses read; define "
        "log_weights or pair_weights, not both.",
        after=("pure", "finite", "weights"),
    ),
    Check(
        "micro-batches",
        micro_batches,
        "Losses and weights see the whole batch only through coupling(): leave it as it is, and keep nothing on the "
        "object between calls.",
        after=("pure", "own pair", "finite", "weights"),
    ),
    Check(
        "workers",
        workers,
        "Make every number from the batch, its groups and its state: nothing that differs between processes.",
        after=("pure", "own pair", "finite", "weights", "micro-batches"),
    ),
    Check(
        "padding",
        padding,
        "Read lengths from chosen_lengths and rejected_lengths, which do not count padding.",
        after=("pure", "finite"),
    ),
)
