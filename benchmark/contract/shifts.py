"""What every family of shifts must hold to, on made-up rewards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmark.contract.check import Broken, Check, expect, expect_close, measured
from benchmark.contract.examples import OBJECTIVES
from benchmark.contract.plugin import (
    expect_defaults,
    expect_documented,
    expect_frozen,
    expect_own_imports,
    expect_validated,
)
from benchmark.contract.subjects import ShiftSubject, neighbours
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


def made_up(
    point: Shift, ranges: dict[str, tuple[float, float]], completions: int = COMPLETIONS, seed: int = 0
) -> dict[str, np.ndarray]:
    """Rewards of some completions by objective, both ends of every range among them; objectives that only the shift
    knows lie in [0, 1]."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name in dict.fromkeys((*ranges, *point.objectives)):
        low, high = ranges.get(name, (0.0, 1.0))
        columns[name] = np.concatenate([[low, high, low], rng.uniform(low, high, completions - 3)])
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


def imports(subject: ShiftSubject) -> str:
    """It stands on benchmark.core and on its own family alone."""
    return expect_own_imports(subject.cls)


def objectives(subject: ShiftSubject) -> str:
    """`objectives` names all that the utility reads."""
    for point in points(subject):
        names = _objectives(point)
        alone = Rewards({name: column for name, column in made_up(point, RANGES).items() if name in names})
        try:
            point.utility(alone)
        except UserError as error:
            raise Broken(f"{point}: a utility that reads {', '.join(names)} alone", str(error)) from error
    return ", ".join(subject.points[0].objectives)


def _objectives(point: Shift) -> tuple[str, ...]:
    expected = f"{point}: objectives as a tuple of names"
    try:
        names = point.objectives
    except UserError as error:
        raise Broken(expected, str(error)) from error
    expect(isinstance(names, tuple) and names, expected, repr(names))
    return names


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


CHECKS = (
    Check("frozen", frozen, "Write @dataclass(frozen=True) directly above this class; its parent's does not count."),
    Check("documented", documented, "Say in the class's docstring what each field is, by its name."),
    Check("defaults", defaults, "Move the default into the search range, or widen the range."),
    Check(
        "validation",
        validation,
        "A __post_init__ of the class's own begins with super().__post_init__(), which holds fields to their ranges.",
    ),
    Check("imports", imports),
    Check(
        "round trip",
        round_trip,
        "Leave __str__ as it is, and give fields the types float, int, bool or str, which are read back from text.",
    ),
    Check(
        "objectives",
        objectives,
        "Define `objectives`, a property that returns the names of all objectives that `utility` reads; by default it "
        "is what the text fields without a default name.",
    ),
    Check(
        "utility",
        utility,
        "Return one finite number per completion, made from the rewards alone; copy an array before writing into it.",
        after=("objectives",),
    ),
    Check(
        "own completion",
        own_completion,
        "Take out what mixes completions (a mean, a rank, a maximum over the array).",
        after=("utility",),
    ),
    Check("bounds", bounds, "Define utility_range: the least and the greatest utility.", after=("utility",)),
    Check(
        "monotone",
        monotone,
        "Let the utility rise with every objective: give a dislike as an objective of its own.",
        after=("utility",),
    ),
    Check(
        "unknown objective",
        unknown_objective,
        "Read rewards[name], which raises the right error, rather than rewards.get(name, 0).",
        after=("objectives",),
    ),
)
