"""DPO, robust to reweightings of the batch inside a KL ball."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from methods import Coupling, PairBatch, PairwiseMethod, Role, UserError, choice, hyperparameter, log_uniform
from methods.dpo import DPO
from methods.worst_case import ball_weights

NORMALISED, RELEASED = "normalised", "released"
TAU = 1.0  # where neither tau nor rho is given
GREATEST = 10.0  # the release's clamp of the unnormalised weights


@dataclass(frozen=True)
class KLDPO(DPO):
    """DPO under the worst reweighting of the batch inside a KL ball: pairs weigh as exp(l / tau), normalised.

    tau: temperature of the worst case, in nats of loss; tau -> infinity is DPO, tau -> 0 the hardest pair alone. It is
    1 where neither tau nor rho is given.
    rho: radius of the ball, in nats, instead of tau: at every step tau is what the ball's dual says,
    argmin_tau tau rho + tau log mean_i exp(l_i / tau). rho -> 0 is DPO; from log(pairs) on, the hardest pair alone.
    form: `normalised` weights sum to 1. `released` ones, min(exp((l - mean l) / tau), 10) / pairs as in the authors'
    code, do not, and are no worst case over a ball; here over the global batch, there over each micro-batch.
    Source: arXiv:2502.01930, Algorithm 2.
    """

    name = "kldpo"
    paper = "arXiv:2502.01930, Algorithm 2"
    role = Role.METHOD
    convex = True  # of an object with the released form: False

    tau: float | None = hyperparameter(None, log_uniform(0.05, 10.0))
    rho: float | None = hyperparameter(None)
    form: str = hyperparameter(NORMALISED, choice(NORMALISED, RELEASED))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rho is None:
            object.__setattr__(self, "tau", TAU if self.tau is None else self.tau)
        elif self.tau is not None:
            raise UserError(f"{self.name}: give tau or rho, not both; got tau={self.tau:g} and rho={self.rho:g}.")
        elif not self.rho > 0:
            raise UserError(f"{self.name}: rho must be a number > 0, got {self.rho!r}.")
        elif self.form == RELEASED:
            raise UserError(f"{self.name}: form={RELEASED} takes tau; rho needs form={NORMALISED}.")
        if self.form == RELEASED:
            object.__setattr__(self, "convex", False)

    def log_weights(self, losses: Tensor) -> Tensor | None:
        """l / tau, shape [pairs]: P_i = exp(l_i / tau) / sum_j exp(l_j / tau); the mean in the paper's exponent
        cancels. None with rho, and in the released form."""
        return None if self.tau is None or self.form == RELEASED else losses / self.tau

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """The tilt of the form or of the radius, shape [pairs], detached."""
        if self.rho is not None:
            return ball_weights(losses, self._tilt)
        if self.form == NORMALISED:
            return super().pair_weights(losses, batch)
        assert self.tau is not None
        exponents = (losses.detach() - losses.detach().mean()) / self.tau
        return exponents.clamp_max(math.log(GREATEST)).exp() / len(losses)

    def normalises_weights(self) -> bool:
        """Not in the released form."""
        return self.form == NORMALISED

    def coupling(self) -> Coupling:
        """Through the normaliser alone where tau is given and weights are normalised."""
        return Coupling.SCALE if self.rho is None and self.form == NORMALISED else Coupling.BATCH

    def _tilt(self, gaps: Tensor) -> Tensor:
        """Weights at the temperature of the dual, shape [pairs]; equal on the hardest pairs where the ball holds that.

        At the minimiser the tilted weights lie on the ball: KL(P_tau || uniform) = rho. KL falls in tau, and is at most
        (range of l)^2 / (8 tau^2) (Hoeffding), whence the upper end of the search.
        """
        assert self.rho is not None
        radius = min(self.rho, math.log(len(gaps)) + 1.0)  # every radius from log(pairs) on is one
        high = (-gaps.min() / math.sqrt(8.0 * radius)).log()
        low = high - SPAN
        for _ in range(ROUNDS):
            grid = low + (high - low) * torch.linspace(0.0, 1.0, CUTS + 1, dtype=gaps.dtype, device=gaps.device)
            colder = (_divergences(gaps, grid.exp()) > radius).sum()  # points of the grid below the minimiser
            low, high = grid[(colder - 1).clamp_min(0)], grid[colder.clamp_max(CUTS)]
        return torch.softmax(gaps / high.exp(), dim=0)

    @classmethod
    def limits(cls) -> Sequence[tuple[PairwiseMethod, PairwiseMethod]]:
        """An infinite temperature and an empty ball are DPO."""
        return [(cls(tau=1e9), DPO()), (cls(rho=1e-13), DPO())]


SPAN = 60.0  # of log tau below its upper bound; far below, the weights are those of the hardest pairs to the last bit
CUTS, ROUNDS = 64, 8  # of the search; 64^8 is 3e14: log tau to 1e-12


def _divergences(gaps: Tensor, temperatures: Tensor) -> Tensor:
    """KL(softmax(gaps / tau) || uniform) for every tau, in nats, shape [temperatures]."""
    logs = torch.log_softmax(gaps / temperatures[:, None], dim=1)
    return (logs.exp() * logs).sum(1) + math.log(len(gaps))
