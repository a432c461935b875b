"""Below which differences log-probabilities, and losses made from them, are equal as far as float32 can tell."""

from __future__ import annotations

from torch import Tensor

EQUAL = 1e-5  # nats: losses, or log-probabilities of short completions, that differ by less are one number
RELATIVE = 1e-6  # of a log-probability: sums of tokens in another order differ by less; one number keeps 6e-8


def rounding(logps: Tensor) -> Tensor:
    """By how much log-probabilities may be off, in nats: a millionth of them, at least `EQUAL`; their shape."""
    return (RELATIVE * logps.detach().abs()).clamp_min(EQUAL)
