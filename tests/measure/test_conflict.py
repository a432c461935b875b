"""Conflict between shifts, from a handful of pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmark.measure.panels.conflict import (
    conflict,
    distance,
    distances,
    label_agreement,
    objective_correlations,
)
from benchmark.measure.panels.label_distance import label_distance, labelling_of
from benchmark.report import Absent, EvalShift, words
from shifts.base import Rewards, Shift, parse_shift
from shifts.labels import ARGMAX, Labelling, draw_annotators, log_label_chances

(SAD,) = parse_shift("alpha_mixture(a=joy,b=sadness,alpha=0)")
(GLAD,) = parse_shift("alpha_mixture(a=joy,b=sadness,alpha=1)")
FIRST = Rewards({"joy": np.array([0.9, 0.1, 0.5, 0.2]), "sadness": np.array([0.1, 0.9, 0.8, 0.6])})
SECOND = Rewards({"joy": np.array([0.1, 0.3, 0.5, 0.1]), "sadness": np.array([0.9, 0.1, 0.2, 0.2])})
CHOSEN = np.array([False, True, True, True])  # the sadder one
TWO = Labelling(sharpness=2.0)


def groups(joyful: float) -> Shift:
    return parse_shift(f"annotator_groups(groups=joy/sadness,fractions={joyful}/{1 - joyful})")[0]


def logistic(z: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-z)))


def test_agreement_and_target_gap_by_hand() -> None:
    # Joy gaps .8, -.2, 0, .1; sadness gaps -.8, .8, .6, .4: they agree on the last pair, the third is a tie.
    far = distance(GLAD, SAD, FIRST, SECOND, CHOSEN, TWO)
    assert far.agreement == pytest.approx((0 + 0 + 0.5 + 1) / 4)
    assert far.target_gap == pytest.approx((-0.8 - 0.2 + 0.0 + 0.1) / 4)


def test_a_shift_agrees_with_itself() -> None:
    far = distance(SAD, SAD, FIRST, SECOND, CHOSEN, TWO)
    assert (far.agreement, far.target_gap) == pytest.approx((1.0, (0.8 + 0.8 + 0.6 + 0.4) / 4))


def test_flipping_every_label_flips_the_gap_and_leaves_agreement() -> None:
    one, two = (distance(GLAD, SAD, FIRST, SECOND, labels, TWO) for labels in (CHOSEN, ~CHOSEN))
    assert one.target_gap == pytest.approx(-two.target_gap) and one.agreement == two.agreement


def test_without_pairs_nothing_is_known() -> None:
    assert distances(None, SAD, [SAD, GLAD], ("joy", "sadness"), TWO) == [None, None]
    assert distances(pd.DataFrame(), SAD, [SAD], ("joy", "sadness"), TWO) == [None]


@pytest.mark.parametrize(
    ("agreement", "gap", "sentence"),
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
def test_the_sentence_is_about_the_shift_of_least_gap(agreement: float, gap: float, sentence: str) -> None:
    near = EvalShift("reward_blend(weights=sadness:1)", "0", 0.0, True, agreement=1.0, target_gap=0.3)
    far = EvalShift("reward_blend(weights=joy:1)", "1", 1.0, False, agreement=agreement, target_gap=gap)
    assert words.conflict_sentence(conflict([near, far])).startswith(sentence)


def test_the_sentence_without_pairs_says_so() -> None:
    assert "not measured" in words.conflict_sentence(
        conflict([EvalShift("reward_blend(weights=sadness:1)", "0", 0.0, True)])
    )


def test_label_noise_is_counted_against_the_noise_free_choice() -> None:
    # utilities differ by +1, +1, -1, 0; chosen first, second, second, first: right, wrong, right, half
    pairs = pd.DataFrame(
        {"first_joy": [1.0, 1.0, 0.0, 0.5], "second_joy": [0.0, 0.0, 1.0, 0.5],
         "first_chosen": [True, False, False, True]}
    )  # fmt: skip
    (joy,) = parse_shift("reward_blend(weights=joy:1)")
    assert "noise-free choice on 62% of 4 pairs" in words.label_sentence(label_agreement(pairs, joy, ["joy"]))
    assert words.label_sentence(label_agreement(None, joy, ["joy"])) == ""


def test_label_sentence_of_a_population_speaks_of_its_mean() -> None:
    # mean utilities .5 and .5: a tie, which counts half
    pairs = pd.DataFrame({"first_joy": [1.0], "second_joy": [0.0], "first_sadness": [0.0], "second_sadness": [1.0],
                          "first_chosen": [True]})  # fmt: skip
    sentence = words.label_sentence(label_agreement(pairs, groups(0.5), ["joy", "sadness"]))
    assert sentence == " Training labels are the choice of the population's mean utility on 50% of 1 pairs."


def test_the_sentence_of_a_population_and_with_a_correlation() -> None:
    far = EvalShift(str(groups(1.0)), "1", 1.0, False, agreement=0.4, target_gap=-0.1, correlation=-0.25)
    sentence = words.conflict_sentence(conflict([far]))
    assert "the population's mean choice is that of training on 40% of pairs" in sentence
    assert sentence.endswith("worse by 0.100. The two utilities have correlation −0.25.")


def test_correlation_is_over_both_sides_of_the_pairs() -> None:
    joy = np.concatenate([FIRST["joy"], SECOND["joy"]])
    sadness = np.concatenate([FIRST["sadness"], SECOND["sadness"]])
    centred = (joy - joy.mean()) @ (sadness - sadness.mean()) / (8 * joy.std() * sadness.std())
    assert distance(GLAD, SAD, FIRST, SECOND, CHOSEN, TWO).correlation == pytest.approx(centred)
    assert distance(SAD, SAD, FIRST, SECOND, CHOSEN, TWO).correlation == pytest.approx(1.0)
    flat = Rewards({"joy": np.full(4, 0.5), "sadness": FIRST["sadness"]})
    assert distance(GLAD, SAD, flat, flat, CHOSEN, TWO).correlation is None


def test_label_distances_by_hand() -> None:
    p, p0 = logistic(2 * np.array([0.8, -0.2, 0.0, 0.1])), logistic(2 * np.array([-0.8, 0.8, 0.6, 0.4]))
    labels = label_distance(GLAD, SAD, FIRST, SECOND, TWO)
    assert labels.flip_rate == pytest.approx((p * (1 - p0) + (1 - p) * p0).mean())
    assert labels.w1 == pytest.approx(np.abs(p - p0).mean())
    assert labels.kl == pytest.approx((p * np.log(p / p0) + (1 - p) * np.log((1 - p) / (1 - p0))).mean())
    assert labels.new_labels == 0


def test_a_shift_is_no_distance_from_itself_but_its_labels_are_noisy() -> None:
    labels, p0 = label_distance(SAD, SAD, FIRST, SECOND, TWO), logistic(2 * np.array([-0.8, 0.8, 0.6, 0.4]))
    assert (labels.kl, labels.w1) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert labels.flip_rate == pytest.approx((2 * p0 * (1 - p0)).mean())


def test_pinsker_holds_between_the_two_distances_of_labels() -> None:
    rng = np.random.default_rng(0)
    first, second = (Rewards({"joy": rng.random(500), "sadness": rng.random(500)}) for _ in range(2))
    for alpha in (0.0, 0.3, 0.6, 1.0):
        (shift,) = parse_shift(f"alpha_mixture(a=joy,b=sadness,alpha={alpha})")
        labels = label_distance(shift, SAD, first, second, TWO)
        assert labels.kl is not None and labels.w1 <= np.sqrt(labels.kl / 2)


def test_labels_of_a_population_are_a_mixture_over_its_annotators_not_of_its_mean() -> None:
    by_group = 0.3 * logistic(2 * np.array([0.8, -0.2, 0.0, 0.1])) + 0.7 * logistic(2 * np.array([-0.8, 0.8, 0.6, 0.4]))
    logs = log_label_chances(groups(0.3), FIRST, SECOND, TWO)
    np.testing.assert_allclose(np.exp(logs), [by_group, 1 - by_group])


def test_the_flip_rate_is_that_of_labels_that_are_drawn() -> None:
    """100,000 labels of one pair under each of two populations; one standard error is 0.0016."""
    first, second = Rewards({"joy": np.array([0.7]), "sadness": np.array([0.2])}), Rewards(
        {"joy": np.array([0.1]), "sadness": np.array([0.5])}
    )  # fmt: skip
    rng, count, drawn = np.random.default_rng(1), 100_000, []
    for share in (0.2, 0.9):
        annotator = draw_annotators([share, 1 - share], count, rng)
        gap = np.where(annotator == 0, 0.6, -0.3)
        drawn.append(TWO.choose_first(gap, np.zeros(count), rng))
    labels = label_distance(groups(0.9), groups(0.2), first, second, TWO)
    assert labels.flip_rate == pytest.approx((drawn[0] != drawn[1]).mean(), abs=0.006)


def test_noise_free_labels_that_differ_are_infinitely_far_and_say_so() -> None:
    # Signs under joy +, -, 0, +; under sadness -, +, +, +: of the first three pairs a label may be new to training.
    labels = label_distance(GLAD, SAD, FIRST, SECOND, Labelling(ARGMAX))
    assert labels.kl is None and labels.new_labels == 0.75
    assert labels.flip_rate == pytest.approx((1 + 1 + 0.5 + 0) / 4) and labels.w1 == pytest.approx(
        (1 + 1 + 0.5 + 0) / 4
    )
    same = label_distance(SAD, SAD, FIRST, SECOND, Labelling(ARGMAX))
    assert (same.flip_rate, same.kl, same.w1, same.new_labels) == (0.0, 0.0, 0.0, 0.0)
    # A tie in training is a fair coin, which a sure label is log 2 away from.
    coin = label_distance(SAD, GLAD, *(Rewards({name: side[name][2:3] for name in side}) for side in (FIRST, SECOND)),
                          Labelling(ARGMAX))  # fmt: skip
    assert coin.kl == pytest.approx(np.log(2))


def test_very_sure_labels_have_a_finite_distance() -> None:
    """P(second) is exp(-800) under one shift, which is 0 in floating point, and exp(-400) under the other."""
    one, other = Rewards({"joy": np.array([1.0]), "sadness": np.array([0.5])}), Rewards(
        {"joy": np.array([0.0]), "sadness": np.array([1.0])}
    )  # fmt: skip
    labels = label_distance(SAD, GLAD, one, other, Labelling(sharpness=800.0))
    assert labels.kl == pytest.approx(800.0)  # log 1 - log exp(-800)


def kept(**columns) -> pd.DataFrame:
    """Rows of pair_rewards.parquet with two pairs: joy .6 against .2, twice, and sadness the other way round."""
    sides = {"first_joy": [0.6] * 2, "second_joy": [0.2] * 2, "first_sadness": [0.2] * 2, "second_sadness": [0.6] * 2}
    return pd.DataFrame({**sides, "first_chosen": [True, True], **columns})


def test_what_annotators_saw_counts_where_the_run_kept_it() -> None:
    shift, train = (parse_shift(text)[0] for text in (
        "length_bias(of=alpha_mixture(a=joy,b=sadness,alpha=1),per_token=0.1)", "alpha_mixture(a=joy,b=sadness,alpha=1)"
    ))  # fmt: skip
    (missing,) = distances(kept(), train, [shift], ("joy", "sadness"), TWO)
    assert missing is not None and (missing.agreement, missing.label_w1) == (1.0, None)
    lengths = {"length_first": [5, 5], "length_second": [9, 11]}  # gaps .4 - .4 and .4 - .6
    (found,) = distances(kept(**lengths), train, [shift], ("joy", "sadness"), TWO)
    moved = logistic(2 * 0.4) - logistic(2 * np.array([0.0, -0.2]))
    assert found is not None and found.label_w1 == pytest.approx(moved.mean())


def test_whoever_labels_at_no_time_of_the_training_labels_now() -> None:
    drift, now = (
        parse_shift(text)[0] for text in ("temporal_drift(past=sadness,now=joy)", "reward_blend(weights=joy:1)")
    )
    for pairs in (kept(), kept(time=[np.nan, np.nan])):
        (found,) = distances(pairs, now, [drift], ("joy", "sadness"), TWO)
        assert found is not None and found.label_w1 == 0.0
    (found,) = distances(kept(time=[0.0, 0.5]), now, [drift], ("joy", "sadness"), TWO)  # gaps -.4 and 0 against .4
    moved = logistic(2 * 0.4) - logistic(2 * np.array([-0.4, 0.0]))
    assert found is not None and found.label_w1 == pytest.approx(moved.mean())


def test_without_a_known_labelling_distances_of_labels_are_missing() -> None:
    far = distance(GLAD, SAD, FIRST, SECOND, CHOSEN, None)
    assert (far.flip_rate, far.label_kl, far.label_w1) == (None, None, None)
    assert far.label_absent is Absent.LABELLING_NOT_RECORDED
    assert far.correlation is not None


def test_the_labelling_is_that_of_the_runs_that_have_the_shift() -> None:
    soft = {"eval_shifts": {"A": []}, "labelling": {"kind": "bradley_terry", "sharpness": 5.0}}
    hard = {"eval_shifts": {"B": []}, "labelling": {"kind": "argmax", "sharpness": 5.0}}
    assert labelling_of([soft, hard], "A") == Labelling(sharpness=5.0)
    assert labelling_of([soft, hard], "B") == Labelling(ARGMAX, 5.0)
    assert labelling_of([soft, {**hard, "eval_shifts": {"A": []}}], "A") is None
    assert labelling_of([{"eval_shifts": {"A": []}}], "A") is None


def test_correlations_of_objectives_are_listed_least_first() -> None:
    a = np.arange(6.0)
    columns = {"a": a, "b": -a, "c": a, "flat": np.ones(6)}
    pairs = pd.DataFrame({f"{side}_{name}": values for side in ("first", "second") for name, values in columns.items()})
    known = objective_correlations("s", pairs, list(columns))
    assert [(a, b) for a, b, _ in known.least] == [("a", "b"), ("b", "c"), ("a", "c")] and known.pairs == 3
    assert words.correlations(known) == "a and b −1.00, b and c −1.00, a and c +1.00"
    assert objective_correlations("s", None, ["a", "b"]).least == ()
    assert objective_correlations("s", pairs, ["a", "flat"]).least == ()
    many = {f"{side}_{name}": a for side in ("first", "second") for name in "abcde"}
    assert words.correlations(objective_correlations("s", pd.DataFrame(many), list("abcde"))).endswith(
        "(the least of 10)"
    )


def test_every_kind_of_missing_label_distance_has_words() -> None:
    shift = EvalShift("reward_blend(weights=joy:1)", "1", 1.0, False)
    assert words.label_absence(shift) == ""
    unknown = replace(shift, label_absent=Absent.LABELLING_NOT_RECORDED)
    assert words.label_absence(unknown) == "the run does not say how labels were drawn"
    new = replace(shift, label_absent=Absent.NEW_LABELS, new_labels=0.75)
    assert words.label_absence(new) == "infinite: 75% of pairs get a label that training never gives"
