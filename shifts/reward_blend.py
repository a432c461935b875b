"""Any number of objectives with weights on the simplex."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shifts import Array, Rewards, Shift, UserError, check_names, generator, hyperparameter
from shifts.annotator_groups import AnnotatorGroups
from shifts.blends import Blend, blend_text, number, parse_blend, whole_number

MOST_STEPS, MOST_POINTS = 20, 1000  # of a grid, and of draws: every point is an evaluation of its own


@dataclass(frozen=True)
class RewardBlend(Shift):
    """Annotators reward a weighted sum of objectives: u = sum_k w_k r_k, w >= 0, sum w = 1.

    On the command line `weights=joy:0.7+sadness:0.3` is one point, and three forms stand for several:
    `corners=joy+sadness+love` (each objective alone), `over=joy+sadness,grid=4` (every weight a multiple of 1/4),
    `over=joy+sadness+love,samples=8,concentration=1,seed=0` (Dirichlet draws).
    """

    name = "reward_blend"

    weights: str = hyperparameter("")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "weights", str(self.blend))

    @property
    def blend(self) -> Blend:
        """The weights, read."""
        return parse_blend(self.name, self.weights)

    def utility(self, rewards: Rewards) -> Array:
        """The weighted sum, shape [completions], in the rewards' own units."""
        return self.blend.utility(rewards)

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives with a weight, zero or not."""
        return self.blend.objectives

    def middle(self) -> Shift:
        """The uniform blend of the same objectives."""
        return _point(dict.fromkeys(self.objectives, 1 / len(self.objectives)))

    def corners(self) -> list[Shift]:
        """Each objective alone."""
        return corners(self.objectives)

    def corner_weights(self) -> list[float]:
        """The weights of the blend."""
        return list(self.blend.weights.values())

    def uniform_population(self) -> Shift | None:
        """Equal shares of annotators who reward one of the objectives each; None for a single objective."""
        return AnnotatorGroups("/".join(self.objectives)) if len(self.objectives) > 1 else None

    def evaluation_grid(self) -> list[Shift]:
        """The corners, the uniform blend, this point and 8 Dirichlet draws (seed 0) over the same objectives."""
        points = [*corners(self.objectives), self.middle(), self, *dirichlet(self.objectives, 8, 1.0, 0)]
        return list(dict.fromkeys(points))

    def validation_grid(self) -> list[Shift]:
        """A quarter of the way, and half way, from this point to each corner."""
        parts = itertools.product((0.25, 0.5), self.objectives)
        points = [
            _point({name: (1 - part) * w + part * (name == end) for name, w in self.blend.weights.items()})
            for part, end in parts
        ]
        return [point for point in dict.fromkeys(points) if point not in (self, *self.evaluation_grid())]

    @classmethod
    def expand(cls, arguments: Mapping[str, str]) -> list[Shift]:
        """The points that `weights`, `corners`, `grid` or `samples` stand for."""
        check_names(cls.name, arguments, ("weights", "corners", "over", "grid", "samples", "concentration", "seed"))
        forms = [form for form in ("weights", "corners", "grid", "samples") if form in arguments]
        if len(forms) != 1:
            raise UserError(f"{cls.name} takes exactly one of weights, corners, grid, samples; got {forms or 'none'}.")
        if forms[0] == "weights":
            return [cls(arguments["weights"])]
        if forms[0] == "corners":
            return corners(_names(arguments["corners"]))
        over = _names(arguments.get("over", ""))
        if forms[0] == "grid":
            return simplex_grid(over, whole_number(cls.name, "grid", arguments["grid"], least=1, most=MOST_STEPS))
        concentration = number(cls.name, "concentration", arguments.get("concentration", "1"))
        if not concentration > 0:
            raise UserError(f"{cls.name}: concentration must be > 0, got {arguments['concentration']!r}.")
        count = whole_number(cls.name, "samples", arguments["samples"], least=1, most=MOST_POINTS)
        return dirichlet(over, count, concentration, whole_number(cls.name, "seed", arguments.get("seed", "0")))

    @classmethod
    def examples(cls, objectives: Sequence[str]) -> list[Shift]:
        """One objective alone, an uneven blend of two, and a draw over three."""
        first, second, third = objectives[:3]
        return [cls(f"{first}:1"), cls(f"{first}:0.9+{second}:0.1"), *dirichlet((first, second, third), 1, 1.0, 0)]


def corners(objectives: Iterable[str]) -> list[Shift]:
    """One blend per objective, with all the weight on it (and the others named at weight zero)."""
    names = tuple(objectives)
    return [_point({name: float(name == corner) for name in names}) for corner in names]


def simplex_grid(objectives: Iterable[str], steps: int) -> list[Shift]:
    """Every blend whose weights are multiples of 1/steps."""
    names = tuple(objectives)
    counts = (c for c in itertools.product(range(steps + 1), repeat=len(names)) if sum(c) == steps)
    return [_point({name: n / steps for name, n in zip(names, count, strict=True)}) for count in counts]


def dirichlet(objectives: Iterable[str], count: int, concentration: float, seed: int) -> list[Shift]:
    """`count` blends drawn from a symmetric Dirichlet; the draw depends on the objectives' names and the seed."""
    names = tuple(objectives)
    rng = generator("reward_blend", *names, count, concentration, seed)
    draws = rng.dirichlet(np.full(len(names), concentration), size=count)
    return [_point(dict(zip(names, draw, strict=True))) for draw in draws]


def _point(weights: Mapping[str, float]) -> RewardBlend:
    return RewardBlend(blend_text(weights))


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split("+") if name.strip())
    if len(names) < 2 or len(set(names)) < len(names):
        raise UserError(f"reward_blend: name at least two different objectives, joined by '+', got {text!r}.")
    return names
