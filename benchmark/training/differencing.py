"""Penalties by difference inside an optimiser step: the plain pass, the directions, the displaced passes, the check."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmark.training.batch import of_pairs
from benchmark.training.coupling import Slopes, concatenate
from benchmark.training.forward import Forward
from benchmark.training.penalty import (
    CHECK_EVERY,
    Displacement,
    Point,
    StepControl,
    difference_error,
    displacement,
    peaked_count,
    peaks,
    squared_norms,
    warn_if_untrusted,
)
from methods import PairBatch, PairwiseMethod, Solver

NUMBER = "number"  # a micro-batch's place in its optimiser step, carried beside the collated tensors


class Differencing:
    """What a trainer adds to a step whose input penalty is not differentiated twice (see `penalty`)."""

    method: PairwiseMethod
    method_state: dict[str, Tensor]
    solver: Solver | None
    step_control: StepControl
    history: list[dict[str, Tensor]]
    accelerator: Any
    args: Any
    model: Any
    model_wrapped: Any
    state: Any
    _pairs: int
    _displacement: Displacement | None
    _forward: Callable[..., Forward]
    _global_slopes: Callable[[PairBatch, Tensor | None], Slopes]
    _gradients: Callable[[], list[Tensor]]

    def _inner_gradients(self, batches: list[dict[str, Any]]) -> Displacement:
        """A plain pass, which leaves its parameter gradient in place to be differenced; the directions from its input
        gradients."""
        assert self.solver is not None
        inner, gradients, parts = [], list[Tensor](), list[PairBatch]()

        def plain(inputs: dict[str, Any]) -> Tensor:
            forward = self._forward(self.model_wrapped, inputs)
            embeddings = forward.embeddings
            assert embeddings is not None
            embeddings.retain_grad()
            inner.append(embeddings)
            parts.append(forward.batch.detached())
            return self._uniform_loss(forward.batch)

        self._backward_all(batches, plain, after=lambda: gradients.append(self._pair_gradient(inner.pop())))
        norms = torch.cat([squared_norms(gradient) for gradient in gradients])
        slopes = self._global_slopes(concatenate(parts), norms).squared_norms
        assert slopes is not None
        greatest = self.accelerator.gather((2 * self._pairs * slopes * norms.sqrt()).max()[None]).max()
        sizes = [len(part.chosen_logps) for part in parts]
        policy: Any = self.model
        table = policy.get_input_embeddings().weight.detach().float()
        scale = table.pow(2).sum(1).mean().sqrt()
        unit = scale / greatest.clamp_min(1e-30)
        found = displacement(self.solver, slopes.split(sizes), gradients, self._pairs, unit * self.step_control.step)
        if self.solver is Solver.DIFFERENCE:
            found = replace(found, peaked=self._peaked(found.directions))
            if self.state.global_step % CHECK_EVERY == 0 and float(greatest) > 0:
                self._check_difference(batches, found)
            found = replace(found, step=float(unit * self.step_control.step), two_sided=self.step_control.two_sided)
        self._prepare_difference(batches, found)
        return found

    def _peaked(self, directions: list[Tensor]) -> list[Tensor]:
        """Which of this worker's pairs get a difference of second order: chosen in the global batch, however split."""
        own = [peaks(direction) for direction in directions]
        least = self.accelerator.gather(torch.cat(own)).topk(peaked_count(self._pairs)).values[-1]
        return [values >= least for values in own]

    def _prepare_difference(self, batches: list[dict[str, Any]], found: Displacement) -> None:
        """From G(0) in place to what the gradients `ahead` are added to before all is divided by the width: G(0) once
        for the mean loss, and what the difference takes off."""
        for gradient in self._gradients():
            gradient.mul_(found.plain - found.width)
        self._displace_all(batches, found.behind)
        for gradient in self._gradients():
            gradient.neg_()

    def _displace_all(
        self, batches: list[dict[str, Any]], where: Callable[[int, float], Point | None], factor: float = 1.0
    ) -> None:
        """Backward of every micro-batch that has pairs there, at `factor` times the step, ahead or behind."""

        def displaced(inputs: dict[str, Any]) -> Tensor | None:
            point = where(inputs[NUMBER], factor)
            return None if point is None else self._displaced_loss(self.model_wrapped, inputs, point)

        self._backward_all(batches, displaced)

    def _pair_gradient(self, embeddings: Tensor) -> Tensor:
        """g_i from the gradient of the mean over the global batch."""
        assert embeddings.grad is not None
        return embeddings.grad.float() * (self._pairs / self.accelerator.num_processes)

    def _uniform_loss(self, batch: PairBatch, weights: Tensor | float = 1.0) -> Tensor:
        losses = self.method.pair_losses(batch.with_state(self.method_state)) * weights
        return losses.sum() / self._pairs * self.accelerator.num_processes

    def _trained_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """The loss whose gradient completes the step. By perturbation it is the objective: the training curve holds it,
        and beside it the expansion, from which the directions came."""
        assert self._displacement is not None
        loss = self._displaced_loss(model, inputs, self._displacement.ahead(inputs[NUMBER]))
        if self.solver is Solver.PERTURBATION:
            value = self.accelerator.reduce(loss.detach(), reduction="mean")
            entry = self.history[-1]
            if "expansion" not in entry:
                entry["expansion"], entry["objective"] = entry["objective"], torch.zeros_like(value)
            entry["objective"] = entry["objective"] + value
        return loss

    def _displaced_loss(self, model: Any, inputs: dict[str, Any], point: Point) -> Tensor:
        inputs = inputs if point.rows is None else of_pairs(inputs, point.rows)
        with torch.autocast(self.args.device.type, enabled=False):  # a small step drowns in bfloat16
            return self._uniform_loss(self._forward(model, inputs, point.shift).batch, point.weights)

    def _backward_all(
        self,
        batches: list[dict[str, Any]],
        loss: Callable[[dict[str, Any]], Tensor | None],
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Backward of every micro-batch that has a loss into `.grad`, this worker's share alone."""
        model = self.model_wrapped
        model.train()
        for inputs in batches:
            alone = self.accelerator.no_sync(model) if self.accelerator.num_processes > 1 else contextlib.nullcontext()
            with alone, torch.autocast(self.args.device.type, enabled=False):
                value = loss(inputs)
                if value is not None:
                    value.backward()  # type: ignore[no-untyped-call]
            after()

    def _check_difference(self, batches: list[dict[str, Any]], found: Displacement) -> None:
        """Measure the difference's error, on every worker's own pairs, and choose the step; the gradient in place is
        left as it was."""
        policy: Any = self.model
        parameters = [parameter for parameter in policy.parameters() if parameter.grad is not None]
        plain = self._gradients()

        def difference(there: Displacement, factor: float) -> list[Tensor]:
            for parameter in parameters:
                parameter.grad = None
            self._displace_all(batches, there.behind, factor)
            for gradient in self._gradients():
                gradient.neg_()
            self._displace_all(batches, there.ahead, factor)
            return [gradient - there.plain * before for gradient, before in zip(self._gradients(), plain, strict=True)]

        def error_at(factor: float, two_sided: bool) -> float:
            there = replace(found, two_sided=two_sided)
            error = difference_error(difference(there, factor), difference(there, 2 * factor))
            return float(self.accelerator.reduce(torch.tensor(error, device=self.args.device), reduction="mean"))

        error = self.step_control.choose(error_at)
        for parameter, gradient in zip(parameters, plain, strict=True):
            parameter.grad = gradient
        self.history[-1]["difference_error"] = torch.tensor(error)
        warn_if_untrusted(self.method, error, self.state.global_step + 1)
