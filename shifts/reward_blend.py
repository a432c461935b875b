"""Any number of objectives with weights on the simplex."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.errors import UserError
from benchmark.core.hyperparameters import check_names, hyperparameter
from benchmark.core.seeds import generator
from shifts.base import Array, Rewards, Shift

TOLERANCE = 1e-6


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
        object.__setattr__(self, "weights", _text(_parse_weights(self.weights)))

    @property
    def weight_of(self) -> dict[str, float]:
        """Weight by objective."""
        return _parse_weights(self.weights)

    def utility(self, rewards: Rewards) -> Array:
        """The weighted sum, shape [completions], in the rewards' own units."""
        parts = [weight * rewards[objective] for objective, weight in self.weight_of.items()]
        return np.sum(parts, axis=0)

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives with a weight, zero or not."""
        return tuple(self.weight_of)

    def middle(self) -> Shift:
        """The uniform blend of the same objectives."""
        return RewardBlend(_text(dict.fromkeys(self.objectives, 1 / len(self.objectives))))

    def corners(self) -> list[Shift]:
        """Each objective alone."""
        return corners(self.objectives)

    def corner_weights(self) -> list[float]:
        """The weights of the blend."""
        return list(self.weight_of.values())

    def uniform_population(self) -> Shift | None:
        """Equal shares of annotators who reward one of the objectives each; None for a single objective."""
        from shifts.annotator_groups import AnnotatorGroups  # which is made of blends

        return AnnotatorGroups("/".join(self.objectives)) if len(self.objectives) > 1 else None

    def evaluation_grid(self) -> list[Shift]:
        """The corners, the uniform blend, this point and 8 Dirichlet draws (seed 0) over the same objectives."""
        points = [*corners(self.objectives), self.middle(), self, *dirichlet(self.objectives, 8, 1.0, 0)]
        return list(dict.fromkeys(points))

    def validation_grid(self) -> list[Shift]:
        """A quarter of the way, and half way, from this point to each corner."""
        parts = itertools.product((0.25, 0.5), self.objectives)
        points = [
            RewardBlend(_text({name: (1 - part) * w + part * (name == end) for name, w in self.weight_of.items()}))
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
            return simplex_grid(over, int(_number("grid", arguments["grid"])))
        return dirichlet(
            over,
            int(_number("samples", arguments["samples"])),
            _number("concentration", arguments.get("concentration", "1")),
            int(_number("seed", arguments.get("seed", "0"), minimum=-np.inf)),
        )

    @classmethod
    def examples(cls, objectives: Sequence[str]) -> list[Shift]:
        """One objective alone, an uneven blend of two, and a draw over three."""
        first, second, third = objectives[:3]
        return [cls(f"{first}:1"), cls(f"{first}:0.9+{second}:0.1"), *dirichlet((first, second, third), 1, 1.0, 0)]


def corners(objectives: Iterable[str]) -> list[Shift]:
    """One blend per objective, with all the weight on it (and the others named at weight zero)."""
    names = tuple(objectives)
    return [RewardBlend(_text({name: float(name == corner) for name in names})) for corner in names]


def simplex_grid(objectives: Iterable[str], steps: int) -> list[Shift]:
    """Every blend whose weights are multiples of 1/steps."""
    names = tuple(objectives)
    counts = (c for c in itertools.product(range(steps + 1), repeat=len(names)) if sum(c) == steps)
    return [RewardBlend(_text({name: n / steps for name, n in zip(names, count, strict=True)})) for count in counts]


def dirichlet(objectives: Iterable[str], count: int, concentration: float, seed: int) -> list[Shift]:
    """`count` blends drawn from a symmetric Dirichlet; the draw depends on the objectives' names and the seed."""
    names = tuple(objectives)
    rng = generator("reward_blend", *names, count, concentration, seed)
    draws = rng.dirichlet(np.full(len(names), concentration), size=count)
    return [RewardBlend(_text(dict(zip(names, draw, strict=True)))) for draw in draws]


def _parse_weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in filter(None, text.split("+")):
        objective, colon, number = part.partition(":")
        if not colon:
            raise UserError(f"reward_blend: cannot read {part!r} in weights={text!r}; expected objective:weight.")
        weights[objective.strip()] = _number(f"weight of {objective.strip()}", number)
    if not weights or abs(sum(weights.values()) - 1) > TOLERANCE:
        raise UserError(
            f"reward_blend: weights must be >= 0 and sum to 1, got {text!r} (sum {sum(weights.values()):g}); "
            "write weights=joy:0.7+sadness:0.3."
        )
    return weights


def _number(name: str, text: str, minimum: float = 0.0) -> float:
    try:
        number = float(text)
    except ValueError:
        raise UserError(f"reward_blend: {name} must be a number, got {text!r}.") from None
    if not number >= minimum:
        raise UserError(f"reward_blend: {name} must be >= {minimum:g}, got {text!r}.")
    return number


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split("+") if name.strip())
    if len(names) < 2 or len(set(names)) < len(names):
        raise UserError(f"reward_blend: name at least two different objectives, joined by '+', got {text!r}.")
    return names


def _text(weights: Mapping[str, float]) -> str:
    """The canonical form; seven decimals keep Dirichlet draws on the simplex to within the tolerance."""
    return "+".join(
        f"{name}:{round(float(weight), 7):g}" if round(weight, 4) == round(weight, 7) else f"{name}:{weight:.7f}"
        for name, weight in weights.items()
    )
