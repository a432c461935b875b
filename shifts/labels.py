"""From utilities to labels: which of two completions the annotators choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shifts import LENGTH, TIME, Array, Rewards, Shift, UserError

BRADLEY_TERRY, ARGMAX, LUCE = "bradley_terry", "argmax", "luce"
EVEN = np.log(0.5)


@dataclass(frozen=True)
class Labelling:
    """How annotators turn two utilities into a choice.

    bradley_terry: first chosen with probability sigmoid(sharpness (u1 - u2)); argmax: the greater utility is chosen,
    ties by a fair coin; luce: with probability u1 / (u1 + u2), for utilities that are no less than 0, such as shares of
    answers (two of 0 by a fair coin). `sharpness`, of bradley_terry alone, is in nats per unit of utility.
    Source: arXiv:2502.01930 (Bradley-Terry in Section 3; argmax in the appendix and the released code); Luce,
    Individual Choice Behavior, 1959.
    """

    kind: str = BRADLEY_TERRY
    sharpness: float = 20.0

    def __post_init__(self) -> None:
        if self.kind not in (BRADLEY_TERRY, ARGMAX, LUCE):
            raise UserError(f"labels must be {BRADLEY_TERRY}, {ARGMAX} or {LUCE}, got {self.kind!r}.")
        if not self.sharpness > 0:
            raise UserError(f"label sharpness must be > 0, got {self.sharpness!r}.")

    def log_chances(self, first: Array, second: Array) -> Array:
        """log P(first is chosen) and log P(second is chosen) for utilities of shape [pairs]: shape [2, pairs], nats.

        Exact however small a chance is; -inf for a label that is never given, NaN where a utility is not known.
        """
        if self.kind == LUCE:
            return np.stack([_log_luce(first, second), _log_luce(second, first)])
        gap = np.stack([first - second, second - first])
        if self.kind == ARGMAX:
            return np.where(gap == 0, EVEN, np.where(gap > 0, 0.0, np.where(gap < 0, -np.inf, np.nan)))
        with np.errstate(invalid="ignore"):  # NaN is no mistake
            return -np.logaddexp(0.0, -self.sharpness * gap)  # log sigmoid

    def probability_first(self, first: Array, second: Array) -> Array:
        """P(first is chosen) for utilities of shape [pairs]."""
        return np.exp(self.log_chances(first, second)[0])

    def choose_first(self, first: Array, second: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Whether the first completion is chosen, shape [pairs], where labels follow the utilities alone."""
        return choose_first(self.log_chances(first, second), rng)


def _log_luce(this: Array, other: Array) -> Array:
    """log u / (u + u'), log 1/2 where both are 0."""
    if min(this.min(initial=0.0), other.min(initial=0.0)) < 0:
        raise UserError(f"labels.kind={LUCE} needs utilities of at least 0, as shares are; use {BRADLEY_TERRY}.")
    both = this + other
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(both == 0, EVEN, np.log(this) - np.log(both))


def choose_first(log_chances: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether the first completion is chosen, given `Labelling.log_chances`, shape [pairs].

    One uniform number is drawn per pair whatever the chances, so that all labellings and all shifts share their noise,
    and two of them differ in no more labels than they must.
    """
    return rng.random(log_chances.shape[1]) < np.exp(log_chances[0])


def draw_annotators(shares: Sequence[float], pairs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The number of the group whose annotator labels each pair, shape [pairs]; group g is drawn with chance shares[g].

    One uniform number is drawn per pair whatever the shares, so that a larger group keeps the pairs that it had.
    """
    upper = np.cumsum(shares)
    return np.searchsorted(upper / upper[-1], rng.random(pairs), side="right")


def seen_features(lengths: NDArray[np.int64], times: Array | None) -> dict[str, Array]:
    """What annotators see of completions beside their rewards: lengths in tokens, and the time of the label where the
    shift has times; shape [pairs] each."""
    return {LENGTH: lengths.astype(np.float64)} | ({} if times is None else {TIME: times})


def draw_labels(
    shift: Shift,
    first: Rewards,
    second: Rewards,
    groups: NDArray[np.int64],
    labelling: Labelling,
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], Array]:
    """Labels of pairs under a shift, each by an annotator of its own group.

    Args:
        shift: the population of annotators.
        first: rewards of the first completion of each pair, shape [pairs], with the features that the shift reads.
        second: of the second.
        groups: which of `shift.annotators()` labels each pair, shape [pairs].
        labelling: how annotators choose.
        rng: of the labels.

    Returns:
        Whether the first is chosen, and the annotator's own utility of the chosen completion minus that of the
        rejected one, shape [pairs] each.
    """
    pairs = np.arange(len(groups))
    of_first, of_second = (
        np.stack([annotator.utility(side) for _, annotator in shift.annotators()])[groups, pairs]
        for side in (first, second)
    )
    gap = of_first - of_second
    chosen = choose_first(shift.distort(labelling.log_chances(of_first, of_second), gap), rng)
    return chosen, np.where(chosen, gap, -gap)


def log_label_chances(shift: Shift, first: Rewards, second: Rewards, labelling: Labelling) -> Array:
    """log P(first is chosen) and log P(second is chosen) over all annotators, shape [2, pairs]; -inf where a label is
    never given.

    The annotator of a pair is drawn from the groups g of the shift: P = sum_g f_g P_g. Arguments as of `draw_labels`.
    """
    logs = []
    for share, annotator in shift.annotators():
        if share:
            of_first, of_second = annotator.utility(first), annotator.utility(second)
            own = shift.distort(labelling.log_chances(of_first, of_second), of_first - of_second)
            logs.append(own + np.log(share))
    return np.asarray(np.logaddexp.reduce(np.stack(logs), axis=0))
