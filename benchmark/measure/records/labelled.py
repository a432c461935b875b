"""What held-out pairs that people labelled say of a policy's implicit reward: order, margin, length, calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Floats

BINS = 10


@dataclass(frozen=True)
class JudgedLabels:
    """Labels of held-out pairs by a population of groups, as two rows per pair and group: one for the share of the
    group's labels that chose the first response, one for the others. Each array of shape [rows].

    h: log-ratio of the chosen response minus that of the other, nats. longer: sign of the chosen response's length
    minus the other's. weights: of all the labels of a group they sum to its share of the population. pairs: number of
    pairs that are judged.
    """

    h: Floats
    longer: Floats
    weights: Floats
    pairs: int

    @classmethod
    def of(
        cls, change: Floats, lengths: Floats, chose: Mapping[str, Floats], shares: Mapping[str, float]
    ) -> JudgedLabels:
        """The labels of a population; groups without a share, and pairs that none of the others labelled, say nothing.

        Args:
            change: of log-probability against the reference, nats, first and second response by turns: [2 pairs].
            lengths: in tokens, likewise.
            chose: by group the share of its labels that chose each response, likewise; NaN where it was not asked.
            shares: of the groups in the population.
        """
        h, longer = change[0::2] - change[1::2], np.sign(lengths[0::2] - lengths[1::2])
        parts: list[tuple[Floats, Floats, Floats]] = []
        judged = np.zeros(len(h), dtype=np.bool_)
        for group, share in shares.items():
            asked = ~np.isnan(chose[group][0::2])
            if not share or not asked.any():
                continue
            judged |= asked
            for sign, side in ((1, 0), (-1, 1)):
                weights = share / asked.sum() * chose[group][side::2][asked]
                parts.append((sign * h[asked], sign * longer[asked], weights))
        if not parts:
            return cls(np.zeros(0), np.zeros(0), np.zeros(0), 0)
        signed, lengthier, weighted = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(signed, lengthier, weighted, int(judged.sum()))


def label_numbers(labels: JudgedLabels, beta: float | None) -> Iterator[tuple[str, float]]:
    """Metrics by name; NaN where no label says anything.

    preference_accuracy: share of the labels that the implicit reward orders alike, ties half. implicit_margin: mean of
    h, nats. length_controlled_...: the mean of the number among labels that chose the longer response and of that among
    those that chose the shorter one, so that whoever goes by length alone has an accuracy of 1/2; pairs of equal length
    do not count. calibration_error: see `calibration_error`; of methods with a beta.
    """
    right = 0.5 + 0.5 * np.sign(labels.h)
    yield "preference_accuracy", _mean(right, labels.weights)
    yield "length_controlled_accuracy", length_controlled(right, labels)
    yield "implicit_margin", _mean(labels.h, labels.weights)
    yield "length_controlled_margin", length_controlled(labels.h, labels)
    if beta is not None:
        yield "calibration_error", calibration_error(beta * labels.h, labels.weights)


def length_controlled(values: Floats, labels: JudgedLabels) -> float:
    """Mean of two means: where the chosen response is the longer one, and where it is the shorter one; NaN where either
    never is."""
    sides = [labels.longer > 0, labels.longer < 0]
    return float(np.mean([_mean(values[side], labels.weights[side]) for side in sides]))


def calibration_error(margins: Floats, weights: Floats) -> float:
    """Expected calibration error of P(label) = sigmoid(margin) against the labels, in [0, 1]; NaN without labels.

    A pair is foretold with confidence sigmoid(|margin|); in ten bins of equal width from .5 to 1, the error is the mean
    over labels of |mean confidence - share foretold right|, ties half right. Source: arXiv:1706.04599, Section 2.

    Args:
        margins: implicit reward of the chosen response minus that of the other, in nats, shape [labels].
        weights: of the labels, shape [labels].
    """
    if not weights.sum() > 0:
        return float("nan")
    confidence = 1 / (1 + np.exp(-np.abs(margins)))
    right = 0.5 + 0.5 * np.sign(margins)
    place = np.minimum((confidence - 0.5) / 0.5 * BINS, BINS - 1).astype(np.int64)
    gaps = np.bincount(place, weights * (confidence - right), minlength=BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def _mean(values: Floats, weights: Floats) -> float:
    known = weights > 0
    return float(np.average(values[known], weights=weights[known])) if known.any() else float("nan")
