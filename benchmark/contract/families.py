"""How a shift stands in its family: grids, the middle, corners, and who the annotators are."""

from __future__ import annotations

from benchmark.contract.check import Check, NotApplicable, expect, expect_close
from benchmark.contract.shifts import points
from benchmark.contract.subjects import ShiftSubject
from shifts import Shift
from shifts.base import parse_shift

ROUNDING = 1e-9
SAME_OBJECTIVES = "Build other points of the family with dataclasses.replace(self, ...), over the same objectives."


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
    Check("evaluation grid", evaluation_grid, SAME_OBJECTIVES, after=("round trip", "objectives")),
    Check(
        "validation grid",
        validation_grid,
        "Leave out this point, its corners and those of evaluation_grid; or return [].",
        after=("evaluation grid",),
    ),
    Check(
        "position",
        placed,
        "Let position() be None or lie in [0, 1], and middle() be a point whose own middle it is.",
        after=("objectives",),
    ),
    Check(
        "population",
        population,
        "Let the shares of annotators() be >= 0 and sum to 1, each with a utility over the shift's objectives.",
        after=("objectives",),
    ),
    Check("corners", corners, "Return one weight per corner, >= 0, with sum 1.", after=("objectives",)),
)
