"""What methods share that are robust to which group of annotators is asked."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from methods import PairBatch, PairwiseMethod

LOGS = "log_group_weights"


class GroupRobust(PairwiseMethod):
    """Weights q over groups of annotators that follow the worst-off: to be mixed into a method with `pair_losses`.

    Before every step q_g <- q_g exp(s L_g), then q is normalised; L_g is group g's mean loss in the global batch, s the
    `ascent`. A pair of group g weighs q_g / n_g, with n_g the group's pairs in the batch. The factor of a group that
    the batch lacks is 1, and the weights of the groups that are there are scaled to sum to 1. q starts uniform. It is
    kept as logarithms, so that no group is lost to underflow.
    """

    @property
    @abstractmethod
    def ascent(self) -> float:
        """s, what log q gains per unit of a group's mean loss and step."""

    def skip(self, shift: Any) -> str | None:
        """A shift whose pairs carry no groups."""
        return None if len(shift.annotators()) > 1 else f"shift {shift.name} has no annotator groups"

    def pair_weights(self, losses: Tensor, batch: PairBatch) -> Tensor:
        """q_g / n_g of every pair's group, scaled to sum to 1, shape [pairs].

        Raises:
            ValueError: the batch has no groups.
        """
        groups, logs = self._groups(batch), batch.state[LOGS]
        sizes = torch.bincount(groups, minlength=len(logs))
        return torch.softmax(logs[groups] - sizes[groups].log(), dim=0).to(losses.dtype)

    def initial_state(self, groups: int) -> dict[str, Tensor]:
        """The logarithm of q, shape [groups]: uniform."""
        return {LOGS: torch.zeros(groups, dtype=torch.float64).log_softmax(0)}

    def next_state(self, batch: PairBatch) -> dict[str, Tensor]:
        """One step of exponentiated ascent on the groups' mean losses."""
        groups, logs = self._groups(batch), batch.state[LOGS]
        member = (groups[:, None] == torch.arange(len(logs), device=groups.device)).to(logs.dtype)
        totals = self.pair_losses(batch).to(logs.dtype) @ member  # index_add would sum in a random order on a GPU
        means = totals / member.sum(0).clamp_min(1)
        return {LOGS: (logs + self.ascent * means).log_softmax(0)}

    def _groups(self, batch: PairBatch) -> Tensor:
        if batch.groups is None:
            raise ValueError(f"{self.name} needs the number of every pair's group of annotators")
        return batch.groups
