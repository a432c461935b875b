"""What a shift is: a way to turn a vector of rewards into the one utility that annotators act on."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, ClassVar, Protocol, get_type_hints

import numpy as np
from numpy.typing import NDArray

from benchmark.core.calls import grid, parse_call
from benchmark.core.errors import UserError, unknown
from benchmark.core.plugins import Plugin, Registry

Array = NDArray[np.float64]


LENGTH, TIME = "length", "time"
FEATURES = (LENGTH, TIME)  # of a completion in tokens; of its label, as a share of the training period in [0, 1]

ON_POLICY = (1.0, 1.0)


class Rewards(Mapping[str, Array]):
    """Rewards of n completions by objective, and beside them `FEATURES`, where they are known, which annotators may see
    when they label; every array has shape [completions]."""

    def __init__(self, columns: Mapping[str, Array], features: Mapping[str, Array] | None = None) -> None:
        self._columns = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
        self._features = {name: np.asarray(column, dtype=np.float64) for name, column in (features or {}).items()}
        if len({column.shape for column in (*self._columns.values(), *self._features.values())}) > 1:
            raise ValueError("all objectives and features must be of the same completions")

    def feature(self, name: str) -> Array:
        """One of `FEATURES`, shape [completions]."""
        if name not in self._features:
            raise unknown("feature of completions", name, self._features)
        return self._features[name]

    @property
    def features(self) -> set[str]:
        """Those of `FEATURES` that are known."""
        return set(self._features)

    def taken(self, rows: NDArray[Any]) -> Rewards:
        """Those of some of the completions, by number or mask."""
        columns, features = (
            {name: column[rows] for name, column in part.items()} for part in (self._columns, self._features)
        )
        return Rewards(columns, features)

    def __getitem__(self, objective: str) -> Array:
        if objective not in self._columns:
            raise unknown("objective", objective, self._columns)
        return self._columns[objective]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


class Utility(Protocol):
    """What one annotator compares two completions by. Every shift is one."""

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives that the utility reads."""

    def utility(self, rewards: Rewards) -> Array:
        """Scalar utility of each completion, shape [completions], in the rewards' own units."""


class Shift(Plugin, ABC):
    """A preference distribution: the utility by which annotators compare two completions.

    Subclasses are `@dataclass(frozen=True)` classes with a `name` and a `utility`. Text fields without a default name
    objectives, as in `alpha_mixture(a=joy,b=sadness)`; a shift that names them in another way defines `objectives`, and
    `examples`, at which it is checked. The other methods say how one point is placed in its family: where a test of
    robustness looks (`evaluation_grid`), where a selection rule may look (`validation_grid`), and which mixture is the
    fairest (`middle`, on which the oracle trains).
    """

    registry: ClassVar[Registry[Shift]] = Registry("shift", "shifts")

    @abstractmethod
    def utility(self, rewards: Rewards) -> Array:
        """Scalar utility of each completion, shape [completions], in the rewards' own units."""

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives that the utility reads: by default, those that the text fields without a default name.

        Raises:
            UserError: the class has no such field and does not define `objectives`.
        """
        names = dict.fromkeys(getattr(self, name) for name in _required(type(self)) if _is_text(type(self), name))
        if not names:
            raise UserError(
                f"shift {self.name}: no field of {type(self).__name__} names an objective, so define `objectives`, a "
                "property that returns the names of all objectives that `utility` reads."
            )
        return tuple(names)

    def utility_range(self, ranges: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
        """Least and greatest possible utility when objective k lies in ranges[k]; what a gated completion gets is the
        least. The default holds for every utility that is increasing in each objective."""
        low = Rewards({name: np.array([ranges[name][0]]) for name in self.objectives})
        high = Rewards({name: np.array([ranges[name][1]]) for name in self.objectives})
        return float(self.utility(low)[0]), float(self.utility(high)[0])

    def middle(self) -> Shift | None:
        """The even mixture of this family, or None where there is none."""
        return None

    def corners(self) -> Sequence[Shift]:
        """The extreme points of the family, one per kind of annotator; empty where it has none."""
        return ()

    def corner_weights(self) -> Sequence[float]:
        """What each of `corners` counts at this point; sums to 1 (empty where there are no corners)."""
        return ()

    def annotators(self) -> tuple[tuple[float, Utility], ...]:
        """The groups of annotators that label pairs: the share of each in the population, and the utility by which it
        compares. Where there are several, every pair is labelled by one of them and carries its number."""
        return ((1.0, self),)

    @property
    def of_prompts(self) -> bool:
        """Whether its objectives are domains of prompts, each known on its own prompts alone."""
        return False

    # How labels come, where they do not follow the utility alone ------------------------------------------------------

    def distort(self, log_chances: Array, gap: Array) -> Array:
        """What becomes of the chances of the two labels of each pair; by default nothing.

        Args:
            log_chances: log P(first is chosen) and log P(second is chosen) as the annotator's utility has it, shape
                [2, pairs], nats; -inf where a label is never given.
            gap: the annotator's utility of the first minus that of the second, shape [pairs].

        Returns:
            The same of the labels that are written down.
        """
        return log_chances

    @property
    def features(self) -> tuple[str, ...]:
        """Those of `FEATURES` that `annotators` read beside rewards; `utility`, by which policies are judged, reads
        none."""
        return ()

    @property
    def timed(self) -> bool:
        """Whether annotators change while labels come in, so that every pair carries its time."""
        return TIME in self.features

    @property
    def heats(self) -> tuple[float, float]:
        """By how much the temperature is multiplied at which the chosen and the rejected completions of training pairs
        are sampled from the reference policy: 1 is on-policy, as both are by default."""
        return ON_POLICY

    def plain(self) -> Shift | None:
        """The shift that this one departs from only in how labels come; None where it departs from none. Both judge
        policies alike."""
        return None

    def departures(self) -> Sequence[Shift]:
        """Points of the family that depart further and further from `plain`. The first has its labels, draw for draw.
        Empty where there is no such shift."""
        return ()

    def note(self) -> str:
        """How its labels depart from those of `plain`, in a few words that follow its name on the page."""
        return ""

    # Where a point stands in its family -------------------------------------------------------------------------------

    def uniform_population(self) -> Shift | None:
        """Equal shares of annotators at every corner of the family; None where the family has no corners."""
        return None

    def evaluation_grid(self) -> list[Shift]:
        """The points of the family at which a policy trained here is evaluated, ordered for a curve."""
        return [self]

    def validation_grid(self) -> list[Shift]:
        """The points of the family at which whoever selects among policies may look; empty where there are none.

        They are no points of `evaluation_grid`, nor this one, and they stop half way to the ends of the family: a rule
        that selects on them knows in which directions preferences may move, and not how far they are tested.
        """
        return []

    def position(self) -> float | None:
        """Where the point stands on the family's axis in [0, 1] (alpha of a mixture), None where there is no axis."""
        return None

    @classmethod
    def expand(cls, arguments: Mapping[str, str]) -> list[Shift]:
        """All points that one call of the command line stands for: a number may be a grid, as in `alpha=0:1:0.1`, and
        several grids stand for every combination. A family with other short forms overrides this."""
        types = get_type_hints(cls)
        grids = {name: grid(text) for name, text in arguments.items() if types.get(name) is float and ":" in text}
        points = itertools.product(*grids.values())
        return [cls.make(**{**arguments, **dict(zip(grids, point, strict=True))}) for point in points]

    @classmethod
    def examples(cls, objectives: Sequence[str]) -> list[Shift]:
        """Points that stand for the family where it is checked, over the first of the given objectives (at least four).

        By default one point, in which the fields that have no default name one objective each.

        Raises:
            UserError: a field without a default is no text, so nothing is known to put there.
        """
        required = _required(cls)
        others = [name for name in required if not _is_text(cls, name)]
        if others or len(required) > len(objectives):
            raise UserError(
                f"shift {cls.name}: {', '.join(others or required)} cannot be filled in with objectives, so give "
                f"defaults, or define `examples(objectives)`, a class method that returns points of {cls.__name__}."
            )
        return [cls.make(**dict(zip(required, objectives, strict=False)))]


def _required(cls: type[Shift]) -> list[str]:
    """Names of the fields that have no default."""
    return [field.name for field in fields(cls) if field.default is MISSING]  # type: ignore[arg-type]


def _is_text(cls: type[Shift], field: str) -> bool:
    return get_type_hints(cls)[field] is str


def parse_shift(text: str) -> list[Shift]:
    """The shifts that a call stands for: one, or a grid (`alpha_mixture(a=joy,b=fear,alpha=0:1:0.1)`).

    Raises:
        UserError: unknown name or argument, or a value out of range.
    """
    name, arguments = parse_call(text)
    return Shift.registry.get(name).expand(arguments)


def check_objectives(shift: Shift, available: tuple[str, ...]) -> None:
    """Raise a UserError with the nearest match where the shift reads an objective that the suite does not have."""
    for objective in shift.objectives:
        if objective not in available:
            raise UserError(f"{shift}: {unknown('objective', objective, available)}")
