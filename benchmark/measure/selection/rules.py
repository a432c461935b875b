"""The selection rules: each looks at the candidates of one method and takes one of them in every resample.

All but the oracle are oblivious: neither test prompts nor evaluation shifts reach them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Bools, Floats
from benchmark.measure.selection.radius import LEVEL, chi_square_radius, disagreement_radius
from benchmark.measure.selection.seen import Choice, Seen
from benchmark.measure.statistics.bootstrap import replicates_of

KL_BUDGET = 2.0  # nats per completion, of `matched_kl`: fixed before any run
NO_SHIFTS = "the family of the training shift has no validation shifts that are not tested"
NO_BALL = "no setting of this method stands for a ball of known radius"
NO_CURVE = "the spread of losses that turns this method's settings into radii was not recorded in training"


@dataclass(frozen=True)
class Rule:
    """A selection rule.

    choose: takes a candidate in every resample, or says why the rule cannot be applied to this method.
    ceiling: looks at the evaluation shifts, which no user could; shown grey.
    """

    name: str
    summary: str
    choose: Callable[[Seen], Choice | str]
    ceiling: bool = False


def _nominal(seen: Seen) -> Choice:
    return _best(seen.nominal)


def _held_out_shifts(seen: Seen) -> Choice | str:
    return _best(seen.held_out.min(axis=2)) if seen.held_out.shape[2] else NO_SHIFTS


def _matched_kl(seen: Seen) -> Choice | str:
    within: Bools = np.asarray(seen.kl <= KL_BUDGET)  # an unknown KL is not within it
    if not within[0].any():
        return f"no policy of this method within {KL_BUDGET:g} nats of the reference"
    chosen = _best(np.where(within, seen.nominal, -np.inf))
    lacking: Bools = np.logical_not(within.any(axis=1))
    share = replicates_of(lacking).mean()
    note = f"no policy within {KL_BUDGET:g} nats in {share:.0%} of replicates, which are left out" if share else ""
    return Choice(np.where(lacking, -1, chosen.taken), chosen.candidates, note)


def _oracle(seen: Seen) -> Choice:
    assert seen.tested is not None
    return _best(seen.tested.min(axis=2))


def _best(values: Floats) -> Choice:
    """The candidate of greatest value; the first of those that are equal."""
    return Choice(values.argmax(axis=1), values.shape[1])


def _data_driven_radius(seen: Seen) -> Choice | str:
    share = seen.radii.disagreement
    if np.isnan(share[0]):
        return "the run keeps no training pairs: what share of labels disagrees is not known"
    return _nearest(seen, disagreement_radius(share))


def _chi_square_radius(seen: Seen) -> Choice | str:
    pairs = seen.radii.pairs
    if np.isnan(pairs[0]):
        return "the run does not record how many pairs it trained on"
    return _nearest(seen, chi_square_radius(pairs))


def _as_told(seen: Seen) -> str:
    """Both radii in words, so that each stands beside the other."""
    share, pairs = seen.radii.disagreement[0], seen.radii.pairs[0]
    told = []
    if not np.isnan(share):
        told.append(f"{disagreement_radius(share):.2g} nats by disagreement ({share:.0%} of training labels)")
    if not np.isnan(pairs):
        told.append(f"{chi_square_radius(pairs):.2g} nats by the chi-square quantile ({pairs:,.0f} pairs)")
    return ", ".join(told)


def _nearest(seen: Seen, radius: Floats) -> Choice | str:
    """The setting whose implied radius is nearest in logarithm, at its last checkpoint."""
    implied = seen.radii.implied
    known = np.flatnonzero(~np.isnan(implied[0]))
    if not len(known):
        return NO_CURVE if seen.radii.balls else NO_BALL
    with np.errstate(divide="ignore"):
        far = np.abs(np.log(implied[:, known]) - np.log(radius)[:, None])
    settings = ", ".join(f"{seen.candidates[place].label} {implied[0, place]:.2g}" for place in known)
    unknown = sum(candidate.last for candidate in seen.candidates) - len(known)
    rest = f" ({unknown} of unknown radius left out)" if unknown else ""
    return Choice(known[far.argmin(axis=1)], len(known), f"{_as_told(seen)}; settings imply {settings}{rest}")


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("nominal", "greatest reward at the training shift", _nominal),
        Rule(
            "held_out_shifts",
            "greatest worst case over validation shifts, which are not tested and reach half as far",
            _held_out_shifts,
        ),
        Rule(
            "matched_kl",
            f"greatest reward at the training shift among policies with at most {KL_BUDGET:g} nats of KL",
            _matched_kl,
        ),
        Rule(
            "data_driven_radius",
            "the setting whose KL radius is nearest to 2 e^2, with e the share of training labels that disagree with "
            "the annotators' utility; last checkpoint",
            _data_driven_radius,
        ),
        Rule(
            "chi_square_radius",
            f"the setting whose KL radius is nearest to the {LEVEL:.0%} quantile of chi-square(1) over twice the "
            "number of training pairs; last checkpoint",
            _chi_square_radius,
        ),
        Rule("oracle", "greatest worst case over the evaluation shifts: a ceiling, not a rule", _oracle, ceiling=True),
    )
}
