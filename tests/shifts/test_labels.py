"""Chances of labels by hand, whatever the labelling, and what shifts make of them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.core.errors import UserError
from benchmark.measure.panels.label_distance import label_distance
from benchmark.measure.runs.names import shift_label
from shifts import LENGTH, TIME, Rewards
from shifts.alpha_mixture import AlphaMixture
from shifts.annotator_groups import AnnotatorGroups
from shifts.base import parse_shift
from shifts.label_noise import LabelNoise
from shifts.labels import Labelling, choose_first, draw_labels, log_label_chances
from shifts.length_bias import LengthBias
from shifts.reward_blend import RewardBlend
from shifts.sharpness import Sharpness
from shifts.temporal_drift import TemporalDrift

JOY = "alpha_mixture(a=joy,b=fear,alpha=1,kind=convex)"
TWO = Labelling(sharpness=2.0)


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z)))


def pairs(gap, times=None):
    """Pairs in which the first has `gap` more joy than the second, and as much less fear."""
    gap = np.asarray(gap, dtype=np.float64)
    features = {} if times is None else {TIME: np.asarray(times)}
    first, second = (Rewards({"joy": side, "fear": 1 - side}, features) for side in (0.5 + gap / 2, 0.5 - gap / 2))
    return first, second


def chance_first(shift, sides, labelling=TWO):
    chances = np.exp(log_label_chances(shift, *sides, labelling))
    assert chances.sum(axis=0) == pytest.approx(np.ones(chances.shape[1]))
    return chances[0]


class TestLabelling:
    def test_chances_by_hand(self):
        first, second = np.array([0.6, 0.3, 0.0]), np.array([0.2, 0.3, 0.0])
        assert np.exp(TWO.log_chances(first, second)[0]) == pytest.approx([sigmoid(0.8), 0.5, 0.5])
        assert np.exp(Labelling("luce").log_chances(first, second)[0]) == pytest.approx([0.75, 0.5, 0.5])
        assert Labelling("argmax").log_chances(first, second)[:, 0].tolist() == [0.0, -np.inf]

    def test_the_chance_of_what_is_never_said_is_exact(self):
        logs = Labelling(sharpness=1000.0).log_chances(np.array([0.0]), np.array([1.0]))
        assert logs.ravel() == pytest.approx([-1000.0, 0.0])  # 1 / (1 + exp(1000)) is 0 in floating point

    @pytest.mark.parametrize("kind", ["bradley_terry", "argmax", "luce"])
    def test_what_is_not_known_has_no_chance(self, kind):
        assert np.isnan(Labelling(kind).log_chances(np.array([np.nan]), np.array([0.5]))).all()

    def test_one_number_is_drawn_per_pair_whatever_the_chances(self):
        logs = [TWO.log_chances(np.full(1000, gap), np.zeros(1000)) for gap in (-1.0, 0.0, 1.0)]
        few, even, many = (choose_first(log, np.random.default_rng(1)) for log in logs)
        assert (few <= even).all() and (even <= many).all() and few.mean() < even.mean() < many.mean()


class TestLabelNoise:
    def test_flips_by_hand(self):
        # P' = .8 P + .2 (1 - P) = .2 + .6 P
        found = chance_first(LabelNoise(JOY, 0.2), pairs([0.4, 0.0, -0.4]))
        assert found == pytest.approx(0.2 + 0.6 * sigmoid([0.8, 0.0, -0.8]))
        assert chance_first(LabelNoise(JOY, 0.2), pairs([0.4]), Labelling("argmax")) == pytest.approx([0.8])

    def test_noise_that_grows_as_margins_shrink(self):
        found = chance_first(LabelNoise(JOY, 0.4, scale=0.1), pairs([0.1, 0.5, -0.1]), Labelling("argmax"))
        assert found == pytest.approx([1 - 0.4 * np.exp(-1), 1 - 0.4 * np.exp(-5), 0.4 * np.exp(-1)])

    def test_at_one_half_labels_say_nothing(self):
        assert chance_first(LabelNoise(JOY, 0.5), pairs([0.9, -0.3])) == pytest.approx([0.5, 0.5])

    def test_each_group_is_noisy_about_its_own_choice(self):
        shift = LabelNoise(str(AnnotatorGroups("joy/fear", "0.25/0.75")), 0.1)
        clean = 0.25 * sigmoid(0.8) + 0.75 * sigmoid(-0.8)
        assert chance_first(shift, pairs([0.4])) == pytest.approx([0.1 + 0.8 * clean])

    def test_policies_are_judged_without_noise(self):
        noisy, clean = LabelNoise(str(AlphaMixture("joy", "fear", 0.1))), AlphaMixture("joy", "fear", 0.1)
        side, _ = pairs([0.2, 0.4])
        assert noisy.utility(side).tolist() == clean.utility(side).tolist()
        assert [point.position() for point in noisy.evaluation_grid()] == pytest.approx([i / 10 for i in range(11)])
        assert noisy in noisy.evaluation_grid() and noisy.middle() == AlphaMixture("joy", "fear", 0.5)


class TestSharpness:
    def test_multiplies_that_of_bradley_terry(self):
        for factor in (0.25, 3.0):
            found = chance_first(Sharpness(JOY, factor), pairs([0.4, -0.1]))
            assert found == pytest.approx(sigmoid(2 * factor * np.array([0.4, -0.1])))

    def test_is_the_power_of_luce_and_leaves_what_is_certain(self):
        # joy .6 against .2: .36 / (.36 + .04)
        first, second = (Rewards({"joy": np.array([value]), "fear": np.zeros(1)}) for value in (0.6, 0.2))
        assert chance_first(Sharpness(JOY, 2.0), (first, second), Labelling("luce")) == pytest.approx([0.9])
        assert chance_first(Sharpness(JOY, 0.1), pairs([0.4, -0.4]), Labelling("argmax")).tolist() == [1.0, 0.0]


class TestLengthBias:
    def sides(self, gap, lengths):
        sides = zip(pairs(gap), lengths, strict=True)
        return tuple(Rewards(dict(side), {LENGTH: np.asarray(own)}) for side, own in sides)

    def test_tokens_count_by_hand(self):
        # gaps .4 + .05 (10 - 14) = .2 and .4 + .05 (10 - 18) = 0
        sides = self.sides([0.4, 0.4], ([10, 10], [14, 18]))
        assert chance_first(LengthBias(JOY, 0.05), sides) == pytest.approx(sigmoid([0.4, 0.0]))
        assert chance_first(LengthBias(JOY, 0.0), sides) == pytest.approx(sigmoid([0.8, 0.8]))

    def test_margins_have_the_bias_and_policies_are_judged_without(self):
        sides, shift = self.sides([0.4], ([10], [14])), LengthBias(JOY, 0.2)
        chosen, margins = draw_labels(shift, *sides, np.array([0]), Labelling("argmax"), np.random.default_rng(0))
        assert not chosen.any() and margins == pytest.approx([0.2 * 4 - 0.4])
        assert shift.utility(sides[0]) == pytest.approx([0.7])

    def test_every_group_has_it_and_noise_comes_after(self):
        groups = AnnotatorGroups("joy/fear", "0.25/0.75")
        shift = LabelNoise(str(LengthBias(str(groups), 0.05)), 0.1)
        clean = 0.25 * sigmoid(2 * (0.4 - 0.2)) + 0.75 * sigmoid(2 * (-0.4 - 0.2))
        assert chance_first(shift, self.sides([0.4], ([10], [14]))) == pytest.approx([0.1 + 0.8 * clean])
        assert shift_label(shift) == "25% joy / 75% fear, labels with +0.05 per token, 0.1 of labels flipped"


class TestTemporalDrift:
    def test_chances_by_hand(self):
        # w = .8 (1 - t): at the start the gap is (1 - .8) .5 - .8 .5 = -.3, half way .1, in the end .5
        found = chance_first(TemporalDrift("fear", "joy", 0.8), pairs([0.5] * 3, times=[0.0, 0.5, 1.0]))
        assert found == pytest.approx(sigmoid(2 * np.array([-0.3, 0.1, 0.5])))

    def test_a_sudden_change_is_half_way(self):
        found = chance_first(TemporalDrift("fear", "joy", kind="sudden"), pairs([0.5] * 3, times=[0.49, 0.5, 1.0]))
        assert found == pytest.approx(sigmoid(2 * np.array([-0.5, 0.5, 0.5])))

    def test_policies_are_judged_by_what_is_wanted_now(self):
        shift = TemporalDrift("fear", "joy:0.75+fear:0.25")
        side, _ = pairs([0.2])
        assert shift.utility(side) == pytest.approx(0.75 * 0.6 + 0.25 * 0.4)
        assert shift.timed and shift.objectives == ("fear", "joy") and not AlphaMixture("joy", "fear").timed
        assert shift.plain() == RewardBlend("joy:0.75+fear:0.25")

    def test_a_past_that_no_longer_counts_need_not_be_known(self):
        side = Rewards({"joy": np.array([0.6]), "fear": np.array([np.nan])}, {TIME: np.array([0.7])})
        ((_, annotator),) = TemporalDrift("fear", "joy", kind="sudden").annotators()
        assert annotator.utility(side).tolist() == [0.6]


class TestComposition:
    NESTED = "label_noise(of=sharpness(of=temporal_drift(past=fear,now=joy),factor=0.5),rate=0.1)"

    def test_the_outer_shift_acts_last(self):
        (shift,) = parse_shift(self.NESTED)
        assert parse_shift(str(shift)) == [shift] and shift.timed
        found = chance_first(shift, pairs([0.5, 0.5], times=[0.0, 1.0]))
        assert found == pytest.approx(0.1 + 0.8 * sigmoid(0.5 * 2 * np.array([-0.5, 0.5])))

    def test_its_name_says_everything(self):
        (shift,) = parse_shift(self.NESTED)
        assert shift_label(shift) == "joy, labels drifted from fear, sharpness x 0.5, 0.1 of labels flipped"

    def test_grids_inside_and_outside_stand_for_every_combination(self):
        found = parse_shift("label_noise(of=alpha_mixture(a=joy,b=fear,alpha=0:1:0.5),rate=0:0.4:0.2)")
        assert len(found) == 9 and len(set(found)) == 9
        assert {(point.inner.alpha, point.rate) for point in found} == {
            (alpha, rate) for alpha in (0.0, 0.5, 1.0) for rate in (0.0, 0.2, 0.4)
        }

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("label_noise(rate=0.1)", "label_noise: of must be given"),
            ("label_noise(of=alpha_mixtur(a=joy,b=fear))", "Did you mean 'alpha_mixture'"),
            ("label_noise(of=alpha_mixture(a=joy,b=fear),rate=0.7)", r"rate must be .* >= 0 and <= 0.5, got '0.7'"),
            ("sharpness(of=alpha_mixture(a=joy,b=fear),factor=0)", "factor must be a finite number > 0"),
            ("temporal_drift(past=joy,now=fear:0.4+love:0.5)", "temporal_drift: now: weights must be .* sum to 1"),
            ("temporal_drift(past=joy,now=fear,kind=slow)", "one of 'gradual', 'sudden'"),
        ],
    )  # fmt: skip
    def test_bad_calls_are_one_clear_message(self, text, message):
        with pytest.raises(UserError, match=message):
            parse_shift(text)

    def test_one_shift_is_inside_not_several(self):
        with pytest.raises(UserError, match=r"of must be one shift, got .* which stands for 3"):
            Sharpness("alpha_mixture(a=joy,b=fear,alpha=0:1:0.5)")


def test_draws_follow_the_chances_and_margins_are_the_annotators_own():
    shift, n = LabelNoise(str(AnnotatorGroups("joy/fear", "0.5/0.5")), 0.25), 40_000
    groups = np.arange(n) % 2
    chosen, margins = draw_labels(shift, *pairs(np.full(n, 0.4)), groups, TWO, np.random.default_rng(0))
    for group, gap in enumerate((0.4, -0.4)):
        own, chance = groups == group, 0.25 + 0.5 * sigmoid(2 * gap)
        assert chosen[own].mean() == pytest.approx(chance, abs=3 * np.sqrt(chance * (1 - chance) / own.sum()))
        assert margins[own] == pytest.approx(np.where(chosen[own], gap, -gap))


def test_labels_move_by_what_is_flipped():
    """W1 of noise against none: mean of e |1 - 2 P|; an unknown feature has one clear message."""
    sides, shift = pairs([0.4, -0.1]), LabelNoise(JOY, 0.2)
    far = label_distance(shift.plain(), shift, *sides, TWO)
    assert far.w1 == pytest.approx(np.mean(0.2 * np.abs(1 - 2 * sigmoid([0.8, -0.2]))))
    with pytest.raises(UserError, match="unknown feature of completions 'length'"):
        sides[0].feature(LENGTH)
