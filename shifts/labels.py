"""From utilities to labels: which of two completions the annotators choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shifts import Array, UserError

BRADLEY_TERRY, ARGMAX, LUCE = "bradley_terry", "argmax", "luce"


@dataclass(frozen=True)
class Labelling:
    """How annotators turn two utilities into a choice.

    bradley_terry: first chosen with probability sigmoid(sharpness (u1 - u2)); argmax: the greater utility is chosen,
    ties by a fair coin; luce: with probability u1 / (u1 + u2), for utilities that are no less than 0, such as shares of
    answers (two of 0 by a fair coin). `sharpness`, of bradley_terry alone, is in nats per unit of utility.
    Source: arXiv:2502.01930 (Bradley-Terry in Section 3; argmax in the appendix and the released code); Luce,
    Individual Choice Behavior, 1959.
    """

    kind: str = BRADLEY_TERRY
    sharpness: float = 20.0

    def __post_init__(self) -> None:
        if self.kind not in (BRADLEY_TERRY, ARGMAX, LUCE):
            raise UserError(f"labels must be {BRADLEY_TERRY}, {ARGMAX} or {LUCE}, got {self.kind!r}.")
        if not self.sharpness > 0:
            raise UserError(f"label sharpness must be > 0, got {self.sharpness!r}.")

    def probability_first(self, first: Array, second: Array) -> Array:
        """P(first is chosen) for utilities of shape [pairs]."""
        if self.kind == ARGMAX:
            return np.where(first == second, 0.5, (first > second).astype(np.float64))
        if self.kind == LUCE:
            return _luce(first, second)
        return 1.0 / (1.0 + np.exp(-np.clip(self.sharpness * (first - second), -500, 500)))

    def choose_first(self, first: Array, second: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Whether the first completion is chosen, shape [pairs]; one uniform number is drawn per pair whatever the
        kind, so that the two kinds and all shifts share their noise."""
        return rng.random(len(first)) < self.probability_first(first, second)


def _luce(first: Array, second: Array) -> Array:
    if min(first.min(initial=0.0), second.min(initial=0.0)) < 0:
        raise UserError(f"labels.kind={LUCE} needs utilities of at least 0, as shares are; use {BRADLEY_TERRY}.")
    both = first + second
    return np.divide(first, both, out=np.full_like(both, 0.5), where=both != 0)


def draw_annotators(shares: Sequence[float], pairs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The number of the group whose annotator labels each pair, shape [pairs]; group g is drawn with chance shares[g].

    One uniform number is drawn per pair whatever the shares, so that a larger group keeps the pairs that it had.
    """
    upper = np.cumsum(shares)
    return np.searchsorted(upper / upper[-1], rng.random(pairs), side="right")
