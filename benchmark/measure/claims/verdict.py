"""From a number with its interval to a verdict on a claim."""

from __future__ import annotations

from benchmark.report import Absent, ClaimVerdict, Estimate, Finding, Measured, Place, Unchecked

WITHOUT_WORST_CASE = (Absent.NOMINAL_WIN, Absent.EDGE)  # it was run, and there is no worst case to compare


def verdict(measured: Measured) -> ClaimVerdict:
    """Reproduced: the interval lies wholly on the claim's side of the threshold; not reproduced: wholly on the other.

    One seed has no interval over seeds, so nothing can be told. A claim that training less can meet (`matched_kl`) is
    reproduced only if it holds at equal KL too.
    """
    said = _side(measured.estimate, measured)
    if said is not ClaimVerdict.REPRODUCED or measured.matched_kl is None:
        return said
    return said if _side(measured.matched_kl, measured) is said else ClaimVerdict.BY_TRAINING_LESS


def _side(estimate: Estimate, measured: Measured) -> ClaimVerdict:
    """On which side of the threshold the interval lies."""
    if estimate.value is None:
        return ClaimVerdict.CANNOT_TELL if estimate.absent in WITHOUT_WORST_CASE else ClaimVerdict.NOT_RUN_HERE
    if estimate.n < 2 or estimate.low is None or estimate.high is None:
        return ClaimVerdict.CANNOT_TELL
    above, below = estimate.low > measured.threshold, estimate.high < measured.threshold
    if not (above or below):
        return ClaimVerdict.CANNOT_TELL
    return ClaimVerdict.REPRODUCED if above == (measured.claimed == "above") else ClaimVerdict.NOT_REPRODUCED


def finding(place: Place, measured: Measured) -> Finding:
    """The number with its verdict."""
    return Finding(place, verdict(measured), measured)


def unchecked(place: Place | None, why: Unchecked) -> Finding:
    """That there is no number, and why."""
    return Finding(place, ClaimVerdict.NOT_RUN_HERE, why)
