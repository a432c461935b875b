"""From utilities to labels: which of two completions the annotators choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shifts import Array, UserError

BRADLEY_TERRY, ARGMAX = "bradley_terry", "argmax"


@dataclass(frozen=True)
class Labelling:
    """How annotators turn two utilities into a choice.

    bradley_terry: first chosen with probability sigmoid(sharpness (u1 - u2)); argmax: the greater utility is chosen,
    ties by a fair coin. `sharpness` is in nats per unit of utility.
    Source: arXiv:2502.01930 (Bradley-Terry in Section 3; argmax in the appendix and the released code).
    """

    kind: str = BRADLEY_TERRY
    sharpness: float = 20.0

    def __post_init__(self) -> None:
        if self.kind not in (BRADLEY_TERRY, ARGMAX):
            raise UserError(f"labels must be {BRADLEY_TERRY} or {ARGMAX}, got {self.kind!r}.")
        if not self.sharpness > 0:
            raise UserError(f"label sharpness must be > 0, got {self.sharpness!r}.")

    def probability_first(self, first: Array, second: Array) -> Array:
        """P(first is chosen) for utilities of shape [pairs]."""
        if self.kind == ARGMAX:
            return np.where(first == second, 0.5, (first > second).astype(np.float64))
        return 1.0 / (1.0 + np.exp(-np.clip(self.sharpness * (first - second), -500, 500)))

    def choose_first(self, first: Array, second: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Whether the first completion is chosen, shape [pairs]; one uniform number is drawn per pair whatever the
        kind, so that the two kinds and all shifts share their noise."""
        return rng.random(len(first)) < self.probability_first(first, second)


def draw_annotators(shares: Sequence[float], pairs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The number of the group whose annotator labels each pair, shape [pairs]; group g is drawn with chance shares[g].

    One uniform number is drawn per pair whatever the shares, so that a larger group keeps the pairs that it had.
    """
    upper = np.cumsum(shares)
    return np.searchsorted(upper / upper[-1], rng.random(pairs), side="right")
