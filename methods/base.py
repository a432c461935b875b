"""What a method is. A pairwise method supplies a formula over log-probabilities; nothing here touches a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import Tensor

from benchmark.calls import parse_call
from benchmark.plugins import Plugin, Registry

S = TypeVar("S")


class Role(StrEnum):
    """The part that a method plays in a comparison."""

    METHOD = "method"
    BASELINE = "baseline"
    CONTROL = "control"  # knows what no user could know, e.g. the oracle


@dataclass(frozen=True)
class PairBatch:
    """One entry per pair, shape [pairs]; log-probabilities are sums over completion tokens, in nats."""

    chosen_logps: Tensor
    rejected_logps: Tensor
    ref_chosen_logps: Tensor
    ref_rejected_logps: Tensor
    chosen_lengths: Tensor  # completion tokens
    rejected_lengths: Tensor
    groups: Tensor | None = None  # int64; None where the shift has no groups
    margins: Tensor | None = None  # utility of chosen minus rejected; None where only labels are known

    @property
    def chosen_log_ratios(self) -> Tensor:
        """log pi - log pi_ref of the chosen completions, shape [pairs]."""
        return self.chosen_logps - self.ref_chosen_logps

    @property
    def rejected_log_ratios(self) -> Tensor:
        """log pi - log pi_ref of the rejected completions, shape [pairs]."""
        return self.rejected_logps - self.ref_rejected_logps

    @property
    def log_ratio_margin(self) -> Tensor:
        """Chosen minus rejected log-ratio, the papers' h, shape [pairs]."""
        return self.chosen_log_ratios - self.rejected_log_ratios

    def tensors(self) -> dict[str, Tensor]:
        """The fields that are there, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


class TrainingJob(Protocol):
    """What the benchmark hands to `Method.train`: one cell's policy, pairs and folder."""

    def fit_pairs(self, method: PairwiseMethod) -> None:
        """Train the policy on the cell's pairs with the formula of `method`, saving its checkpoints."""


class Method(Plugin, ABC):
    """A way to turn preference pairs into a policy. Most methods subclass `PairwiseMethod` instead."""

    registry: ClassVar[Registry[Method]] = Registry("method", "methods")
    role: ClassVar[Role] = Role.METHOD
    trains: ClassVar[bool] = True  # False: the untouched reference is the result

    @abstractmethod
    def train(self, job: TrainingJob) -> None:
        """Train the policy of `job` and save its checkpoints through it."""

    def skip(self, shift: Any) -> str | None:
        """Why the method cannot be trained on `shift`, in words for the reader of the leaderboard; None: it can."""
        return None

    def training_shift(self, shift: S) -> S:
        """The shift whose labels the method trains on: the cell's own, unless the method is an oracle."""
        return shift


class PairwiseMethod(Method):
    """A method whose objective is a weighted sum of losses per pair.

    objective = sum_i w_i l_i + penalty, with l = `pair_losses` and w = `pair_weights`, both over the global batch of
    one optimiser step (all micro-batches, all workers). The weights are not differentiated. A method that also
    penalises the gradient of each pair's loss with respect to its input embeddings overrides `input_penalty`.
    """

    @abstractmethod
    def pair_losses(self, batch: PairBatch) -> Tensor:
        """What each pair costs, shape [pairs], differentiable with respect to the policy's log-probabilities."""

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """The weight of every pair of the global batch, shape [pairs], sums to 1, detached. Default: uniform."""
        return torch.full_like(losses, 1.0 / len(losses))

    def input_penalty(self, squared_norms: Tensor) -> Tensor | None:
        """A scalar added to the objective, as a function of ||d l_i / d embeddings_i||^2 over the global batch, shape
        [pairs]. None (the default): no penalty, and the norms are never computed."""
        return None

    def train(self, job: TrainingJob) -> None:
        """Minimise the objective on the cell's pairs."""
        job.fit_pairs(self)

    @classmethod
    def couples_batch(cls) -> bool:
        """Whether the objective of one pair depends on the others, so that splitting a batch needs care."""
        return cls.pair_weights is not PairwiseMethod.pair_weights or cls.penalises_inputs()

    @classmethod
    def penalises_inputs(cls) -> bool:
        """Whether the objective has an input-gradient penalty."""
        return cls.input_penalty is not PairwiseMethod.input_penalty


def parse_method(text: str) -> Method:
    """The method of a call such as `dpo` or `kldpo(tau=0.3)`.

    Raises:
        UserError: unknown name or hyper-parameter, or a value out of range.
    """
    name, arguments = parse_call(text)
    return Method.registry.get(name).make(**arguments)
