"""Weights on the simplex: a blend of objectives, its text, and what an annotator who holds it feels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shifts import Array, Rewards, UserError

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Blend:
    """A weighted sum of objectives, u = sum_k w_k r_k, w >= 0, sum w = 1.

    weights: by objective, in the order in which they are named.
    """

    weights: Mapping[str, float]

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives with a weight, zero or not."""
        return tuple(self.weights)

    def utility(self, rewards: Rewards) -> Array:
        """The weighted sum, shape [completions], in the rewards' own units."""
        parts = [weight * rewards[objective] for objective, weight in self.weights.items()]
        return np.sum(parts, axis=0)

    def __str__(self) -> str:
        return blend_text(self.weights)


def parse_blend(owner: str, text: str) -> Blend:
    """The blend of a text such as `joy:0.7+sadness:0.3`; `owner` begins the message of a mistake.

    Raises:
        UserError: not of that form, a weight below 0, or weights that do not sum to 1.
    """
    weights: dict[str, float] = {}
    for part in filter(None, text.split("+")):
        objective, colon, weight = part.partition(":")
        if not colon:
            raise UserError(f"{owner}: cannot read {part!r} in weights={text!r}; expected objective:weight.")
        weights[objective.strip()] = number(owner, f"weight of {objective.strip()}", weight)
    if not weights or abs(sum(weights.values()) - 1) > TOLERANCE:
        raise UserError(
            f"{owner}: weights must be >= 0 and sum to 1, got {text!r} (sum {sum(weights.values()):g}); "
            "write weights=joy:0.7+sadness:0.3."
        )
    return Blend(weights)


def blend_text(weights: Mapping[str, float]) -> str:
    """The canonical form; seven decimals keep Dirichlet draws on the simplex to within the tolerance."""
    return "+".join(
        f"{name}:{round(float(weight), 7):g}" if round(weight, 4) == round(weight, 7) else f"{name}:{weight:.7f}"
        for name, weight in weights.items()
    )


def number(owner: str, name: str, text: str) -> float:
    """The finite number >= 0 that `text` says; else a UserError that begins with `owner` and names `name`."""
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{owner}: {name} must be a number, got {text!r}.") from None
    if not 0 <= value < math.inf:
        raise UserError(f"{owner}: {name} must be a finite number >= 0, got {text!r}.")
    return value


def whole_number(owner: str, name: str, text: str, least: float = -math.inf, most: float = math.inf) -> int:
    """The whole number in [least, most] that `text` says; else a UserError as that of `number`."""
    try:
        value = int(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        allowed = f" from {least} to {most}" if most < math.inf else ""
        raise UserError(f"{owner}: {name} must be a whole number{allowed}, got {text!r}.")
    return value
