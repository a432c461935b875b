"""A population of annotators in groups that want different things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shifts import Array, Rewards, Shift, UserError, Utility, grid, hyperparameter, unknown
from shifts.blends import TOLERANCE, Blend, parse_blend

SEPARATOR = "/"
EACH = "each"


@dataclass(frozen=True)
class AnnotatorGroups(Shift):
    """Every pair is labelled by one annotator, drawn from groups that reward one objective or one blend each.

    groups: what each group rewards, joined by '/': an objective, or weights such as `joy:0.7+sadness:0.3`.
    fractions: the share of each group in the population, in the same order; equal where none are given.
    On the command line `share=0:1:0.1` stands for several fractions of the first of two groups, and `leave_out=C` for
    equal fractions of all groups but C (`leave_out=each`: one population per group that is left out).
    The utility is the population's mean, u = sum_g f_g u_g, but no annotator holds it: two of them may contradict each
    other on the same pair. Pairs carry the number of their group. A group may be absent (fraction 0).
    """

    name = "annotator_groups"

    groups: str
    fractions: str = hyperparameter("")

    def __post_init__(self) -> None:
        super().__post_init__()
        members = _split("groups", self.groups, "groups=joy/sadness")
        blends = [_member(text) for text in members]
        if len(blends) < 2 or len({str(blend) for blend in blends}) < len(blends):
            raise UserError(f"{self.name}: name at least two different groups, joined by '/', got {self.groups!r}.")
        shares = _shares(self.fractions, len(blends))
        object.__setattr__(self, "groups", SEPARATOR.join(_short(blend) for blend in blends))
        object.__setattr__(self, "fractions", _text(shares))

    @property
    def members(self) -> tuple[Blend, ...]:
        """What each group rewards."""
        return tuple(_member(text) for text in self.groups.split(SEPARATOR))

    @property
    def shares(self) -> tuple[float, ...]:
        """Fraction of each group in the population; they sum to 1."""
        return tuple(_shares(self.fractions, len(self.members)))

    def annotators(self) -> tuple[tuple[float, Utility], ...]:
        """Every group: its share of the population, and its own utility."""
        return tuple(zip(self.shares, self.members, strict=True))

    def utility(self, rewards: Rewards) -> Array:
        """The population's mean utility, shape [completions], in the rewards' own units."""
        present = [(share, member) for share, member in self.annotators() if share]  # whoever is absent has no say
        return np.sum([share * member.utility(rewards) for share, member in present], axis=0)

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives that any group names, in the order in which they are named."""
        return tuple(dict.fromkeys(name for member in self.members for name in member.objectives))

    def middle(self) -> Shift:
        """The same groups in equal numbers."""
        return replace(self, fractions="")

    def uniform_population(self) -> Shift:
        """The same groups in equal numbers."""
        return self.middle()

    def corners(self) -> list[Shift]:
        """Each group alone."""
        count = len(self.members)
        return [
            replace(self, fractions=_text([float(place == alone) for place in range(count)])) for alone in range(count)
        ]

    def corner_weights(self) -> list[float]:
        """The fractions."""
        return list(self.shares)

    def evaluation_grid(self) -> list[Shift]:
        """Two groups: the fraction of the first from 0 to 1 in steps of 0.1. More: each alone, equal, and itself."""
        if len(self.members) == 2:
            return [replace(self, fractions=_text([first, 1 - first])) for first in grid("0:1:0.1")]
        return list(dict.fromkeys([*self.corners(), self.middle(), self]))

    def validation_grid(self) -> list[Shift]:
        """Two groups: the fraction of the first at odd multiples of 0.05, up to half way to either end. More: half way
        to each group alone."""
        if len(self.members) == 2:
            low, high = self.shares[0] / 2 - 1e-9, (1 + self.shares[0]) / 2 + 1e-9
            shares = [[first, 1 - first] for first in grid("0.05:0.95:0.1") if low <= first <= high]
        else:
            shares = [
                [(share + (place == alone)) / 2 for place, share in enumerate(self.shares)]
                for alone in range(len(self.members))
            ]
        points = dict.fromkeys(replace(self, fractions=_text(fractions)) for fractions in shares)
        return [point for point in points if point not in (self, *self.evaluation_grid())]

    def position(self) -> float | None:
        """The fraction of the first of two groups."""
        return self.shares[0] if len(self.members) == 2 else None

    @classmethod
    def expand(cls, arguments: Mapping[str, str]) -> list[Shift]:
        """One population per fraction of the first of two groups in `arguments["share"]`, a number or a grid."""
        short = [key for key in ("fractions", "share", "leave_out") if key in arguments]
        if len(short) > 1:
            raise UserError(
                f"{cls.name} takes one of fractions, share (of the first of two groups) and leave_out (a group or "
                f"each), got {' and '.join(short)}."
            )
        rest = {key: value for key, value in arguments.items() if key not in ("share", "leave_out")}
        if "share" in arguments:
            return [cls.make(**rest, fractions=_text([first, 1 - first])) for first in grid(arguments["share"])]
        if "leave_out" in arguments:
            return _leaving_out(cls.make(**rest), arguments["leave_out"].strip())
        return [cls.make(**rest)]

    @classmethod
    def examples(cls, objectives: Sequence[str]) -> list[Shift]:
        """Two groups of unequal size, and three, one of which rewards a blend."""
        first, second, third = objectives[:3]
        return [cls(f"{first}/{second}", "0.9/0.1"), cls(f"{first}/{second}/{first}:0.5+{third}:0.5")]


def _leaving_out(groups: AnnotatorGroups, name: str) -> list[Shift]:
    """Equal fractions of all groups but the one of that name, or one such population per group."""
    names = groups.groups.split(SEPARATOR)
    if name != EACH and name not in names:
        raise UserError(f"{groups.name}: leave_out: {unknown('group', name, (*names, EACH))}")
    left = names if name == EACH else [name]
    return [replace(groups, fractions=_text(_even([other != gone for other in names]))) for gone in left]


def _even(present: Sequence[bool]) -> list[float]:
    return [float(there) / sum(present) for there in present]


def _split(field: str, text: str, example: str) -> list[str]:
    parts = [part.strip() for part in text.split(SEPARATOR)]
    if not all(parts):
        raise UserError(f"{AnnotatorGroups.name}: cannot read {field}={text!r}; write {example}.")
    return parts


def _member(text: str) -> Blend:
    return parse_blend(f"{AnnotatorGroups.name}: group {text!r}", text if ":" in text else f"{text}:1")


def _short(blend: Blend) -> str:
    """The blend as text; an objective that stands alone is its own name."""
    return blend.objectives[0] if len(blend.objectives) == 1 else str(blend)


def _shares(text: str, count: int) -> list[float]:
    if not text:
        return [1 / count] * count
    parts = _split("fractions", text, "fractions=0.1/0.9")
    try:
        shares = [float(part) for part in parts]
    except ValueError:
        raise UserError(f"{AnnotatorGroups.name}: fractions must be numbers, got {text!r}.") from None
    if len(shares) != count or not all(share >= 0 for share in shares) or abs(sum(shares) - 1) > TOLERANCE:
        raise UserError(
            f"{AnnotatorGroups.name}: fractions must be {count} numbers >= 0 that sum to 1, one per group, got "
            f"{text!r} (sum {sum(shares):g})."
        )
    return [share / sum(shares) for share in shares]


def _text(shares: Sequence[float]) -> str:
    """The canonical form, in which equal populations are equal; seven decimals keep the sum within the tolerance."""
    return SEPARATOR.join(
        f"{round(share, 7):g}" if round(share, 4) == round(share, 7) else f"{share:.7f}" for share in shares
    )
