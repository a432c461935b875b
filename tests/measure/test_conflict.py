"""Conflict between shifts, from a handful of pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.measure.conflict import conflict_sentence, distance, distances, label_sentence
from benchmark.measure.report import EvalShift
from shifts.base import Rewards, parse_shift

(SAD,) = parse_shift("alpha_mixture(a=joy,b=sadness,alpha=0)")
(GLAD,) = parse_shift("alpha_mixture(a=joy,b=sadness,alpha=1)")
FIRST = Rewards({"joy": np.array([0.9, 0.1, 0.5, 0.2]), "sadness": np.array([0.1, 0.9, 0.8, 0.6])})
SECOND = Rewards({"joy": np.array([0.1, 0.3, 0.5, 0.1]), "sadness": np.array([0.9, 0.1, 0.2, 0.2])})
CHOSEN = np.array([False, True, True, True])  # the sadder one


def test_agreement_and_target_gap_by_hand() -> None:
    # Joy gaps .8, -.2, 0, .1; sadness gaps -.8, .8, .6, .4: they agree on the last pair, the third is a tie.
    told = distance(GLAD, SAD, FIRST, SECOND, CHOSEN)
    assert told.agreement == pytest.approx((0 + 0 + 0.5 + 1) / 4)
    assert told.target_gap == pytest.approx((-0.8 - 0.2 + 0.0 + 0.1) / 4)


def test_a_shift_agrees_with_itself() -> None:
    told = distance(SAD, SAD, FIRST, SECOND, CHOSEN)
    assert (told.agreement, told.target_gap) == pytest.approx((1.0, (0.8 + 0.8 + 0.6 + 0.4) / 4))


def test_flipping_every_label_flips_the_gap_and_leaves_agreement() -> None:
    one, two = (distance(GLAD, SAD, FIRST, SECOND, labels) for labels in (CHOSEN, ~CHOSEN))
    assert one.target_gap == pytest.approx(-two.target_gap) and one.agreement == two.agreement


def test_without_pairs_nothing_is_known() -> None:
    assert distances(None, SAD, [SAD, GLAD], ("joy", "sadness")) == [None, None]
    assert distances(pd.DataFrame(), SAD, [SAD], ("joy", "sadness")) == [None]


@pytest.mark.parametrize(
    ("agreement", "gap", "words"),
    [
        (
            0.44,
            -0.075,
            "Conflict: under joy annotators agree with the training labels on 44% of pairs, and the chosen "
            "completion is worse by 0.075.",
        ),
        (0.73, 0.126, "No conflict: even under joy"),
        (0.97, -0.001, "Hardly a conflict"),
    ],
)
def test_the_sentence_is_about_the_shift_of_least_gap(agreement: float, gap: float, words: str) -> None:
    near = EvalShift("reward_blend(weights=sadness:1)", "0", 0.0, True, agreement=1.0, target_gap=0.3)
    far = EvalShift("reward_blend(weights=joy:1)", "1", 1.0, False, agreement=agreement, target_gap=gap)
    assert conflict_sentence([near, far]).startswith(words)


def test_the_sentence_without_pairs_says_so() -> None:
    assert "not measured" in conflict_sentence([EvalShift("reward_blend(weights=sadness:1)", "0", 0.0, True)])


def test_label_noise_is_counted_against_the_noise_free_choice() -> None:
    # utilities differ by +1, +1, -1, 0; chosen first, second, second, first: right, wrong, right, half
    pairs = pd.DataFrame(
        {"first_joy": [1.0, 1.0, 0.0, 0.5], "second_joy": [0.0, 0.0, 1.0, 0.5],
         "first_chosen": [True, False, False, True]}
    )  # fmt: skip
    (joy,) = parse_shift("reward_blend(weights=joy:1)")
    assert "noise-free choice on 62% of 4 pairs" in label_sentence(pairs, joy, ["joy"])
    assert label_sentence(None, joy, ["joy"]) == ""
