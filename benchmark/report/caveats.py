"""What a reader of an arena must know beside its numbers: one class per kind of caveat, with its facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in all merged runs: its name, and each value with the folders that have it.

    of_cell: the two are one cell that was made from something different, and not a setting.
    """

    key: str
    values: tuple[tuple[str, tuple[str, ...]], ...]
    of_cell: bool = False


@dataclass(frozen=True)
class Repeats:
    """Cells that more than one run finished: how many, how many of them gave other numbers, and the greatest gap."""

    cells: int = 0
    different: int = 0
    greatest: float = 0.0
    metric: str = ""


@dataclass(frozen=True)
class NoPositiveControl:
    """None was judged, so nothing shows that the envelope could be cleared at all."""


@dataclass(frozen=True)
class PositiveControlsFail:
    """Rows, by label, that know more than a method does and do not clear the envelope; `every`: no other one does."""

    labels: tuple[str, ...]
    every: bool


@dataclass(frozen=True)
class NegativeControlClears:
    """Plain DPO inside the sweep, by label, that clears the envelope of the other betas."""

    label: str


@dataclass(frozen=True)
class NoNegativeControl:
    """No plain DPO lies inside a sweep."""


@dataclass(frozen=True)
class FewSeeds:
    """So few seeds that intervals are wide, or are over prompts alone."""

    seeds: int


@dataclass(frozen=True)
class MixedRuns:
    """Merged runs that were not made alike."""

    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class OtherMachines:
    """Merged runs that differ in what leaves rows comparable."""

    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class UnlikeRepeats:
    """Merged runs that hold the same cells with other numbers."""

    repeats: Repeats


@dataclass(frozen=True)
class MorePolicies:
    """Methods with more policies to choose from than plain DPO has."""

    counts: tuple[tuple[str, int], ...]
    dpo: int


@dataclass(frozen=True)
class UnequalPolicies:
    """Methods whose number of policies is not the usual one."""

    counts: tuple[tuple[str, int], ...]
    usual: int


@dataclass(frozen=True)
class SeveralArithmetics:
    """Merged runs whose arithmetics make the same seeds other draws.

    arithmetics: fingerprints, each with its folders. seeds: those that are several draws; draws: how many, in all.
    """

    arithmetics: tuple[tuple[str, tuple[str, ...]], ...]
    seeds: tuple[int, ...]
    draws: int


@dataclass(frozen=True)
class CollapsedSeeds:
    """A row, by label, of whose seeds some collapsed; seeds: their names, as in `Collapse.seeds_fallen`."""

    label: str
    seeds: tuple[str, ...]
    role: str


Caveat: TypeAlias = (
    NoPositiveControl
    | PositiveControlsFail
    | NegativeControlClears
    | NoNegativeControl
    | FewSeeds
    | MixedRuns
    | OtherMachines
    | UnlikeRepeats
    | MorePolicies
    | UnequalPolicies
    | SeveralArithmetics
    | CollapsedSeeds
)


class Controls(StrEnum):
    """How the controls of an arena stand."""

    BEHAVE = "behave"
    FAIL = "fail"
    SOME_FAIL = "some_fail"
    NOT_ALL_JUDGED = "not_all_judged"


def controls(caveats: Sequence[Caveat]) -> Controls:
    """The gravest that any caveat says."""
    if any(isinstance(c, NegativeControlClears) or (isinstance(c, PositiveControlsFail) and c.every) for c in caveats):
        return Controls.FAIL
    if any(isinstance(caveat, PositiveControlsFail) for caveat in caveats):
        return Controls.SOME_FAIL
    if any(isinstance(caveat, NoPositiveControl | NoNegativeControl) for caveat in caveats):
        return Controls.NOT_ALL_JUDGED
    return Controls.BEHAVE
