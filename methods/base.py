"""What a method is. A pairwise method supplies a formula over log-probabilities; nothing here touches a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import Tensor

from benchmark.core.calls import parse_call
from benchmark.core.plugins import Plugin, Registry

S = TypeVar("S")


class Role(StrEnum):
    """The part that a method plays in a comparison."""

    METHOD = "method"
    BASELINE = "baseline"
    CONTROL = "control"  # knows what no user could know, e.g. the oracle


class Coupling(StrEnum):
    """How much a pair's share of the objective depends on the other pairs of the global batch."""

    NONE = "none"  # not at all: a mean over pairs
    SCALE = "scale"  # through one common factor, the normaliser of the weights
    BATCH = "batch"  # in any other way: a first pass over the whole batch is needed


class Solver(StrEnum):
    """How an input-gradient penalty is differentiated by the parameters."""

    AUTO = "auto"  # double backward where the model's attention has a second derivative, else difference
    DOUBLE_BACKWARD = "double_backward"  # exact; needs eager attention
    DIFFERENCE = "difference"  # of parameter gradients at displaced inputs; works with any attention
    PERTURBATION = "perturbation"  # no expansion: the loss at the worst inputs of the ball themselves


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
    times: Tensor | None = None  # when the pair was labelled, in [0, 1]; None where the shift has no time
    state: Mapping[str, Tensor] = field(default_factory=dict)  # the method's running quantities; not per pair

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
        """The fields with an entry per pair that are there, by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "state"}
        return {name: value for name, value in values.items() if value is not None}

    def detached(self) -> PairBatch:
        """The batch without its graph."""
        columns: dict[str, Any] = {name: tensor.detach() for name, tensor in self.tensors().items()}
        return replace(self, **columns)

    def with_state(self, state: Mapping[str, Tensor]) -> PairBatch:
        """The batch with the given running quantities."""
        return replace(self, state=state)


class Method(Plugin, ABC):
    """A way to turn preference pairs into a policy. Most methods subclass `PairwiseMethod` instead."""

    registry: ClassVar[Registry[Method]] = Registry("method", "methods")
    role: ClassVar[Role] = Role.METHOD
    trains: ClassVar[bool] = True  # False: the untouched reference is the result, or what `candidates` keeps of it
    needs_shift: ClassVar[bool] = False  # True: training reads the cell's shift, not the labels alone
    needs_rewards: ClassVar[bool] = False  # True: training has new completions scored, under the cell's shift

    @abstractmethod
    def train(self, job: TrainingJob) -> None:
        """Train the policy of `job` and save its checkpoints through it."""

    def skip(self, shift: Any) -> str | None:
        """Why the method cannot be trained on `shift`, in words for the reader of the leaderboard; None: it can."""
        return None

    def training_shift(self, shift: S) -> S:
        """The shift whose labels the method trains on: the cell's own, unless the method is an oracle."""
        return shift

    def parts(self, shift: Any) -> Sequence[tuple[Method, Any]]:
        """Policies that `train` combines (`TrainingJob.average`): the method that trains each, and the shift it is a
        cell of. A cell of the matrix that is the same is trained once."""
        return ()

    @property
    def candidates(self) -> int | None:
        """Completions drawn from the reference for every one that is evaluated, of which the one with the greatest
        learned utility under the cell's shift is kept; None: the policy's own completion is evaluated."""
        return None


class PairwiseMethod(Method):
    """A method whose objective is a weighted sum of losses per pair.

    objective = sum_i w_i l_i + penalty, with l = `pair_losses` and w = `pair_weights`, both over the global batch of
    one optimiser step (all micro-batches, all workers). The weights are not differentiated. A method that also
    penalises the gradient of each pair's loss with respect to its input embeddings overrides `input_penalty`; one with
    running quantities (group weights, moving averages) overrides `initial_state` and `next_state`.
    """

    couples_losses: ClassVar[bool] = False  # True: `pair_losses` reads other pairs, e.g. sorts them
    pushes_chosen: ClassVar[int] = 1  # on a fresh policy: 1 up, 0 not at all, -1 down
    pushes_rejected: ClassVar[int] = -1
    convex: ClassVar[bool] = False  # whether the objective is convex in the log-ratio margins

    @abstractmethod
    def pair_losses(self, batch: PairBatch) -> Tensor:
        """What each pair costs, shape [pairs], differentiable with respect to the policy's log-probabilities."""

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """The weight of every pair of the global batch, shape [pairs], sums to 1, detached. Default: uniform, or
        proportional to exp(`log_weights`) where that is defined."""
        logs = self.log_weights(losses.detach())
        if logs is None:
            return torch.full_like(losses, 1.0 / len(losses))
        return torch.softmax(logs, dim=0)

    def log_weights(self, losses: Tensor) -> Tensor | None:
        """Log of every pair's weight up to one common constant, shape [pairs]; element i reads losses[i] alone.

        Weights of this form need no first pass over a split batch, so prefer it to `pair_weights` where it fits.
        """
        return None

    def input_penalty(self, squared_norms: Tensor) -> Tensor | None:
        """A scalar added to the objective, as a function of ||d l_i / d embeddings_i||^2 over the global batch, shape
        [pairs]. None (the default): no penalty, and the norms are never computed."""
        return None

    @property
    def learning_rate_factor(self) -> float:
        """By how much the run's learning rate is multiplied: 1 but for a method that sweeps it."""
        return 1.0

    @property
    def penalty_solver(self) -> Solver:
        """How the penalty is differentiated."""
        return Solver.AUTO

    def initial_state(self, groups: int) -> dict[str, Tensor]:
        """Running quantities before the first step, saved with every checkpoint. `groups`: how many the pairs have."""
        return {}

    def next_state(self, batch: PairBatch) -> dict[str, Tensor]:
        """The running quantities that this step uses, from the detached global batch, whose `state` holds those of the
        step before. The losses and weights of the step then see them as `batch.state`."""
        return {}

    def train(self, job: TrainingJob) -> None:
        """Minimise the objective on the cell's pairs."""
        job.fit_pairs(self)

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """Stated limits: an extreme of this method, and the method that it becomes there. The contract suite checks
        that both take the same step."""
        return ()

    @classmethod
    def has_state(cls) -> bool:
        """Whether the method keeps running quantities."""
        return cls.next_state is not PairwiseMethod.next_state

    @classmethod
    def penalises_inputs(cls) -> bool:
        """Whether the objective has an input-gradient penalty."""
        return cls.input_penalty is not PairwiseMethod.input_penalty

    def normalises_weights(self) -> bool:
        """Whether the weights sum to 1; a form that a paper released without normalising says no."""
        return True

    def coupling(self) -> Coupling:
        """How the objective couples the batch, from what the class overrides."""
        cls = type(self)
        if cls.couples_losses or cls.has_state() or cls.penalises_inputs():
            return Coupling.BATCH
        if cls.pair_weights is not PairwiseMethod.pair_weights:
            return Coupling.BATCH
        return Coupling.NONE if cls.log_weights is PairwiseMethod.log_weights else Coupling.SCALE


class TrainingJob(Protocol):
    """What the benchmark hands to `Method.train`: one cell's policy, pairs and folder."""

    def fit_pairs(self, method: PairwiseMethod, stop_after: float = 1.0, margins: Tensor | None = None) -> None:
        """Train the policy on the cell's pairs with the formula of `method`, saving its checkpoints.

        Args:
            method: the formula.
            stop_after: the part of the schedule to run, in (0, 1]; the learning rate follows the whole schedule.
            margins: replaces `PairBatch.margins`, shape [pairs].
        """

    def fit_unpaired(self, beta: float, desirable_weight: float, undesirable_weight: float) -> None:
        """Train the policy with KTO's loss, every pair taken apart into a desirable and an undesirable completion.

        Args:
            beta: strength of the KL regularisation towards the reference, per nat.
            desirable_weight: weight of the chosen completions' losses.
            undesirable_weight: weight of the rejected ones'.
        """

    def fit_online(self, beta: float, generations: int) -> None:
        """Train the policy by policy gradient on its own completions, rewarded by their learned utility under `shift`
        in nats, with a leave-one-out baseline. Needs `needs_rewards`.

        Args:
            beta: weight of the KL from the reference in the reward, per nat.
            generations: completions per prompt, at least 2.
        """

    def average(self, weights: Sequence[float]) -> None:
        """Write the average of the policies of `Method.parts`, checkpoint by checkpoint.

        Args:
            weights: one per part, >= 0, sum to 1.
        """

    def utility_margins(self, shift: Any) -> Tensor:
        """Learned utility under `shift` of chosen minus rejected, times the labels' sharpness, shape [pairs]: the log
        odds, in nats, by which annotators of that shift choose as the labels do. Needs `needs_shift`."""

    @property
    def shift(self) -> Any:
        """The shift of the cell, which `Method.training_shift` may have left. Needs `needs_shift` or
        `needs_rewards`."""


def parse_method(text: str) -> Method:
    """The method of a call such as `dpo` or `kldpo(tau=0.3)`.

    Raises:
        UserError: unknown name or hyper-parameter, or a value out of range.
    """
    name, arguments = parse_call(text)
    return Method.registry.get(name).make(**arguments)
