"""What every family of shifts must hold to, on made-up rewards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmark.contract.check import Broken, Check, NotApplicable, expect, expect_close, measured
from benchmark.contract.plugin import expect_defaults, expect_documented, expect_frozen, expect_validated
from benchmark.contract.subjects import OBJECTIVES, ShiftSubject, neighbours
from benchmark.core.errors import UserError
from shifts import Rewards, Shift
from shifts.base import check_objectives, parse_shift

COMPLETIONS = 40
RANGES = {name: (0.1 * number, 1.0 - 0.05 * number) for number, name in enumerate(OBJECTIVES)}
ROUNDING = 1e-9


def points(subject: ShiftSubject) -> Iterator[Shift]:
    """The examples, and each with one field at every option or at both ends of its range."""
    for point in subject.points:
        yield point
        yield from (other for other in neighbours(point) if isinstance(other, Shift))


def made_up(point: Shift, ranges: dict[str, tuple[float, float]]) -> dict[str, np.ndarray]:
    """Rewards of `COMPLETIONS` completions by objective, both ends of every range among them; objectives that only the
    shift knows lie in [0, 1]."""
    rng = np.random.default_rng(0)
    columns = {}
    for name in dict.fromkeys((*ranges, *point.objectives)):
        low, high = ranges.get(name, (0.0, 1.0))
        columns[name] = np.concatenate([[low, high, low], rng.uniform(low, high, COMPLETIONS - 3)])
    return columns


def documented(subject: ShiftSubject) -> str:
    """The docstring says what the family is and names every field."""
    return expect_documented(subject.cls)


def frozen(subject: ShiftSubject) -> str:
    """The class is a frozen dataclass."""
    return expect_frozen(subject.points[0])


def defaults(subject: ShiftSubject) -> str:
    """Every default lies within its search range, or is the least legal value."""
    return expect_defaults(subject.points[0])


def validation(subject: ShiftSubject) -> str:
    """An illegal value of a field raises a UserError that names the field and what is allowed."""
    return expect_validated(subject.points[0])


def round_trip(subject: ShiftSubject) -> str:
    """`str()` of a point is the call that makes it again."""
    for point in points(subject):
        made = parse_shift(str(point))
        expect(made == [point], f"{[str(point)]} from parse_shift", str([str(other) for other in made]))
    return str(subject.points[0])


def utility(subject: ShiftSubject) -> str:
    """The utility is one finite number per completion, the same at every call; the rewards are left as they were."""
    for point in points(subject):
        columns = made_up(point, RANGES)
        kept = {name: column.copy() for name, column in columns.items()}
        rewards = Rewards(columns)
        found = np.asarray(point.utility(rewards))
        expect(found.shape == (COMPLETIONS,), f"{point}: utilities of shape [{COMPLETIONS}]", str(list(found.shape)))
        expect(np.isfinite(found).all(), f"{point}: finite utilities", f"{found[~np.isfinite(found)][:3]}")
        expect_close(point.utility(rewards), found, 0.0, f"{point}: a second call to give the same utility")
        for name in columns:
            expect_close(rewards[name], kept[name], 0.0, f"{point}: rewards of {name} left as they were")
    return f"{COMPLETIONS} completions"


def own_completion(subject: ShiftSubject) -> str:
    """A utility reads the rewards of its own completion alone: another order of completions moves it along."""
    worst = 0.0
    for point in points(subject):
        columns = made_up(point, RANGES)
        order = np.random.default_rng(1).permutation(COMPLETIONS)[: COMPLETIONS // 2]
        part = point.utility(Rewards({name: column[order] for name, column in columns.items()}))
        whole = point.utility(Rewards(columns))[order]
        what = f"{point}: the utility of a completion among others, in another order"
        worst = max(worst, expect_close(part, whole, ROUNDING, what))
    return measured(worst)


def bounds(subject: ShiftSubject) -> str:
    """Utilities lie within `utility_range`."""
    for point in points(subject):
        ranges = {**RANGES, **{name: (0.0, 1.0) for name in point.objectives if name not in RANGES}}
        low, high = point.utility_range(ranges)
        found = point.utility(Rewards(made_up(point, RANGES)))
        expect(low <= high, f"{point}: a utility_range from low to high", f"{low:.6g} to {high:.6g}")
        inside = (found >= low - ROUNDING) & (found <= high + ROUNDING)
        expect(inside.all(), f"{point}: utilities in [{low:.6g}, {high:.6g}]", f"{found[~inside][:3]}")
    return ""


def monotone(subject: ShiftSubject) -> str:
    """More of an objective is never worse."""
    for point in points(subject):
        columns = made_up(point, RANGES)
        plain = point.utility(Rewards(columns))
        for name in point.objectives:
            rise = point.utility(Rewards({**columns, name: columns[name] + 0.05})) - plain
            expect((rise >= -ROUNDING).all(), f"{point}: a utility that does not fall with {name}", f"{rise.min():.6g}")
    return ", ".join(subject.points[0].objectives)


def unknown_objective(subject: ShiftSubject) -> str:
    """An objective that the suite does not have is answered with a UserError that names it."""
    for point in points(subject):
        for missing in point.objectives:
            rest = tuple(name for name in made_up(point, RANGES) if name != missing)
            rewards = Rewards({name: column for name, column in made_up(point, RANGES).items() if name in rest})
            calls = {"utility": lambda p=point, r=rewards: p.utility(r), "check": lambda p=point, r=rest: _check(p, r)}
            for name, call in calls.items():
                expected = f"{point}: {name} without {missing} to raise a UserError that names it"
                try:
                    call()
                except UserError as error:
                    expect(missing in str(error), expected, str(error))
                else:
                    raise Broken(expected, "no error")
    return ""


def _check(point: Shift, available: tuple[str, ...]) -> None:
    check_objectives(point, available)


def evaluation_grid(subject: ShiftSubject) -> str:
    """The evaluation grid holds distinct shifts over the same objectives, each of which its own call makes again."""
    for point in points(subject):
        grid = point.evaluation_grid()
        calls = [str(other) for other in grid]
        expect(grid, f"{point}: at least one point to evaluate at", "none")
        expect(len(set(calls)) == len(calls), f"{point}: distinct points", f"{calls}")
        for other in grid:
            same = set(other.objectives) <= set(point.objectives)
            expect(same, f"{point}: points over {point.objectives}", f"{other} over {other.objectives}")
            expect(
                parse_shift(str(other)) == [other], f"{point}: {other} from parse_shift", str(parse_shift(str(other)))
            )
    return f"{len(subject.points[0].evaluation_grid())} points"


def validation_grid(subject: ShiftSubject) -> str:
    """The validation grid holds distinct shifts over the same objectives, and none of those that are tested."""
    if not any(point.validation_grid() for point in points(subject)):
        raise NotApplicable("the family has no shifts to select on")
    for point in points(subject):
        grid = point.validation_grid()
        expect(len(set(grid)) == len(grid), f"{point}: distinct points", f"{[str(other) for other in grid]}")
        tested = [point, *point.evaluation_grid(), *point.corners()]
        for other in grid:
            expect(other not in tested, f"{point}: validation shifts that are not tested", str(other))
            same = set(other.objectives) <= set(point.objectives)
            expect(same, f"{point}: points over {point.objectives}", f"{other} over {other.objectives}")
            made = parse_shift(str(other))
            expect(made == [other], f"{point}: {other} from parse_shift", str(made))
    return f"{len(subject.points[0].validation_grid())} points"


def placed(subject: ShiftSubject) -> str:
    """A position is None or lies in [0, 1]; the middle is None or a shift over the same objectives, its own middle."""
    for point in points(subject):
        for other in (point, *point.evaluation_grid()):
            place = other.position()
            expect(place is None or 0 <= place <= 1, f"{other}: a position in [0, 1], or None", repr(place))
        middle = point.middle()
        if middle is not None:
            expect(isinstance(middle, Shift), f"{point}: a shift as the middle", repr(middle))
            same = set(middle.objectives) == set(point.objectives)
            expect(same, f"{point}: a middle over {point.objectives}", f"{middle} over {middle.objectives}")
            expect(middle.middle() == middle, f"{point}: {middle} as its own middle", str(middle.middle()))
    return f"middle {subject.points[0].middle()}"


def population(subject: ShiftSubject) -> str:
    """Shares of annotators are >= 0 and sum to 1, and each of them reads the shift's own objectives."""
    for point in points(subject):
        groups = point.annotators()
        shares = [share for share, _ in groups]
        expect(min(shares) >= 0, f"{point}: shares >= 0", str(shares))
        expect_close(sum(shares), 1.0, ROUNDING, f"{point}: the sum of the shares")
        for _, member in groups:
            same = set(member.objectives) <= set(point.objectives)
            expect(same, f"{point}: annotators over {point.objectives}", f"{member} over {member.objectives}")
    return f"{len(subject.points[0].annotators())} group(s)"


def corners(subject: ShiftSubject) -> str:
    """Every corner has a weight; weights are >= 0 and sum to 1; the uniform population has a group per corner."""
    if not any(point.corners() for point in points(subject)):
        raise NotApplicable("the family has no corners")
    for point in points(subject):
        found, weights = point.corners(), list(point.corner_weights())
        expect(len(found) == len(weights), f"{point}: {len(found)} corner weights", str(weights))
        if not found:
            continue
        expect(min(weights) >= 0, f"{point}: corner weights >= 0", str(weights))
        expect_close(sum(weights), 1.0, ROUNDING, f"{point}: the sum of the corner weights")
        population = point.uniform_population()
        if population is not None:
            shares = [share for share, _ in population.annotators()]
            even = [1 / len(found)] * len(found)
            expect_close(shares, even, ROUNDING, f"{point}: shares of the uniform population")
    return f"{len(subject.points[0].corners())} corners"


CHECKS = (
    Check("frozen", frozen),
    Check("documented", documented),
    Check("defaults", defaults),
    Check("validation", validation),
    Check("round trip", round_trip),
    Check("utility", utility),
    Check("own completion", own_completion, after=("utility",)),
    Check("bounds", bounds, after=("utility",)),
    Check("monotone", monotone, after=("utility",)),
    Check("unknown objective", unknown_objective),
    Check("evaluation grid", evaluation_grid, after=("round trip",)),
    Check("validation grid", validation_grid, after=("evaluation grid",)),
    Check("position", placed),
    Check("population", population),
    Check("corners", corners),
)
