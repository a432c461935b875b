"""The groups of a preference set as objectives: which ones, and by which names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmark.core.errors import UserError, unknown
from benchmark.suites.names import slug
from benchmark.suites.preferences.judgements import Judgement


@dataclass(frozen=True)
class Groups:
    """originals: the file's own name of each group, by the name of its objective; sizes: labels of every group of the
    file, the largest first."""

    originals: dict[str, str]
    sizes: dict[str, int]

    @property
    def objectives(self) -> tuple[str, ...]:
        """Names that a call can hold."""
        return tuple(self.originals)

    def numbers(self) -> dict[str, int]:
        """The number of an objective by the file's own name of the group."""
        return {original: number for number, original in enumerate(self.originals.values())}


def sizes_of(found: Sequence[Judgement]) -> dict[str, int]:
    """Labels of every group, the largest first, ties by name."""
    counted = Counter(judgement.group for judgement in found)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def slugs(groups: Sequence[str]) -> dict[str, str]:
    """By group a name of its own: where two would get the same one, the later gets a number."""
    names: dict[str, str] = {}
    for group in groups:
        name = plain = slug(group)
        number = 2
        while name in names.values():
            name, number = f"{plain}_{number}", number + 1
        names[group] = name
    return names


def choose(found: Sequence[Judgement], wanted: int | Sequence[str]) -> Groups:
    """The largest groups, as many as wanted, or those that are named, by either name.

    Raises:
        UserError: there are fewer groups, or none of such a name.
    """
    sizes = sizes_of(found)
    names = slugs(list(sizes))
    if isinstance(wanted, int):
        if len(sizes) < wanted:
            raise UserError(
                f"suite.groups is {wanted}, but the data has {_shown(sizes)}. A shift is a change in the mix of "
                "groups: name the column that tells them apart, --set suite.columns.group=COLUMN (one of numbers is "
                "cut into ranges by suite.group_bins). prefshift inspect FILE shows the columns."
            )
        chosen = list(sizes)[:wanted]
    else:
        by_name = {**{name: group for group, name in names.items()}, **{group: group for group in sizes}}
        for name in wanted:
            if name not in by_name:
                raise UserError(f"suite.groups: {unknown('group', name, sizes)}")
        chosen = list(dict.fromkeys(by_name[name] for name in wanted))
        if len(chosen) < 2:
            raise UserError(f"suite.groups: at least two different groups are needed, got {', '.join(wanted)}.")
    return Groups({names[group]: group for group in chosen}, sizes)


def in_ranges(found: Sequence[Judgement], bins: int, column: str) -> list[Judgement]:
    """The same with groups of numbers replaced by `bins` ranges that hold about as many labels each.

    Raises:
        UserError: a group is no number, or there are fewer ranges.
    """
    try:
        numbers = np.array([float(judgement.group) for judgement in found])
    except ValueError as error:
        raise UserError(f"suite.group_bins needs a group column of numbers; {column}: {error}.") from None
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, bins + 1)))
    if len(edges) != bins + 1:
        raise UserError(f"suite.group_bins={bins}: {column} has too few different numbers for as many ranges.")
    place = np.searchsorted(edges[1:-1], numbers, side="right")
    names = [f"{column} {number + 1} of {bins} ({edges[number]:g} to {edges[number + 1]:g})" for number in range(bins)]
    return [replace(judgement, group=names[row]) for judgement, row in zip(found, place, strict=True)]


def _shown(sizes: dict[str, int]) -> str:
    listed = ", ".join(f"{group} ({count})" for group, count in list(sizes.items())[:10])
    return f"{len(sizes)} group{'' if len(sizes) == 1 else 's'}: {listed}" if sizes else "none"
