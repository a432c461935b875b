"""Methods that break one promise of the contract each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn.functional import logsigmoid, softplus

from methods import Coupling, Method, hyperparameter, log_uniform
from methods.dpo import DPO
from methods.kldpo import KLDPO

from .breaking import breaks


@breaks("frozen")
class NoDataclass(DPO):
    """Its fields are those of its parent."""

    name = "broken_no_dataclass"


@breaks("documented")
@dataclass(frozen=True)
class Silent(DPO):
    """Says nothing about its field."""

    name = "broken_silent"

    extra: float = hyperparameter(1.0, log_uniform(0.1, 10.0))


@breaks("defaults")
@dataclass(frozen=True)
class FarDefault(DPO):
    """extra: never searched where it stands."""

    name = "broken_far_default"

    extra: float = hyperparameter(100.0, log_uniform(0.1, 10.0))


@breaks("validation")
@dataclass(frozen=True)
class Unvalidated(DPO):
    """Takes what it is given."""

    name = "broken_unvalidated"

    def __post_init__(self):
        pass


@breaks("round trip")
@dataclass(frozen=True)
class WrongCall(DPO):
    """Shows itself as another method."""

    name = "broken_wrong_call"

    def __str__(self):
        return "dpo(beta=0.7)"


@breaks("hparams")
@dataclass(frozen=True)
class TupleField(DPO):
    """sizes: become a list in JSON."""

    name = "broken_tuple_field"

    sizes: tuple[int, ...] = hyperparameter((1, 2))


@breaks("skip")
@dataclass(frozen=True)
class SilentSkip(DPO):
    """Skips without a reason."""

    name = "broken_silent_skip"

    def skip(self, shift):
        return ""


@breaks("skip")
@dataclass(frozen=True)
class NothingToTrainOn(DPO):
    """Skips nothing, and has no shift to train on."""

    name = "broken_nothing_to_train_on"

    def training_shift(self, shift):
        return None


@breaks("pure")
@dataclass(frozen=True)
class Random(DPO):
    """Adds noise."""

    name = "broken_random"

    def pair_losses(self, batch):
        losses = super().pair_losses(batch)
        return losses + torch.rand_like(losses)


@breaks("pure")
@dataclass(frozen=True)
class InPlace(DPO):
    """Writes into the batch."""

    name = "broken_in_place"

    def pair_losses(self, batch):
        batch.ref_chosen_logps.clamp_(min=-12.0)
        return super().pair_losses(batch)


@breaks("pure")
@dataclass(frozen=True)
class Scalar(DPO):
    """A mean in place of one loss per pair."""

    name = "broken_scalar"

    def pair_losses(self, batch):
        return super().pair_losses(batch).mean()


@breaks("own pair")
@dataclass(frozen=True)
class Centred(DPO):
    """Subtracts the batch's mean margin."""

    name = "broken_centred"

    def pair_losses(self, batch):
        return -logsigmoid(self.beta * (batch.log_ratio_margin - batch.log_ratio_margin.mean()))


@breaks("finite")
@dataclass(frozen=True)
class Naive(DPO):
    """log(sigmoid) is -infinity from some hundred nats on."""

    name = "broken_naive"

    def pair_losses(self, batch):
        return -torch.log(torch.sigmoid(self.beta * batch.log_ratio_margin))


@breaks("finite")
@dataclass(frozen=True)
class FiniteInDouble(DPO):
    """Squares squares: beyond float32 alone."""

    name = "broken_finite_in_double"

    def pair_losses(self, batch):
        return super().pair_losses(batch) + 1e-30 * batch.log_ratio_margin**10


@breaks("finite")
@dataclass(frozen=True)
class EndlessSlope(DPO):
    """Its loss is finite everywhere, its slope is not where the log-ratio is 0."""

    name = "broken_endless_slope"

    def pair_losses(self, batch):
        return softplus(-self.beta * batch.log_ratio_margin) + batch.chosen_log_ratios.abs().sqrt()


@breaks("gradient")
@dataclass(frozen=True)
class HalfDetached(DPO):
    """Half of the margin is not differentiated."""

    name = "broken_half_detached"

    def pair_losses(self, batch):
        margin = batch.log_ratio_margin
        return -logsigmoid(self.beta * (margin + margin.detach()) / 2)


@breaks("weights")
@dataclass(frozen=True)
class HeavyWeights(DPO):
    """Weights sum to the number of pairs."""

    name = "broken_heavy_weights"

    def pair_weights(self, losses, batch):
        return torch.ones_like(losses).detach()


@breaks("weights")
@dataclass(frozen=True)
class NegativeWeights(DPO):
    """Weights sum to 1, not all of them above 0."""

    name = "broken_negative_weights"

    def pair_weights(self, losses, batch):
        return 1 / len(losses) + (losses - losses.mean()).detach()


@breaks("weights")
@dataclass(frozen=True)
class LiveWeights(DPO):
    """Weights with a graph."""

    name = "broken_live_weights"

    def pair_weights(self, losses, batch):
        return torch.softmax(losses, 0)


@breaks("weights")
@dataclass(frozen=True)
class TwoKindsOfWeights(KLDPO):
    """`pair_weights` and `log_weights` say different things."""

    name = "broken_two_kinds_of_weights"

    def pair_weights(self, losses, batch):
        return torch.softmax(2 * losses.detach(), 0)


@breaks("weights")
@dataclass(frozen=True)
class LocalLogs(KLDPO):
    """Log weights that are normalised over whatever pairs are there."""

    name = "broken_local_logs"

    def log_weights(self, losses):
        return torch.log_softmax(losses, 0)


@breaks("permutation")
@dataclass(frozen=True)
class FirstComeFirst(DPO):
    """Weighs pairs by their place."""

    name = "broken_first_come"

    def pair_weights(self, losses, batch):
        return torch.softmax(-torch.arange(len(losses), dtype=losses.dtype), 0)


@breaks("permutation")
@dataclass(frozen=True)
class HardestAlone(DPO):
    """Takes the first of several equally hard pairs."""

    name = "broken_hardest_alone"

    def pair_weights(self, losses, batch):
        weights = torch.zeros_like(losses).detach()
        weights[losses.detach().argmax()] = 1.0
        return weights


@breaks("direction")
@dataclass(frozen=True)
class ChosenOnly(DPO):
    """Does not push the rejected completion, and does not say so."""

    name = "broken_chosen_only"

    def pair_losses(self, batch):
        return -logsigmoid(self.beta * batch.chosen_log_ratios)


@breaks("groups")
@dataclass(frozen=True)
class NeedsGroups(DPO):
    """Reads groups that most shifts do not have."""

    name = "broken_needs_groups"

    def pair_losses(self, batch):
        return super().pair_losses(batch) * (1.0 + batch.groups.double())


@breaks("limits")
@dataclass(frozen=True)
class FalseLimit(DPO):
    """States that a beta does not matter."""

    name = "broken_false_limit"

    @classmethod
    def limits(cls):
        return [(cls(beta=0.1), DPO(beta=0.1001))]


@breaks("convexity")
@dataclass(frozen=True)
class Bent(DPO):
    """A sigmoid is not convex."""

    name = "broken_bent"
    convex = True

    def pair_losses(self, batch):
        return torch.sigmoid(-self.beta * batch.log_ratio_margin)


@breaks("input penalty")
@dataclass(frozen=True)
class SteepPenalty(DPO):
    """A root without a floor."""

    name = "broken_steep_penalty"

    def input_penalty(self, squared_norms):
        return squared_norms.mean().sqrt()


@breaks("input penalty")
@dataclass(frozen=True)
class Reward(DPO):
    """A penalty below 0."""

    name = "broken_reward"

    def input_penalty(self, squared_norms):
        return -squared_norms.mean()


@breaks("objective")
@dataclass(frozen=True)
class WrongCoupling(DPO):
    """Weights, and the claim that there are none."""

    name = "broken_wrong_coupling"

    def pair_weights(self, losses, batch):
        return torch.softmax(losses.detach(), 0)

    def coupling(self):
        return Coupling.NONE


@breaks("state")
@dataclass(frozen=True)
class ForgetfulState(DPO):
    """Carries on under another name."""

    name = "broken_forgetful_state"

    def initial_state(self, groups):
        return {"mean": torch.zeros(())}

    def next_state(self, batch):
        return {"average": batch.log_ratio_margin.mean()}


@breaks("state")
@dataclass(frozen=True)
class GrowingState(DPO):
    """Grows at every step."""

    name = "broken_growing_state"

    def initial_state(self, groups):
        return {"means": torch.zeros(0, dtype=torch.float64)}

    def next_state(self, batch):
        return {"means": torch.cat([batch.state["means"], batch.log_ratio_margin.mean()[None]])}


@breaks("state")
@dataclass(frozen=True)
class SinglePrecision(DPO):
    """Starts in float32, and follows the batch's type from then on."""

    name = "broken_single_precision"

    def initial_state(self, groups):
        return {"mean": torch.zeros(())}

    def next_state(self, batch):
        return {"mean": 0.5 * batch.state["mean"] + 0.5 * batch.log_ratio_margin.mean()}


@breaks("resume")
@dataclass(frozen=True)
class HiddenState(DPO):
    """Keeps its running mean on the class, where no checkpoint finds it."""

    name = "broken_hidden_state"
    hidden: ClassVar[float] = 0.0

    def initial_state(self, groups):
        return {"mean": torch.zeros(())}

    def next_state(self, batch):
        type(self).hidden = 0.5 * self.hidden + 0.5 * float(batch.log_ratio_margin.mean())
        return {"mean": torch.tensor(self.hidden)}

    def pair_losses(self, batch):
        return -logsigmoid(self.beta * (batch.log_ratio_margin - batch.state["mean"]))


@breaks("trains")
@dataclass(frozen=True)
class Idle(Method):
    """Trains, but leaves nothing."""

    name = "broken_idle"

    def train(self, job):
        pass


@breaks("trains")
@dataclass(frozen=True)
class Copy(Method):
    """Leaves the reference."""

    name = "broken_copy"

    def train(self, job):
        import shutil

        shutil.copytree(job.cell.policy, job.cell.folder / "step-000001")
