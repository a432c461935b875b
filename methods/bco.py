"""Binary classifier optimisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from methods import Coupling, PairBatch, PairwiseMethod, choice, hyperparameter, log_uniform

MEAN, OFF = "mean", "off"


@dataclass(frozen=True)
class BCO(PairwiseMethod):
    """A classifier that tells chosen from rejected: l = -log sigmoid(r_w - d) - log sigmoid(d - r_l).

    r = beta times the log-ratio. beta: per nat.
    reward_shift: the paper's delta, here d. mean: half the mean chosen plus half the mean rejected reward, over all
        pairs that the run has seen, those of this step included, and not differentiated; off: d = 0, which is TRL's
        `bco_pair`.
        The shift makes the loss a closer upper bound of DPO's. The paper defines it by expectations over the data; the
        running mean that estimates them is how earlier versions of TRL did it.
    The paper also weighs completions by how much the prompts of the two kinds differ; in pairs they are the same.
    Source: arXiv:2404.04656.
    """

    name = "bco"
    paper = "arXiv:2404.04656"

    beta: float = hyperparameter(0.1, log_uniform(0.01, 3.0))
    reward_shift: str = hyperparameter(MEAN, choice(MEAN, OFF))

    def pair_losses(self, batch: PairBatch) -> Tensor:
        """Logistic losses of both completions of each pair, shape [pairs], in nats."""
        chosen, rejected = self.beta * batch.chosen_log_ratios, self.beta * batch.rejected_log_ratios
        delta = batch.state["delta"] if self.reward_shift == MEAN else 0.0
        return -logsigmoid(chosen - delta) - logsigmoid(delta - rejected)

    def initial_state(self, groups: int) -> dict[str, Tensor]:
        """delta: the running mean of rewards, in nats; pairs: over how many pairs. Both scalars."""
        return {name: torch.zeros((), dtype=torch.float64) for name in ("delta", "pairs")}

    def next_state(self, batch: PairBatch) -> dict[str, Tensor]:
        """The mean with the pairs of this step."""
        rewards = self.beta * (batch.chosen_log_ratios + batch.rejected_log_ratios).double() / 2
        delta, seen = batch.state["delta"], batch.state["pairs"]
        pairs = seen + len(rewards)
        return {"delta": delta + (rewards.mean() - delta) * len(rewards) / pairs, "pairs": pairs}

    def coupling(self) -> Coupling:
        """Without the shift no pair knows of the others."""
        return Coupling.NONE if self.reward_shift == OFF else super().coupling()
