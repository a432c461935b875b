"""The first picture: one line per row, its headline as a point with the interval against the envelope at 0.

It is part of the page's text and no figure of plotly's, so that it stands there at once, without scripts too, is sorted
with the table, and its reasons are whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.report import METRICS, Estimate, Row
from leaderboard.tables import finite, number

HEADLINE = METRICS[0]
ROOM = 0.05  # on both sides, of what points and bars take
MOST_TICKS = 7
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Mark:
    """Where the point and the ends of its bar stand, in percent of the width; None where there is none."""

    at: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Picture:
    """Marks by key of the row; `ticks` are places in percent with what they are called, `zero` is that of the
    envelope, `margin` that of the least gain that counts, None where nothing was judged."""

    marks: dict[str, Mark]
    ticks: tuple[tuple[float, str], ...]
    zero: float
    margin: float | None = None


def picture(rows: Sequence[Row], margin: float | None = None) -> Picture | None:
    """The picture of `rows`; None where no row is done. `margin`: see `Judging`, units of utility."""
    estimates = {row.key: row.metrics[HEADLINE.name] for row in rows if row.status == "done" and row.metrics}
    if not estimates:
        return None
    axis = _axis([*estimates.values(), Estimate(margin)])
    marks = {row.key: _mark(estimates.get(row.key, Estimate(None)), axis) for row in rows}
    return Picture(marks, _ticks(*axis), _percent(0.0, axis), None if margin is None else _percent(margin, axis))


def _axis(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """Where the axis begins and ends: all points and bars, and 0, with a little room on both sides."""
    known = [x for e in estimates for value in (e.value, e.low, e.high) if (x := finite(value)) is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    room = ROOM * (high - low) or 0.1
    return low - room, high + room


def _mark(estimate: Estimate, axis: tuple[float, float]) -> Mark:
    if (value := finite(estimate.value)) is None:
        return Mark()
    low, high = finite(estimate.low), finite(estimate.high)
    if low is None or high is None:
        return Mark(_percent(value, axis))
    return Mark(_percent(value, axis), _percent(low, axis), _percent(high, axis))


def _percent(value: float, axis: tuple[float, float]) -> float:
    low, high = axis
    return round(100 * (value - low) / (high - low), 1)


def _ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Round numbers on the axis."""
    power = 10.0 ** math.floor(math.log10((high - low) / MOST_TICKS))
    step = next(one * power for one in STEPS if (high - low) / (one * power) <= MOST_TICKS)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    places = range(math.ceil(low / step), math.floor(high / step) + 1)
    return tuple((_percent(place * step, (low, high)), number(place * step, decimals, signed=True)) for place in places)
