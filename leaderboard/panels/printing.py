"""Numbers and words as the panels print them: in the cells of small tables, and where a figure is pointed at."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from benchmark.report import Estimate
from benchmark.report.words import MINUS, note
from leaderboard.figures import compact
from leaderboard.panels.base import TableCell
from leaderboard.tables import MISSING, finite, interval, number, said

NOISE = 1e-12  # what is left of a difference of two equal numbers of double precision


def text_cell(text: str, hint: str = "") -> TableCell:
    """A cell of text; `hint` shows when it is pointed at."""
    return TableCell(text, note=hint)


def amount(value: float | None, decimals: int, reason: str = "", signed: bool = False) -> TableCell:
    """A cell with a number that has no interval; where it is missing, a dash with the reason."""
    if (known := finite(value)) is None:
        return TableCell(MISSING, note=reason, kind="missing")
    return TableCell(number(known, decimals, signed), order=known, kind="value")


def estimated(estimate: Estimate, decimals: int, signed: bool = False, against_zero: bool = False) -> TableCell:
    """A cell with value and interval; `against_zero` marks an interval that lies wholly above or below 0."""
    if (value := finite(estimate.value)) is None:
        return TableCell(said(estimate), note=note(estimate), kind="missing")
    cell = TableCell(number(value, decimals, signed), interval(estimate, decimals), note(estimate), value, "value")
    low, high = finite(estimate.low), finite(estimate.high)
    if not against_zero or low is None or high is None or low <= 0 <= high:
        return cell
    return TableCell(cell.text, cell.interval, cell.note, cell.order, "clears" if low > 0 else "below")


def decimals(values: Iterable[float | None]) -> int:
    """How many decimals a column of such numbers needs to show three digits or so of the largest; 3 at most."""
    known = [abs(value) for value in values if finite(value) is not None and value]
    return min(3, max(0, 3 - math.floor(math.log10(max(known))) - 1)) if known else 3


def short(value: float | None) -> str:
    """Four significant digits with a true minus sign, a dash where the number is missing; rounding noise is 0."""
    if (known := finite(value)) is None:
        return MISSING
    return "0" if abs(known) < NOISE else f"{known:.4g}".replace("-", MINUS)


def scientific(value: float) -> str:
    """Two significant digits and a power of ten, such as 1.3e−5, or 0: all numbers of a column alike, however small."""
    if value == 0:
        return "0"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}e{int(power)}".replace("-", MINUS)


def pointed(estimate: Estimate) -> str:
    """What a point of a figure says of its number: value, interval and n."""
    low, high = finite(estimate.low), finite(estimate.high)
    bars = "" if low is None or high is None else f" [{short(low)}, {short(high)}]"
    seeds = f", n {estimate.n:,}" if estimate.n else ""
    return f"{short(estimate.value)}{bars}{seeds}"


def parts(estimate: Estimate) -> list[Any]:
    """Low, high and n, as they stand in a figure's CSV."""
    return [compact(estimate.low), compact(estimate.high), estimate.n]
