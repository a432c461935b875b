"""The selection rules: each looks at the candidates of one method and takes one of them in every resample.

All but the oracle are oblivious: neither test prompts nor evaluation shifts reach them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Bools, Floats, Ints
from benchmark.measure.selection.radius import LEVEL, chi_square_radius, disagreement_radius
from benchmark.measure.selection.seen import Choice, Seen
from benchmark.measure.statistics.bootstrap import replicates_of
from benchmark.report import NothingTaken, RadiusChoice

KL_BUDGET = 2.0  # nats per completion, of `matched_kl`: fixed before any run


@dataclass(frozen=True)
class Rule:
    """A selection rule.

    choose: takes a candidate in every resample, or says why the rule cannot be applied to this method.
    ceiling: looks at the evaluation shifts, which no user could; shown grey.
    budget: of KL, nats, where the rule has one.
    """

    name: str
    summary: str
    choose: Callable[[Seen], Choice | NothingTaken]
    ceiling: bool = False
    budget: float | None = None


def _nominal(seen: Seen) -> Choice:
    return _best(seen.nominal)


def _held_out_shifts(seen: Seen) -> Choice | NothingTaken:
    return _best(seen.held_out.min(axis=2)) if seen.held_out.shape[2] else NothingTaken.NO_VALIDATION_SHIFTS


def _matched_kl(seen: Seen) -> Choice | NothingTaken:
    within: Bools = np.asarray(seen.kl <= KL_BUDGET)  # an unknown KL is not within it
    if not within[0].any():
        return NothingTaken.NONE_WITHIN_BUDGET
    chosen = _best(np.where(within, seen.nominal, -np.inf))
    lacking: Bools = np.logical_not(within.any(axis=1))
    share = float(replicates_of(lacking).mean())
    return Choice(np.where(lacking, -1, chosen.taken), chosen.candidates, lacking=share)


def _oracle(seen: Seen) -> Choice:
    assert seen.tested is not None
    return _best(seen.tested.min(axis=2))


def _best(values: Floats) -> Choice:
    """The candidate of greatest value; the first of those that are equal."""
    return Choice(values.argmax(axis=1), values.shape[1])


def _data_driven_radius(seen: Seen) -> Choice | NothingTaken:
    share = seen.radii.disagreement
    return NothingTaken.NO_TRAINING_PAIRS if np.isnan(share[0]) else _nearest(seen, disagreement_radius(share))


def _chi_square_radius(seen: Seen) -> Choice | NothingTaken:
    pairs = seen.radii.pairs
    return NothingTaken.PAIRS_NOT_COUNTED if np.isnan(pairs[0]) else _nearest(seen, chi_square_radius(pairs))


def _nearest(seen: Seen, radius: Floats) -> Choice | NothingTaken:
    """The setting whose implied radius is nearest in logarithm, at its last checkpoint."""
    implied = seen.radii.implied
    known = np.flatnonzero(~np.isnan(implied[0]))
    if not len(known):
        return NothingTaken.LOSSES_NOT_RECORDED if seen.radii.balls else NothingTaken.NO_BALL
    with np.errstate(divide="ignore"):
        far = np.abs(np.log(implied[:, known]) - np.log(radius)[:, None])
    return Choice(known[far.argmin(axis=1)], len(known), radius=_both_radii(seen, known))


def _both_radii(seen: Seen, known: Ints) -> RadiusChoice:
    """The radii that both rules call for, so that each stands beside the other, and those of the settings."""
    share, pairs = seen.radii.disagreement[:1], seen.radii.pairs[:1]
    return RadiusChoice(
        disagreement=None if np.isnan(share[0]) else float(disagreement_radius(share)[0]),
        share=None if np.isnan(share[0]) else float(share[0]),
        chi_square=None if np.isnan(pairs[0]) else float(chi_square_radius(pairs)[0]),
        pairs=None if np.isnan(pairs[0]) else float(pairs[0]),
        settings=tuple((seen.candidates[index].label, float(seen.radii.implied[0, index])) for index in known),
        unknown=sum(candidate.last for candidate in seen.candidates) - len(known),
    )


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("nominal", "greatest gated utility at the training shift", _nominal),
        Rule(
            "held_out_shifts",
            "greatest worst case over validation shifts, which are not tested and reach half as far",
            _held_out_shifts,
        ),
        Rule(
            "matched_kl",
            f"greatest gated utility at the training shift among policies with at most {KL_BUDGET:g} nats of KL",
            _matched_kl,
            budget=KL_BUDGET,
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
