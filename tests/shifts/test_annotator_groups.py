"""Annotators in groups: utilities by hand, who labels what, and what the pairs keep of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.core.data import Completions, Pairs, Prompts, read_table, write_table
from benchmark.core.errors import UserError
from benchmark.core.graph import Task
from benchmark.core.seeds import generator
from benchmark.measure.records.linear import linear_weights
from benchmark.measure.runs.names import shift_label
from benchmark.pipeline.text.stages.pairs import label_pairs
from shifts import Rewards, Shift
from shifts.alpha_mixture import AlphaMixture
from shifts.annotator_groups import AnnotatorGroups
from shifts.base import parse_shift
from shifts.labels import Labelling, draw_annotators
from shifts.reward_blend import RewardBlend

REWARDS = Rewards({"joy": np.array([0.2, 0.9]), "fear": np.array([0.8, 0.4]), "love": np.array([0.5, 0.5])})
PROMPTS = 4000


def test_leaving_out_gives_equal_fractions_of_all_others():
    call = "annotator_groups(groups=joy/fear/love,leave_out={})"
    (without_fear,) = parse_shift(call.format(" fear "))
    assert without_fear.shares == pytest.approx((0.5, 0, 0.5))
    shares = [found.shares for found in parse_shift(call.format("each"))]
    assert np.allclose(shares, [(0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)])
    with pytest.raises(UserError) as raised:
        parse_shift(call.format("anger"))
    assert str(raised.value).startswith("annotator_groups: leave_out: unknown group 'anger'")
    assert all(name in str(raised.value) for name in ("joy", "fear", "love", "each"))


def test_the_utility_is_the_populations_mean():
    shift = AnnotatorGroups("joy/fear", "0.25/0.75")
    # 0.25 x 0.2 + 0.75 x 0.8 = 0.65 and 0.25 x 0.9 + 0.75 x 0.4 = 0.525
    assert shift.utility(REWARDS).tolist() == pytest.approx([0.65, 0.525])
    assert linear_weights(shift) == pytest.approx({"joy": 0.25, "fear": 0.75})


def test_a_group_may_reward_a_blend():
    shift = AnnotatorGroups("joy:0.5+love:0.5/fear")
    # (0.35 + 0.8) / 2 and (0.7 + 0.4) / 2
    assert shift.utility(REWARDS).tolist() == pytest.approx([0.575, 0.55])
    assert shift.objectives == ("joy", "love", "fear")
    assert [member.utility(REWARDS).tolist() for _, member in shift.annotators()] == [
        pytest.approx([0.35, 0.7]), pytest.approx([0.8, 0.4])
    ]  # fmt: skip


def test_other_shifts_have_one_kind_of_annotator():
    for shift in (AlphaMixture("joy", "fear"), RewardBlend("joy:0.5+fear:0.5")):
        assert shift.annotators() == ((1.0, shift),)


def test_equal_populations_are_equal_however_they_are_written():
    assert AnnotatorGroups("joy/fear") == AnnotatorGroups("joy:1/ fear", "0.5/0.5")
    assert str(AnnotatorGroups("joy/fear", "1/0")) == "annotator_groups(groups=joy/fear,fractions=1/0)"
    three = AnnotatorGroups("joy/fear/love")
    assert three.shares == pytest.approx([1 / 3] * 3, abs=1e-12)
    assert parse_shift(str(three)) == [three]


def test_the_axis_of_two_groups():
    shift = AnnotatorGroups("joy/fear", "0.1/0.9")
    assert shift.position() == pytest.approx(0.1)
    points = shift.evaluation_grid()
    assert [point.position() for point in points] == pytest.approx([i / 10 for i in range(11)])
    assert shift in points and shift.middle() == AnnotatorGroups("joy/fear", "0.5/0.5")
    assert points[0].utility(REWARDS).tolist() == pytest.approx([0.8, 0.4])


def test_three_groups_have_no_axis():
    shift = AnnotatorGroups("joy/fear/love", "0.2/0.3/0.5")
    assert shift.position() is None
    assert [str(point).split("fractions=")[1] for point in shift.evaluation_grid()] == [
        "1/0/0)", "0/1/0)", "0/0/1)", "0.3333333/0.3333333/0.3333333)", "0.2/0.3/0.5)"
    ]  # fmt: skip


def test_a_share_stands_for_several_fractions():
    found = parse_shift("annotator_groups(groups=joy/fear,share=0:1:0.5)")
    assert found == [AnnotatorGroups("joy/fear", text) for text in ("0/1", "0.5/0.5", "1/0")]


@pytest.mark.parametrize(
    ("shift", "groups"),
    [
        (AlphaMixture("joy", "fear", 0.1), "joy/fear"),
        (AlphaMixture("joy", "fear", 0.1, "geometric"), "joy/fear"),
        (RewardBlend("joy:0.2+fear:0.3+love:0.5"), "joy/fear/love"),
        (AnnotatorGroups("joy/fear:0.5+love:0.5", "0.9/0.1"), "joy/fear:0.5+love:0.5"),
    ],
    ids=str,
)
def test_the_uniform_population_has_every_corner_alike(shift, groups):
    population = shift.uniform_population()
    assert population == AnnotatorGroups(groups)
    for corner, (_, member) in zip(shift.corners(), population.annotators(), strict=True):
        assert corner.utility(REWARDS).tolist() == pytest.approx(member.utility(REWARDS).tolist())


def test_every_corner_counts_by_its_fraction():
    shift = AnnotatorGroups("joy/fear/love", "0.2/0.3/0.5")
    parts = [
        weight * corner.utility(REWARDS) for weight, corner in zip(shift.corner_weights(), shift.corners(), strict=True)
    ]
    assert np.sum(parts, axis=0) == pytest.approx(shift.utility(REWARDS))


def test_one_objective_has_no_population():
    assert RewardBlend("joy:1").uniform_population() is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("groups=joy", "at least two different groups, joined by '/', got 'joy'"),
        ("groups=joy/joy:1", "at least two different groups"),
        ("groups=joy//fear", "cannot read groups='joy//fear'; write groups=joy/sadness"),
        ("groups=joy/fear:0.4+love:0.5", "group 'fear:0.4.love:0.5': .* sum to 1"),
        ("groups=joy/fear,fractions=0.1/0.8", r"2 numbers >= 0 that sum to 1.*got '0.1/0.8' \(sum 0.9\)"),
        ("groups=joy/fear,fractions=1.5/-0.5", ">= 0"),
        ("groups=joy/fear,fractions=0.2/0.3/0.5", "2 numbers"),
        ("groups=joy/fear,fractions=few/many", "fractions must be numbers, got 'few/many'"),
        ("groups=joy/fear,fractions=nan/1", "sum to 1"),
        ("groups=joy/fear,fractions=0.5/0.5,share=0.5", "one of fractions, share"),
        ("groups=joy/fear/love,leave_out=lvoe", "Did you mean 'love'"),
        ("groups=joy/fear/love,leave_out=love,share=0.5", "got share and leave_out"),
        ("groups=joy/fear/love,share=0.5", "3 numbers"),
        ("fractions=0.5/0.5", "groups must be given"),
    ],
)
def test_bad_calls_are_one_clear_message(text, message):
    with pytest.raises(UserError, match=message):
        parse_shift(f"annotator_groups({text})")


def test_annotators_are_drawn_by_their_shares():
    found = draw_annotators((0.1, 0.0, 0.6, 0.3), 100_000, np.random.default_rng(0))
    assert np.bincount(found, minlength=4) / 100_000 == pytest.approx([0.1, 0, 0.6, 0.3], abs=0.005)
    assert set(draw_annotators((0.0, 1.0, 0.0), 1000, np.random.default_rng(0))) == {1}


def test_a_group_without_a_share_is_never_drawn():
    class Least(np.random.Generator):
        def random(self, *args, **kwargs):
            return np.zeros(*args)

    assert set(draw_annotators((0.0, 1.0), 3, Least(np.random.PCG64(0)))) == {1}


def test_a_larger_group_keeps_the_pairs_that_it_had():
    small, large = (draw_annotators((share, 1 - share), 1000, np.random.default_rng(2)) for share in (0.2, 0.5))
    assert (large[small == 0] == 0).all()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two completions per prompt with random rewards; every hundredth pair is of equal completions."""
    folder, rng = tmp_path_factory.mktemp("inputs"), np.random.default_rng(0)
    count = 2 * PROMPTS
    Prompts([str(i) for i in range(PROMPTS)], ["a prompt"] * PROMPTS, [[i] for i in range(PROMPTS)]).save(
        folder / "prompts.parquet"
    )
    tokens = [[1, 1 + (row % 2) * (row // 2 % 100 > 0)] for row in range(count)]
    rows, samples = np.repeat(np.arange(PROMPTS), 2), np.tile([0, 1], PROMPTS)
    Completions(rows, samples, tokens, np.ones(count, bool), ["text"] * count).save(folder / "completions.parquet")
    write_table(folder / "scores.parquet", {f"learned_{name}": rng.random(count) for name in ("joy", "fear")})
    return {"completions": folder, "scores": folder}


def labelled(inputs: dict[str, Path], folder: Path, shift: Shift, kind: str = "argmax") -> tuple[Pairs, dict]:
    """Pairs and rewards of the stage, with seed 3."""
    folder.mkdir()
    label_pairs(Task(inputs, folder), shift, Labelling(kind), 3)
    return Pairs.load(folder / "pairs.parquet"), read_table(folder / "pair_rewards.parquet")


def test_every_pair_is_labelled_by_its_own_annotator(inputs, tmp_path):
    pairs, rewards = labelled(inputs, tmp_path / "groups", AnnotatorGroups("joy/fear", "0.3/0.7"))
    assert pairs.groups is not None
    assert len(pairs) == PROMPTS * 99 // 100 and len(pairs.groups) == len(pairs)
    assert np.mean(pairs.groups == 0) == pytest.approx(0.3, abs=0.03)
    for group, name in enumerate(("joy", "fear")):
        own = pairs.groups == group
        gap = (rewards[f"first_{name}"] - rewards[f"second_{name}"])[own]
        assert (rewards["first_chosen"][own] == (gap > 0)).all()  # argmax: what the annotator likes better
        assert pairs.margins[own] == pytest.approx(np.abs(gap))
    # the prompts' numbers are their tokens: the group is that of the draw for the same prompt, equal pairs dropped
    drawn = draw_annotators((0.3, 0.7), PROMPTS, generator("groups", 3))
    assert (pairs.groups == drawn[np.array(pairs.prompts).ravel()]).all()


@pytest.mark.parametrize("kind", ["argmax", "bradley_terry"])
def test_a_group_that_is_alone_labels_as_its_own_utility(inputs, tmp_path, kind):
    alone, _ = labelled(inputs, tmp_path / "alone", AnnotatorGroups("joy/fear", "0/1"), kind)
    plain, _ = labelled(inputs, tmp_path / "plain", AlphaMixture("joy", "fear", 0.0), kind)
    assert (alone.chosen, alone.rejected) == (plain.chosen, plain.rejected)
    assert (alone.margins == plain.margins).all()
    assert set(np.asarray(alone.groups)) == {1}


def test_labels_of_other_shifts_follow_their_utility_and_carry_no_groups(inputs, tmp_path):
    shift, labelling = AlphaMixture("joy", "fear", 0.3), Labelling("bradley_terry")
    pairs, rewards = labelled(inputs, tmp_path / "plain", shift, "bradley_terry")
    assert pairs.groups is None
    first, second = (
        Rewards({name: rewards[f"{side}_{name}"] for name in shift.objectives}) for side in ("first", "second")
    )
    gap = shift.utility(first) - shift.utility(second)
    # one uniform number per prompt, drawn before equal completions are dropped
    draws = generator("labels", 3).random(PROMPTS)[np.array(pairs.prompts).ravel()]
    chance = labelling.probability_first(gap, np.zeros_like(gap))
    assert (rewards["first_chosen"] == (draws < chance)).all()
    assert pairs.margins == pytest.approx(np.where(draws < chance, gap, -gap))


def test_its_label_tells_a_population_from_a_mixture():
    assert shift_label(AnnotatorGroups("joy/fear", "0.1/0.9")) == "10% joy / 90% fear"
    assert shift_label(AnnotatorGroups("joy/fear", "0/1")) == "100% fear"
    assert shift_label(AnnotatorGroups("joy/fear/love")) == "33.3% joy / 33.3% fear / 33.3% love"
    assert shift_label(AlphaMixture("joy", "fear", 0.1)) == "0.1 joy + 0.9 fear"
