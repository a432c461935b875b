"""Suites of labelled pairs: whose labels train, and what is measured of held-out pairs, against numbers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.core.data import Pairs
from benchmark.core.errors import UserError
from benchmark.measure.panels.conflict import distances
from benchmark.measure.panels.label_distance import labelling_of
from benchmark.measure.records.labelled import JudgedLabels, calibration_error, label_numbers
from benchmark.pipeline.text.label_draws import draw, members, shares_for_chosen
from benchmark.pipeline.text.stages.labelled import chance_to_agree
from benchmark.suites.labelled import OWN_LABELS, Labels
from benchmark.training.batch import ReferenceLogps, per_pair_columns
from shifts.base import parse_shift

NAMES = ("a", "b", "c")
NAN = float("nan")


def shift(text):
    return parse_shift(text)[0]


def labels(counts):
    groups = np.repeat(np.arange(len(counts)), counts)
    texts = [f"t{number}" for number in range(len(groups))]
    return Labels(texts, ["x"] * len(texts), ["y"] * len(texts), groups)


# Whose labels train


def test_a_group_gives_each_label_once_before_any_comes_again():
    given = labels([100, 30])
    rows, drawn = draw(given, NAMES, shift("annotator_groups(groups=a/b,fractions=0.5/0.5)"), 120, seed=3)
    assert (given.groups[rows] == drawn).all()
    of_a, of_b = (np.bincount(rows[drawn == group], minlength=130) for group in (0, 1))
    assert set(of_a[:100]) == {0, 1}
    assert set(of_b[100:]) == {len(rows[drawn == 1]) // 30, len(rows[drawn == 1]) // 30 + 1}


def test_shares_are_met_within_three_sigma():
    _, drawn = draw(labels([500, 500]), NAMES, shift("annotator_groups(groups=b/a,fractions=0.9/0.1)"), 2000, seed=0)
    assert abs((drawn == 0).mean() - 0.9) < 3 * np.sqrt(0.09 / 2000)


def test_a_larger_share_takes_the_same_labels_and_more():
    taken = []
    for share in ("0.7/0.3", "0.9/0.1"):
        rows, drawn = draw(labels([400, 400]), NAMES, shift(f"annotator_groups(groups=a/b,fractions={share})"), 300, 1)
        taken.append([set(rows[drawn == group]) for group in (0, 1)])
    (fewer_a, more_b), (more_a, fewer_b) = taken
    assert fewer_a < more_a and fewer_b < more_b


def test_groups_are_found_whatever_their_order_and_blends_label_nothing():
    assert members(shift("annotator_groups(groups=c/a,fractions=0.5/0.5)"), NAMES) == [2, 0]
    with pytest.raises(UserError, match="whoever labels is one of the groups a, b, c"):
        members(shift("annotator_groups(groups=a:0.5+b:0.5/c)"), NAMES)
    with pytest.raises(UserError, match="c has no label to train on"):
        draw(labels([5, 5, 0]), NAMES, shift("annotator_groups(groups=a/c)"), 20, 0)


def test_shares_of_a_pair_count_labels_both_ways():
    groups = np.array([0, 0, 1, 0])
    found = shares_for_chosen(Labels(["q"] * 3 + ["r"], ["x", "y", "x", "x"], ["y", "x", "y", "y"], groups), 2)
    np.testing.assert_allclose(found, [[0.5, 1], [0.5, 0], [0.5, 1], [1, NAN]])


def test_pairs_without_margins_hand_none_to_a_method(tmp_path):
    Pairs([[1]], [[2]], [[3]], groups=np.array([1])).save(tmp_path / "pairs.parquet")
    pairs = Pairs.load(tmp_path / "pairs.parquet")
    assert pairs.margins is None and pairs.groups.tolist() == [1]
    columns = per_pair_columns(pairs, ReferenceLogps(np.zeros(1), np.zeros(1)))
    assert columns.keys() == {"ref_chosen_logps", "ref_rejected_logps", "groups"}


def test_the_distance_of_two_groups_is_seen_on_the_pairs_that_both_labelled():
    """Four pairs; both groups labelled the first three, agree on one of them, and b is split on the third."""
    b = np.array([1.0, 0.0, 0.5, NAN])
    pairs = pd.DataFrame({"first_chosen": True, "first_a": 1.0, "second_a": 0.0, "first_b": b, "second_b": 1 - b})
    environments = [{"eval_shifts": {"s": []}, "labelling": OWN_LABELS}]
    labelling = labelling_of(environments, "s")
    of_a, of_b = (shift(f"annotator_groups(groups=a/b,fractions={fractions})") for fractions in ("1/0", "0/1"))
    (found,) = distances(pairs, of_a, [of_b], ("a", "b"), labelling)
    assert found.agreement == pytest.approx((1 + 0 + 0.5) / 3)
    assert found.flip_rate == pytest.approx((0 + 1 + 0.5) / 3)  # a's label is certain, b's is its share
    alone = pairs.assign(first_b=NAN, second_b=NAN)
    assert distances(alone, of_a, [of_b], ("a", "b"), labelling) == [None]


# What is measured


def test_the_value_of_a_pair_is_the_chance_that_a_label_agrees():
    found = chance_to_agree(np.array([2.0, -0.1, 0.0]), np.array([[0.75, NAN], [0.75, 0.0], [1.0, 0.0]]))
    np.testing.assert_allclose(found, [[0.75, NAN], [0.25, 1.0], [0.5, 0.5]])


# Three pairs. h of the first over the second response: 1, -2, 0.5 nats; the first is longer, shorter, longer.
CHANGE = np.array([1.0, 0.0, -1.0, 1.0, 0.5, 0.0])
LENGTHS = np.array([5, 3, 2, 4, 6, 1])
CHOSE = {
    "a": np.array([1.0, 0.0, 1.0, 0.0, 0.5, 0.5]),  # first; first; one label for either
    "b": np.array([NAN, NAN, 0.0, 1.0, NAN, NAN]),  # asked of the second pair alone, and chose the second
}


def numbers(beta=None, **shares):
    judged = JudgedLabels.of(CHANGE, LENGTHS, CHOSE, shares)
    return dict(label_numbers(judged, beta)) | {"pairs": judged.pairs}


def test_accuracy_and_margin_by_hand():
    a, b, both = numbers(a=1.0), numbers(b=1.0), numbers(a=0.9, b=0.1)
    assert (a["pairs"], b["pairs"], both["pairs"]) == (3, 1, 3)
    assert a["preference_accuracy"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert a["implicit_margin"] == pytest.approx((1 - 2 + 0) / 3)
    assert (b["preference_accuracy"], b["implicit_margin"]) == (1, 2)
    assert both["preference_accuracy"] == pytest.approx(0.9 * 0.5 + 0.1)  # a mixture of groups is one of their numbers
    assert "calibration_error" not in a


def test_length_control_counts_longer_and_shorter_choices_alike():
    # a chose the longer response of pair 1 (right) and, by half, of pair 3 (right); the shorter one of pair 2 (wrong)
    # and, by half, of pair 3 (wrong): means 1 and 0
    a = numbers(a=1.0)
    assert a["length_controlled_accuracy"] == pytest.approx((1 + 0) / 2)
    longer, shorter = (1 + 0.5 * 0.5) / 1.5, (-2 - 0.5 * 0.5) / 1.5
    assert a["length_controlled_margin"] == pytest.approx((longer + shorter) / 2)
    assert np.isnan(numbers(b=1.0)["length_controlled_accuracy"])  # b never chose a shorter response


def test_whoever_goes_by_length_alone_is_at_one_half():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 50, 400).astype(float)
    chose = np.where(rng.random(200) < 0.8, lengths[0::2] > lengths[1::2], lengths[0::2] < lengths[1::2]).astype(float)
    both = np.stack([chose, 1 - chose], axis=1).ravel()
    found = dict(label_numbers(JudgedLabels.of(lengths, lengths, {"g": both}, {"g": 1.0}), None))
    assert found["preference_accuracy"] > 0.7 and found["length_controlled_accuracy"] == pytest.approx(0.5)


def test_calibration_error_by_hand():
    # confidences .6, .6 and .9: the first two are one right and one wrong, the third is right
    margins = np.log([0.6 / 0.4, 0.4 / 0.6, 0.9 / 0.1])
    assert calibration_error(margins, np.ones(3)) == pytest.approx((2 * abs(0.6 - 0.5) + abs(0.9 - 1)) / 3)
    assert calibration_error(np.zeros(4), np.ones(4)) == 0  # the reference says 1/2 and is right half the time
    assert calibration_error(np.full(4, -30.0), np.ones(4)) == pytest.approx(1)
    assert np.isnan(calibration_error(np.zeros(0), np.zeros(0)))


def test_a_policy_that_tells_the_truth_is_calibrated():
    rng = np.random.default_rng(1)
    h = rng.normal(0, 2, 20_000)
    chosen = np.where(rng.random(len(h)) < 1 / (1 + np.exp(-h)), h, -h)
    assert calibration_error(chosen, np.ones(len(h))) < 0.02 < 0.1 < calibration_error(5 * chosen, np.ones(len(h)))


def test_beta_scales_the_margin_that_is_calibrated():
    confidence = 1 / (1 + np.exp(-0.2))
    assert numbers(beta=0.1, b=1.0)["calibration_error"] == pytest.approx(1 - confidence)  # h = 2, right
