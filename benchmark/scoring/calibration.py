"""How good a multi-label scorer is on held-out texts. Which "accuracy" is meant changes the figure: all are given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.core.data import Floats
from benchmark.scoring.base import RewardModel

BINS = 10


def probabilities(logits: Floats) -> Floats:
    """The logistic function, without overflow, elementwise."""
    return 0.5 * (1 + np.tanh(np.asarray(logits) / 2))


def roc_auc(labels: Floats, scores: Floats) -> float:
    """Share of (positive, negative) pairs in which the positive scores higher, ties counted half; NaN without both.

    Args:
        labels: 0 or 1, shape [texts].
        scores: any increasing function of the probability, shape [texts].
    """
    from scipy.stats import rankdata

    positive = np.asarray(labels) > 0.5
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    rank_sum = rankdata(scores)[positive].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def expected_calibration_error(labels: Floats, predicted: Floats, bins: int = BINS) -> float:
    """Mean over bins of equal width of |mean prediction - share of positives|, weighted by the texts in the bin.

    Args:
        labels: 0 or 1, shape [texts].
        predicted: probabilities, shape [texts].
        bins: number of bins of [0, 1].
    """
    rows = np.minimum((np.asarray(predicted) * bins).astype(int), bins - 1)
    surplus = np.bincount(rows, weights=predicted, minlength=bins) - np.bincount(rows, weights=labels, minlength=bins)
    return float(np.abs(surplus).sum() / len(labels))


def scoring_report(model: RewardModel, texts: Sequence[str], labels: Floats) -> dict[str, float | int]:
    """Figures of `model` on held-out texts with `labels` of shape [texts, objectives].

    Returns:
        macro_roc_auc and roc_auc_<objective>; label_accuracy, the share of right yes/no answers over texts and
        objectives; exact_match, the share of texts with all answers right; top_accuracy, the share of texts whose
        highest objective is a true one; expected_calibration_error, the mean over objectives; texts, their number.
    """
    logits = model.score(texts)
    predicted, right = probabilities(logits), (logits > 0) == (labels > 0.5)
    areas = {name: roc_auc(labels[:, j], logits[:, j]) for j, name in enumerate(model.objectives)}
    errors = [expected_calibration_error(labels[:, j], predicted[:, j]) for j in range(len(areas))]
    return {
        "macro_roc_auc": float(np.mean(list(areas.values()))),
        "label_accuracy": float(right.mean()),
        "exact_match": float(right.all(axis=1).mean()),
        "top_accuracy": float(labels[np.arange(len(labels)), logits.argmax(axis=1)].mean()),
        "expected_calibration_error": float(np.mean(errors)),
        "texts": len(labels),
        **{f"roc_auc_{name}": area for name, area in areas.items()},
    }


def save_report(folder: Path, reports: dict[str, dict[str, float | int]]) -> None:
    """Write figures, by the name of the held-out set, to `metrics.json` beside the model."""
    (folder / "metrics.json").write_text(json.dumps(reports, indent=1))
