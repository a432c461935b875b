"""The figures of a scorer, by arithmetic that a reader can redo."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmark.scoring.base import RewardModel
from benchmark.scoring.calibration import (
    expected_calibration_error,
    probabilities,
    roc_auc,
    save_report,
    scoring_report,
)


class Fixed(RewardModel):
    """Scores read from a table."""

    objectives = ("anger", "joy")

    def __init__(self, logits):
        self.logits = np.array(logits, dtype=float)

    def score(self, texts):
        return self.logits

    def save(self, folder):
        raise NotImplementedError


def test_roc_auc():
    labels = np.array([1, 1, 0, 0])
    assert roc_auc(labels, np.array([4, 3, 2, 1])) == 1
    assert roc_auc(labels, np.array([1, 2, 3, 4])) == 0
    assert roc_auc(labels, np.array([4, 2, 3, 1])) == 0.75  # 3 of 4 pairs in order
    assert roc_auc(labels, np.ones(4)) == 0.5  # ties count half
    assert np.isnan(roc_auc(np.ones(4), np.arange(4)))


def test_expected_calibration_error():
    """Two at .9 of which one is positive, |1.8 - 1|; two at .1 of which none is, .2; over four texts."""
    labels, predicted = np.array([1, 0, 0, 0]), np.array([0.92, 0.88, 0.1, 0.1])
    assert expected_calibration_error(labels, predicted, bins=2) == pytest.approx((0.8 + 0.2) / 4)
    assert expected_calibration_error(np.array([1, 0]), np.array([0.5, 0.5])) == pytest.approx(0)
    assert expected_calibration_error(np.array([1, 0]), np.array([1.0, 0.0])) == 0


def test_probabilities():
    np.testing.assert_allclose(probabilities(np.array([0, np.log(3), -1e4, 1e4])), [0.5, 0.75, 0, 1])


def test_report_tells_the_accuracies_apart():
    labels = np.array([[1.0, 0], [0, 1], [1, 1], [0, 1]])
    logits = [[2.0, -1], [1, 2], [3, -2], [-1, -2]]  # right answers: 2, 1, 1, 1 of 2
    report = scoring_report(Fixed(logits), ["a", "b", "c", "d"], labels)
    assert report["label_accuracy"] == 5 / 8
    assert report["exact_match"] == 1 / 4
    assert report["top_accuracy"] == 3 / 4
    assert report["roc_auc_anger"] == 1  # positives 2 and 3, negatives 1 and -1
    assert report["roc_auc_joy"] == pytest.approx((1 + 0 + 0) / 3)  # positives 2, -2, -2 against the negative -1
    assert report["macro_roc_auc"] == pytest.approx((1 + 1 / 3) / 2)
    assert report["texts"] == 4


def test_report_is_saved_beside_the_model(tmp_path):
    save_report(tmp_path, {"single": {"exact_match": 0.5, "texts": 4}})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"single": {"exact_match": 0.5, "texts": 4}}
