"""Utilities by hand, the command-line forms, and labels whose frequencies are known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.core.errors import UserError
from shifts import Rewards, Shift
from shifts.alpha_mixture import AlphaMixture
from shifts.annotator_groups import AnnotatorGroups
from shifts.base import check_objectives, parse_shift
from shifts.label_noise import LabelNoise
from shifts.labels import Labelling
from shifts.length_bias import LengthBias
from shifts.prompt_domain import PromptDomain
from shifts.response_source import ResponseSource
from shifts.reward_blend import RewardBlend, corners, dirichlet, simplex_grid
from shifts.sharpness import Sharpness
from shifts.temporal_drift import TemporalDrift

REWARDS = Rewards({"joy": np.array([0.2, 0.9]), "fear": np.array([0.8, 0.4]), "love": np.array([0.5, 0.5])})


def test_convex_mixture_by_hand():
    shift = AlphaMixture("joy", "fear", alpha=0.25)
    # 0.25 x 0.2 + 0.75 x 0.8 = 0.65 and 0.25 x 0.9 + 0.75 x 0.4 = 0.525
    assert shift.utility(REWARDS).tolist() == pytest.approx([0.65, 0.525])


def test_geometric_mixture_by_hand():
    shift = AlphaMixture("joy", "fear", alpha=0.5, kind="geometric")
    assert shift.utility(REWARDS).tolist() == pytest.approx([0.16**0.5, 0.36**0.5])


@pytest.mark.parametrize("kind", ["convex", "geometric"])
def test_the_ends_are_the_objectives_themselves(kind):
    assert AlphaMixture("joy", "fear", 1.0, kind).utility(REWARDS).tolist() == pytest.approx([0.2, 0.9])
    assert AlphaMixture("joy", "fear", 0.0, kind).utility(REWARDS).tolist() == pytest.approx([0.8, 0.4])


def test_geometric_is_at_most_convex():
    for alpha in (0.1, 0.5, 0.9):
        convex = AlphaMixture("joy", "fear", alpha).utility(REWARDS)
        assert (AlphaMixture("joy", "fear", alpha, "geometric").utility(REWARDS) <= convex + 1e-12).all()


def test_geometric_refuses_negative_rewards():
    with pytest.raises(UserError, match="rewards >= 0"):
        AlphaMixture("a", "b", kind="geometric").utility(Rewards({"a": np.array([-0.1]), "b": np.array([0.5])}))


def test_blend_by_hand():
    shift = RewardBlend("joy:0.5+fear:0.3+love:0.2")
    assert shift.utility(REWARDS).tolist() == pytest.approx([0.1 + 0.24 + 0.1, 0.45 + 0.12 + 0.1])


def test_a_blend_of_two_is_a_convex_mixture():
    blend, mixture = RewardBlend("joy:0.3+fear:0.7"), AlphaMixture("joy", "fear", 0.3)
    assert blend.utility(REWARDS).tolist() == pytest.approx(mixture.utility(REWARDS).tolist())


def test_forms_of_a_blend():
    assert [str(s) for s in corners(["joy", "fear"])] == [
        "reward_blend(weights=joy:1+fear:0)", "reward_blend(weights=joy:0+fear:1)"
    ]  # fmt: skip
    assert len(simplex_grid(["a", "b", "c"], 4)) == 15  # (4 + 2 choose 2)
    draws = dirichlet(["a", "b", "c"], 2000, 1.0, seed=0)
    means = np.mean([list(draw.blend.weights.values()) for draw in draws], axis=0)
    assert means == pytest.approx([1 / 3] * 3, abs=0.02)
    assert dirichlet(["a", "b"], 3, 1.0, 0) == dirichlet(["a", "b"], 3, 1.0, 0)
    assert dirichlet(["a", "b"], 3, 1.0, 0) != dirichlet(["a", "b"], 3, 1.0, 1)
    assert len(parse_shift("reward_blend(over=joy+love,samples=3,seed=2)")) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alpha_mixture(a=joy,b=fear,alpha=1.2)", "alpha must be a number >= 0 and <= 1, got '1.2'"),
        ("alpha_mixture(a=joy,b=fear,alpha=0:1:0)", "step > 0"),
        ("alpha_mixture(a=joy)", "b must be given"),
        ("alpha_mixture(a=joy,b=fear,kind=cubic)", "one of 'convex', 'geometric'"),
        ("alpha_mixtur(a=joy,b=fear)", "Did you mean 'alpha_mixture'"),
        ("reward_blend(weights=joy:0.5+fear:0.6)", "sum to 1"),
        ("reward_blend(weights=joy:1.5+fear:-0.5)", "must be a finite number >= 0"),
        ("reward_blend(corners=joy)", "at least two"),
        ("reward_blend(corners=joy+fear,grid=2)", "exactly one"),
        ("alpha_mixture(a=joy,b=fear", "cannot read"),
    ],
)
def test_bad_calls_are_one_clear_message(text, message):
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        parse_shift(text)


def test_an_objective_that_the_suite_lacks_is_named_with_the_nearest():
    (shift,) = parse_shift("alpha_mixture(a=jooy,b=fear)")
    with pytest.raises(UserError, match=r"unknown objective 'jooy'\. Did you mean 'joy'"):
        check_objectives(shift, ("joy", "fear"))


def test_grid_of_alphas_has_both_ends():
    points = parse_shift("alpha_mixture(a=joy,b=fear,alpha=0:1:0.1)")
    assert [point.position() for point in points] == pytest.approx([i / 10 for i in range(11)])


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (0.1, [0.05, 0.15, 0.25, 0.35, 0.45, 0.55]),  # half way to 0 is 0.05, half way to 1 is 0.55
        (0.15, [0.25, 0.35, 0.45, 0.55]),  # the point itself is no shift; half way to 0 is 0.075
        (1.0, [0.55, 0.65, 0.75, 0.85, 0.95]),
    ],
)
def test_validation_shifts_stop_half_way(alpha, expected):
    mixtures = AlphaMixture("joy", "fear", alpha, "geometric").validation_grid()
    assert [mixture.alpha for mixture in mixtures] == pytest.approx(expected)
    assert {mixture.kind for mixture in mixtures} == {"geometric"}
    groups = AnnotatorGroups("joy/fear", f"{alpha}/{1 - alpha}").validation_grid()
    assert [population.position() for population in groups] == pytest.approx(expected)


def test_validation_shifts_of_blends_and_of_three_groups_by_hand():
    blends = {str(point) for point in RewardBlend("joy:0.6+fear:0.4").validation_grid()}
    # a quarter of the way: 0.75 x 0.6 + 0.25 = 0.7 and 0.75 x 0.6 = 0.45; half way: 0.8 and 0.3
    assert blends == {
        f"reward_blend(weights=joy:{joy}+fear:{fear})"
        for joy, fear in [(0.7, 0.3), (0.45, 0.55), (0.8, 0.2), (0.3, 0.7)]
    }
    # half way from joy alone to fear alone is the middle, which is tested; a quarter of the way is not
    assert [str(point) for point in RewardBlend("joy:1+fear:0").validation_grid()] == [
        "reward_blend(weights=joy:0.75+fear:0.25)"
    ]
    assert RewardBlend("joy:1").validation_grid() == []
    three = AnnotatorGroups("joy/fear/love", "0.2/0.3/0.5").validation_grid()
    assert [population.fractions for population in three] == ["0.6/0.15/0.25", "0.1/0.65/0.25", "0.1/0.15/0.75"]


EXAMPLES = [
    AlphaMixture("joy", "fear", 0.1),
    AlphaMixture("joy", "fear", 0.1, "geometric"),
    RewardBlend("joy:0.2+fear:0.3+love:0.5"),
    AnnotatorGroups("joy/fear", "0.1/0.9"),
    AnnotatorGroups("joy/fear/love:0.5+fear:0.5"),
    PromptDomain("joy/fear", "0.1/0.9"),
]
# What they want is what another family wants.
LABELLED_OTHERWISE = {LabelNoise, LengthBias, ResponseSource, Sharpness, TemporalDrift}


@pytest.mark.parametrize("shift", EXAMPLES, ids=str)
class TestEveryShift:
    def test_its_call_makes_it_again(self, shift):
        assert parse_shift(str(shift)) == [shift]

    def test_utility_has_one_finite_number_per_completion(self, shift):
        assert shift.utility(REWARDS).shape == (2,) and np.isfinite(shift.utility(REWARDS)).all()

    def test_utility_stays_in_its_range(self, shift):
        low, high = shift.utility_range({"joy": (0, 1), "fear": (0, 1), "love": (0, 1)})
        assert low == 0 and high == pytest.approx(1)

    def test_more_of_an_objective_is_never_worse(self, shift):
        for name in shift.objectives:
            more = Rewards({key: column + (0.05 if key == name else 0) for key, column in REWARDS.items()})
            assert (shift.utility(more) >= shift.utility(REWARDS)).all()

    def test_its_validation_grid_is_apart_from_what_is_tested(self, shift):
        grid = shift.validation_grid()
        assert grid and len(set(grid)) == len(grid)
        assert not set(grid) & {shift, *shift.evaluation_grid()}

    def test_its_grid_holds_itself_and_its_middle(self, shift):
        assert any(point == shift for point in shift.evaluation_grid())
        assert shift.middle() in shift.evaluation_grid()


def test_examples_stand_for_a_family():
    names = ("joy", "fear", "love", "anger")
    assert [str(point) for point in AlphaMixture.examples(names)] == [str(AlphaMixture("joy", "fear"))]
    assert [str(point) for point in AnnotatorGroups.examples(names)] == [
        str(AnnotatorGroups("joy/fear", "0.9/0.1")), str(AnnotatorGroups("joy/fear/joy:0.5+love:0.5"))
    ]  # fmt: skip
    first, second, third = RewardBlend.examples(names)
    assert (first, second) == (RewardBlend("joy:1"), RewardBlend("joy:0.9+fear:0.1"))
    assert (third,) == tuple(dirichlet(names[:3], 1, 1.0, 0))


def test_a_family_that_cannot_be_filled_in_says_what_to_define():
    with pytest.raises(UserError, match=r"shift alpha_mixture: a, b cannot .* returns points of AlphaMixture"):
        AlphaMixture.examples(("joy",))


def test_every_registered_shift_is_among_the_examples():
    assert {type(example) for example in EXAMPLES} | LABELLED_OTHERWISE == set(Shift.registry.all())


def test_bradley_terry_frequencies():
    labelling = Labelling("bradley_terry", sharpness=2.0)
    first, second = np.full(100_000, 0.7), np.full(100_000, 0.2)
    chosen = labelling.choose_first(first, second, np.random.default_rng(0))
    assert chosen.mean() == pytest.approx(1 / (1 + np.exp(-2 * 0.5)), abs=0.005)


def test_argmax_is_the_limit_of_sharpness_and_ties_are_even():
    rng = np.random.default_rng(0)
    first, second = rng.random(1000), rng.random(1000)
    hard = Labelling("argmax").probability_first(first, second)
    assert (hard == (first > second)).all()
    assert Labelling("bradley_terry", 1e9).probability_first(first, second) == pytest.approx(hard, abs=1e-6)
    assert Labelling("argmax").probability_first(np.ones(2), np.ones(2)) == pytest.approx([0.5, 0.5])


def test_shifts_share_their_label_noise():
    # one uniform number per pair, whatever the utilities: the same seed gives the same answers to the same questions
    labelling = Labelling("bradley_terry", 5.0)
    gap = np.linspace(-1, 1, 50)
    a = labelling.choose_first(gap, np.zeros(50), np.random.default_rng(3))
    b = labelling.choose_first(gap + 0.2, np.zeros(50), np.random.default_rng(3))
    assert (b >= a).all()
