"""What a check is, and the four ways in which it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


class Broken(Exception):
    """The contract does not hold: what was expected, and what was got instead.

    change: what to change in the plug-in, where more is known than the check itself says.
    """

    def __init__(self, expected: str, got: str, change: str = "") -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected, self.got, self.change = expected, got, change


class NotApplicable(Exception):
    """The check says nothing about this class; the message says why."""


class Outcome(StrEnum):
    """How a check ended."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"  # it does not apply
    HELD_BACK = "held back"  # a check on which it builds has failed


@dataclass(frozen=True)
class Check:
    """One promise of the contract.

    function: takes the subject; returns a few words on what was measured; raises `Broken` or `NotApplicable`.
    change: what whoever wrote the plug-in is to change where the promise is broken.
    after: names of checks on which this one builds. Where one of them fails, this one would only fail again for the
    same reason, and is held back.
    slow: it builds something, or stands on what another one built.
    """

    name: str
    function: Callable[[Any], str]
    change: str = ""
    after: tuple[str, ...] = ()
    slow: bool = False

    @property
    def promise(self) -> str:
        """What holds where the check passes: the first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().split("\n", 1)[0]


@dataclass(frozen=True)
class Result:
    """The end of one check of one subject. `detail`: what was measured, or why it was not; empty where it failed, as
    the other three are where it did not."""

    check: Check
    outcome: Outcome
    detail: str = ""
    expected: str = ""
    got: str = ""
    change: str = ""


def expect(holds: Any, expected: str, got: str, change: str = "") -> None:
    """Raise `Broken` unless `holds`."""
    if not bool(holds):
        raise Broken(expected, got, change)


def expect_close(
    got: ArrayLike, expected: ArrayLike, tolerance: float, what: str, slack: float = 0.0, change: str = ""
) -> float:
    """Raise `Broken` where two arrays differ; returns their greatest difference relative to the greatest entry.

    Args:
        got: the array under test.
        expected: what it must equal, same shape.
        tolerance: greatest difference, relative to the greatest entry of `expected`.
        what: the arrays in words, for the message.
        slack: greatest difference that is allowed in any case, absolute.
        change: what to change where they differ.
    """
    one, other = np.asarray(got, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    expect(one.shape == other.shape, f"{what} of shape {list(other.shape)}", f"shape {list(one.shape)}", change)
    if not one.size:
        return 0.0
    difference = np.abs(one - other)
    scale = float(np.abs(other).max())
    bad = ~(difference <= tolerance * scale + slack)  # written so that NaN is bad
    if bad.any():
        at = np.unravel_index(int(np.argmax(np.where(np.isnan(difference), np.inf, difference))), one.shape)
        entry = f" at {[int(i) for i in at]}" if one.size > 1 else ""
        how_close = f"to {tolerance:g} of the greatest entry {scale:.3g}" if tolerance else "exactly"
        raise Broken(
            f"{what}{entry} {other[at]:.8g}, {how_close}", f"{one[at]:.8g}, off by {difference[at]:.3g}", change
        )
    return float(difference.max() / scale) if scale else 0.0


def measured(difference: float) -> str:
    """The usual words for a check that passed by comparing arrays."""
    return f"greatest relative difference {difference:.1e}"
