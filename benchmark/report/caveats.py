"""What a reader of an arena must know beside its numbers: one class per kind of caveat, with its facts."""

from __future__ import annotations

from dataclasses import dataclass
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


Caveat: TypeAlias = (
    FewSeeds | MixedRuns | OtherMachines | UnlikeRepeats | MorePolicies | UnequalPolicies | SeveralArithmetics
)
