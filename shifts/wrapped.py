"""Shifts inside shifts: what changes how labels come, and nothing of what annotators want."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from shifts import Array, Rewards, Shift, UserError, Utility
from shifts.base import parse_shift


@dataclass(frozen=True)
class Wrapped(Shift):
    """A shift that departs from another one, `of`, only in how labels come.

    Policies are judged by the utility of the inner shift: by what people want, however they came to label. So the
    family's other points are those of the inner family, with labels that come in the same way; the middle, on which the
    oracle trains, is that of the inner family with labels as they should be. A wrapped shift may be wrapped again: the
    outer one acts last.
    """

    of: str

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "of", str(self.inner))

    @property
    def inner(self) -> Shift:
        """The shift that `of` names."""
        points = _parsed(self.of)
        if len(points) != 1:
            raise UserError(f"{self.name}: of must be one shift, got {self.of!r}, which stands for {len(points)}.")
        return points[0]

    @abstractmethod
    def departures(self) -> Sequence[Shift]:
        """Points of the family that depart further and further; the first has the labels of `of`."""

    @abstractmethod
    def note(self) -> str:
        """What is done to the labels, in a few words."""

    def plain(self) -> Shift:
        """The inner shift."""
        return self.inner

    def utility(self, rewards: Rewards) -> Array:
        """That of the inner shift, shape [completions]."""
        return self.inner.utility(rewards)

    @property
    def objectives(self) -> tuple[str, ...]:
        """Those of the inner shift."""
        return self.inner.objectives

    def utility_range(self, ranges: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
        """That of the inner shift."""
        return self.inner.utility_range(ranges)

    def annotators(self) -> tuple[tuple[float, Utility], ...]:
        """Those of the inner shift."""
        return self.inner.annotators()

    @property
    def of_prompts(self) -> bool:
        """Whether the inner shift's objectives are."""
        return self.inner.of_prompts

    @property
    def features(self) -> tuple[str, ...]:
        """What the inner shift's annotators read."""
        return self.inner.features

    @property
    def heats(self) -> tuple[float, float]:
        """Where the inner shift's pairs come from."""
        return self.inner.heats

    def distort(self, log_chances: Array, gap: Array) -> Array:
        """What the inner shift does to the chances of labels; a wrapper that does more calls this first."""
        return self.inner.distort(log_chances, gap)

    def middle(self) -> Shift | None:
        """The middle of the inner family, unwrapped."""
        return self.inner.middle()

    def corners(self) -> list[Shift]:
        """The corners of the inner family, labelled in the same way."""
        return self._around(self.inner.corners())

    def corner_weights(self) -> Sequence[float]:
        """Those of the inner shift."""
        return self.inner.corner_weights()

    def uniform_population(self) -> Shift | None:
        """That of the inner family, labelled in the same way."""
        population = self.inner.uniform_population()
        return None if population is None else replace(self, of=str(population))

    def evaluation_grid(self) -> list[Shift]:
        """The grid of the inner family, labelled in the same way."""
        return self._around(self.inner.evaluation_grid())

    def validation_grid(self) -> list[Shift]:
        """That of the inner family, labelled in the same way."""
        return self._around(self.inner.validation_grid())

    def position(self) -> float | None:
        """That of the inner shift."""
        return self.inner.position()

    def _around(self, points: Sequence[Shift]) -> list[Shift]:
        return [replace(self, of=str(point)) for point in points]

    @classmethod
    def expand(cls, arguments: Mapping[str, str]) -> list[Shift]:
        """One point per shift that `of` stands for, and per number of other grids."""
        if "of" not in arguments:
            return super().expand(arguments)
        inner = parse_shift(arguments["of"])
        return [point for one in inner for point in super(Wrapped, cls).expand({**arguments, "of": str(one)})]

    @classmethod
    def examples(cls, objectives: Sequence[str]) -> list[Shift]:
        """Around a mixture, and around a population of two groups."""
        a, b = objectives[:2]
        inner = (
            f"alpha_mixture(a={a},b={b},alpha=0.1)",
            f"annotator_groups(groups={a}/{b},fractions=0.9/0.1)",
        )
        return [cls.make(of=text) for text in inner]


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[Shift, ...]:
    return tuple(parse_shift(text))
