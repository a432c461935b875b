"""From a number with its interval to a verdict on a claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmark.measure.claims.catalogue import Sided
from benchmark.measure.table.verdict import signed
from benchmark.report.types import Estimate

Verdict = Literal["reproduced", "not reproduced", "not separable", "not run here"]


@dataclass(frozen=True)
class Finding:
    """What the runs of one place say to one check; `where` is "" where nothing was run."""

    where: str
    measured: str
    verdict: Verdict


def judge_side(check: Sided, told: Estimate) -> Verdict:
    """Reproduced: the interval lies wholly on the claim's side of the threshold; not reproduced: wholly on the other.

    One seed has no interval over seeds, so nothing can be separated.
    """
    if told.value is None:
        return "not run here"
    if told.n < 2 or told.low is None or told.high is None:
        return "not separable"
    above, below = told.low > check.threshold, told.high < check.threshold
    if not (above or below):
        return "not separable"
    return "reproduced" if above == (check.claimed == "above") else "not reproduced"


def finding(check: Sided, where: str, what: str, told: Estimate, more: str = "") -> Finding:
    """The verdict with its number in words: what was measured, the interval, the threshold where it is not 0, seeds."""
    verdict = judge_side(check, told)
    if told.value is None:
        return Finding(where, f"{what}: {told.note or 'not recorded'}", verdict)
    threshold = f", claimed {check.claimed} {signed(check.threshold)}" if check.threshold else ""
    seeds = "1 seed: no interval over seeds" if told.n == 1 else f"{told.n} seeds"
    return Finding(where, f"{what}: {interval(told)}{threshold} ({seeds}{more})", verdict)


def interval(told: Estimate) -> str:
    """Such as `+0.031 [+0.010, +0.052]`."""
    if told.value is None:
        return "not known"
    bounds = "" if told.low is None or told.high is None else f" [{signed(told.low)}, {signed(told.high)}]"
    return f"{signed(told.value)}{bounds}"
