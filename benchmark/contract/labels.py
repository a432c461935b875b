"""What becomes of a shift's utilities when annotators label by them: chances, draws, and how far labels move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmark.contract.check import Broken, Check, NotApplicable, expect, expect_close
from benchmark.contract.shifts import RANGES, made_up, points
from benchmark.contract.subjects import ShiftSubject
from benchmark.core.errors import UserError
from shifts import Array, Rewards, Shift
from shifts.base import FEATURES
from shifts.labels import ARGMAX, Labelling, draw_annotators, draw_labels, log_label_chances, seen_features

PAIRS = 4000
SIGMAS, DRAWS = 3.0, 2
LONGEST = 32  # tokens of a made-up completion
ROUNDING = 1e-9
LABELLINGS = (Labelling(sharpness=5.0), Labelling(ARGMAX))
OWN_PAIR = "Make the chances of a pair from its own chances and gap, and let both labels be treated alike."


def sides(point: Shift) -> tuple[Rewards, Rewards]:
    """Two made-up completions per pair, with lengths; both of a pair are labelled at one time."""
    times = np.random.default_rng(2).random(PAIRS)
    first, second = (
        Rewards(
            made_up(point, RANGES, PAIRS, seed),
            seen_features(np.random.default_rng(seed + 3).integers(1, LONGEST, PAIRS), times),
        )
        for seed in (0, 1)
    )
    return first, second


@lru_cache(maxsize=1024)
def label_chances(point: Shift, labelling: Labelling) -> Array:
    """P(first is chosen) of the made-up pairs over all annotators, shape [pairs]."""
    return np.exp(log_label_chances(point, *sides(point), labelling)[0])


def drawn(point: Shift, labelling: Labelling, seed: int = 0) -> NDArray[np.bool_]:
    """Labels as the benchmark draws them: whether the first of each made-up pair is chosen."""
    rng = np.random.default_rng([7, seed])
    groups = draw_annotators([share for share, _ in point.annotators()], PAIRS, rng)
    chosen, _ = draw_labels(point, *sides(point), groups, labelling, rng)
    return chosen


def features(subject: ShiftSubject) -> str:
    """Annotators read no more of a completion than `features` names; the utility reads none of it."""
    for point in points(subject):
        known = set(point.features) <= set(FEATURES)
        expect(known, f"{point}: features among {', '.join(FEATURES)}", ", ".join(point.features))
        first, _ = sides(point)
        seen = Rewards(dict(first), {name: first.feature(name) for name in point.features})
        expected = f"{point}: annotators that read {', '.join(point.features) or 'no feature'}"
        for _, annotator in point.annotators():
            try:
                annotator.utility(seen)
            except UserError as error:
                raise Broken(expected, str(error)) from error
    return ", ".join(subject.points[0].features)


def chances(subject: ShiftSubject) -> str:
    """The chances of the two labels of a pair sum to 1, are swapped with the completions, and are the pair's own."""
    for point in points(subject):
        first, second = sides(point)
        some = np.random.default_rng(6).permutation(PAIRS)[: PAIRS // 2]
        for labelling in LABELLINGS:
            found = np.exp(log_label_chances(point, first, second, labelling))
            expect_close(found.sum(axis=0), np.ones(PAIRS), ROUNDING, f"{point}: the sum of the chances of both labels")
            swapped = np.exp(log_label_chances(point, second, first, labelling))
            expect_close(swapped, found[::-1], ROUNDING, f"{point}: chances with the completions swapped")
            part = np.exp(log_label_chances(point, first.taken(some), second.taken(some), labelling))
            expect_close(part, found[:, some], ROUNDING, f"{point}: chances of a pair among others, in another order")
    return f"{PAIRS} pairs"


def frequencies(subject: ShiftSubject) -> str:
    """Labels that are drawn have the frequencies that the chances say, within three standard deviations.

    One draw in 370 lies outside by chance alone, so it takes two of them to break the promise.
    """
    for point in points(subject):
        first, second = sides(point)
        for labelling in LABELLINGS:
            chance = label_chances(point, labelling)
            allowed = SIGMAS * np.sqrt((chance * (1 - chance)).sum()) + ROUNDING
            for what, weight in (
                ("first", np.ones(PAIRS)),
                ("better", np.sign(point.utility(first) - point.utility(second))),
            ):
                off = min(abs((weight * (drawn(point, labelling, seed) - chance)).sum()) for seed in range(DRAWS))
                expect(
                    off <= allowed,
                    f"{point}: choices of the {what} completion within {allowed:.1f} of those expected",
                    f"{off:.1f} off, of {PAIRS} {labelling.kind} labels",
                )
    return f"{PAIRS} pairs"


def identity(subject: ShiftSubject) -> str:
    """Where a shift departs from another one, its first departure has that one's labels, draw for draw; each corner has
    those of its group in the uniform population."""
    compared = 0
    for point in points(subject):
        for one, other in _alike(point):
            for labelling in LABELLINGS:
                differ = int((drawn(one, labelling) != drawn(other, labelling)).sum())
                expect(not differ, f"{one}: the labels of {other}", f"{differ} of {PAIRS} differ")
            compared += 1
    if not compared:
        raise NotApplicable("the family has neither departures nor a uniform population")
    return f"{compared} pairs of shifts"


def _alike(point: Shift) -> Iterator[tuple[Shift, Shift]]:
    """Shifts with the same labels: where a point departs from, and every corner as a population of its own."""
    plain = point.plain()
    if plain is not None and point.departures():
        yield point.departures()[0], plain
    population = point.uniform_population()
    if population is not None:
        yield from zip(point.corners(), population.corners(), strict=True)


def distance(subject: ShiftSubject) -> str:
    """Labels are at distance 0 from themselves, and farther the farther away a point stands in its family."""
    lines = [line for point in points(subject) for line in _lines(point)]
    if not lines:
        raise NotApplicable("the family has neither an axis nor departures")
    for line in lines:
        here = label_chances(line[0], LABELLINGS[0])
        far = [float(np.abs(label_chances(other, LABELLINGS[0]) - here).mean()) for other in line]
        expect(far[0] == 0, f"{line[0]}: labels at distance 0 from themselves", f"{far[0]:.3g}")
        for nearer, farther, one, other in zip(far, far[1:], line, line[1:], strict=False):
            expect(
                farther >= nearer - ROUNDING,
                f"{line[0]}: labels of {other} no nearer than those of {one}, {nearer:.4g} away",
                f"{farther:.4g}",
            )
        expect(far[-1] > 0 or len(line) == 1, f"{line[0]}: other labels under {line[-1]}", "the same chances")
    return f"{len(lines)} lines of shifts"


def _lines(point: Shift) -> Iterator[Sequence[Shift]]:
    """Shifts in the order of their distance from the first: departures, and both ways along the axis."""
    if point.departures():
        yield point.departures()
    place = point.position()
    placed = [(other.position(), other) for other in point.evaluation_grid() if other != point]
    axis = [(position, other) for position, other in placed if position is not None]
    if place is None or not axis:
        return
    for sign in (-1, 1):
        beyond = {sign * (at - place): other for at, other in axis if sign * (at - place) > 0}
        if beyond:
            yield [point, *(beyond[far] for far in sorted(beyond))]


CHECKS = (
    Check(
        "features",
        features,
        "Let `features` name what annotators read through rewards.feature(name); judge policies by rewards alone.",
        after=("utility",),
    ),
    Check("chances", chances, OWN_PAIR, after=("features",)),
    Check("frequencies", frequencies, "Let annotators() and distort() answer alike at every call.", after=("chances",)),
    Check(
        "identity",
        identity,
        "Let departures()[0] leave the labels of plain() as they are: no flip, a factor of 1, a weight of 0.",
        after=("chances",),
    ),
    Check(
        "distance",
        distance,
        "Order departures() by how far labels move, and let position() grow along the axis; None is no axis.",
        after=("chances",),
    ),
)
