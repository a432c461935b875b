"""Numbers and lists inside a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.report.estimates import Estimate

MINUS = "\N{MINUS SIGN}"
MOST_NAMES = 5  # that a sentence lists


def signed(value: float, decimals: int = 3) -> str:
    """A number with its sign; what rounds to zero has none."""
    text = f"{value:+.{decimals}f}"
    return text.replace("-", MINUS) if float(text) else f"{0:.{decimals}f}"


def with_interval(estimate: Estimate) -> str:
    """Such as `+0.031 [+0.010, +0.052]`."""
    if estimate.value is None:
        return "not known"
    if estimate.low is None or estimate.high is None:
        return signed(estimate.value)
    return f"{signed(estimate.value)} [{signed(estimate.low)}, {signed(estimate.high)}]"


def plain_interval(estimate: Estimate, decimals: int = 2, signs: bool = False) -> str:
    """Such as `0.31 [0.28, 0.35]`, with signs only where they are asked for."""
    if estimate.value is None:
        return "not known"
    sign = "+" if signs else ""
    value, low, high = (
        "" if number is None else f"{number:{sign}.{decimals}f}".replace("-", MINUS)
        for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]" if low else value


def listed(names: Sequence[str]) -> str:
    """Names in a sentence; of many the first ones, and how many more."""
    if len(names) > MOST_NAMES:
        names = [*names[: MOST_NAMES - 1], f"{len(names) - MOST_NAMES + 1} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def verb(names: Sequence[str], one: str, many: str) -> str:
    """The verb's form for so many names."""
    return one if len(names) == 1 else many
