"""The suite `opinions`: survey files, blocs, the split, pairs of answers, and what is exact about a policy."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmark.core.errors import UserError
from benchmark.pipeline.text.answer_pairs import draw
from benchmark.suites.opinions import OpinionsSuite, blocs, survey
from benchmark.suites.opinions.settings import OpinionsSettings
from shifts.base import parse_shift
from shifts.labels import Labelling

YOUNG, OLD = "Young people", "Old (65+)"


def line(number, **selections):
    question = {"question": f"Is plan {number} good?", "options": ["Yes", "No", "DK"]}
    return question | {"selections": selections or {YOUNG: [0.7, 0.2, 0.1], OLD: [0.1, 0.7, 0.2]}}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "survey.jsonl"
    rows = [line(number) for number in range(60)]
    rows += [line(number, **{YOUNG: [0.5, 0.5, 0.0]}) for number in range(60, 80)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def suite(file, **settings):
    return OpinionsSuite(OpinionsSettings(data_file=file, **settings))


def test_without_blocs_the_largest_groups_are_objectives_by_names_that_a_call_can_hold(file):
    made = suite(file)
    assert made.objectives == ("young_people", "old_65")
    assert made.default_train_shifts() == ["annotator_groups(groups=young_people/old_65,fractions=0.9/0.1)"]
    made.check()


def test_no_question_stands_in_two_splits_and_none_is_lost(file):
    made = suite(file)
    found = [made.questions(split).prompts for split in ("train", "validation", "test")]
    assert sum(map(len, found)) == 80 and len({prompt for split in found for prompt in split}) == 80


def test_a_bloc_is_the_mean_of_its_groups_that_were_asked(tmp_path):
    path = tmp_path / "blocs.yaml"
    path.write_text("a: [x, y]\nb: [z]\n")
    asked = survey.SurveyQuestion("?", ("Yes", "No"), {"x": (0.8, 0.2), "y": (0.4, 0.6)})
    whole = survey.SurveyQuestion("??", ("Yes", "No"), {"x": (1.0, 0.0), "z": (0.3, 0.7)})
    found = blocs.read(str(path), [asked, whole])
    np.testing.assert_allclose(found.shares(asked), [[0.6, np.nan], [0.4, np.nan]])
    np.testing.assert_allclose(found.shares(whole), [[1.0, 0.3], [0.0, 0.7]])


@pytest.mark.parametrize("name", ["west_and_muslim_majority", "world_regions"])
def test_ready_made_blocs_can_be_read_and_name_what_the_data_lacks(name):
    mapping = blocs._mapping(blocs.ready_made()[name])
    groups = [members[0] for members in mapping.values()]
    found = blocs.read(name, [survey.SurveyQuestion("?", ("Yes", "No"), dict.fromkeys(groups, (0.5, 0.5)))])
    assert found.names == tuple(mapping) and set(found.absent) == {
        name for members in mapping.values() for name in members[1:]
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "line 1: not JSON"),
        ('{"question": "?"}', "question, options and selections are needed"),
        (json.dumps(line(0) | {"options": ["Yes", "Yes", "No"]}), "at least two different answers"),
        (json.dumps(line(0, young=[0.5, 0.5])), "line 1, young: 3 shares"),
        (json.dumps(line(0, young=[0.5, 0.7, -0.2])), "3 shares of at least 0"),
        (json.dumps(line(0, young=[0.5, 0.5, 0.5])), "must sum to 1, got 1.5"),
        ("", "holds no question"),
    ],
)
def test_a_file_of_another_form_is_one_clear_message(tmp_path, text, message):
    path = tmp_path / "survey.jsonl"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        survey.read_file(path)


def test_an_unknown_bloc_or_group_names_the_nearest(file, tmp_path):
    with pytest.raises(UserError, match="Did you mean 'world_regions'"):
        suite(file, blocs="world_region").check()
    path = tmp_path / "blocs.yaml"
    path.write_text("a: [Young persons]\nb: [Old (65+)]\n")
    with pytest.raises(UserError, match="Did you mean 'Young people'"):
        suite(file, blocs=str(path)).check()


def test_the_hub_prints_dictionaries_and_lists():
    row = {"question": "Q", "options": "['Yes', 'No']"}
    row["selections"] = "defaultdict(<class 'list'>, {'Chile': [0.25, 0.75]})"
    (found,) = survey._of_hub([row])
    assert found.options == ("Yes", "No") and found.selections == {"Chile": (0.25, 0.75)}


SHARES = [np.array([[0.6, 0.2], [0.3, 0.2], [0.1, 0.6]]), np.array([[0.9, np.nan], [0.1, np.nan]])]
LENGTHS = [np.array([2, 3, 4]), np.array([2, 2])]


def pairs(shift, kind="luce", count=40_000, seed=0):
    return draw(SHARES, LENGTHS, ("a", "b"), parse_shift(shift)[0], Labelling(kind=kind), count, seed)


def test_labels_follow_the_shares_of_the_group_that_was_asked():
    """P(o over o') = p(o) / (p(o) + p(o')), and group b is never asked the question that it does not know."""
    found = pairs("annotator_groups(groups=a/b,fractions=0.5/0.5)")
    assert (found.first != found.second).all() and not (found.question[found.groups == 1] == 1).any()
    for group, first, second, chance in ((0, 0, 1, 0.6 / 0.9), (0, 2, 0, 0.1 / 0.7), (1, 0, 2, 0.25), (1, 0, 1, 0.5)):
        same = (found.groups == group) & (found.question == 0) & (found.first == first) & (found.second == second)
        share, n = found.first_chosen[same].mean(), same.sum()
        assert abs(share - chance) < 3.5 * np.sqrt(chance * (1 - chance) / n)


def test_the_majority_always_chooses_its_own():
    found = pairs("annotator_groups(groups=a/b,fractions=1/0)", kind="argmax", count=500)
    assert (found.margins > 0).all() and set(found.question) == {0, 1}


def test_another_population_changes_no_pair_that_it_need_not():
    few, many = (pairs(f"annotator_groups(groups=a/b,fractions={f})", count=500) for f in ("0.9/0.1", "0.8/0.2"))
    same = few.groups == many.groups
    assert 0.8 < same.mean() < 1
    for name in ("question", "first", "second", "first_chosen"):
        assert (getattr(few, name)[same] == getattr(many, name)[same]).all()


def test_length_and_time_are_seen_by_who_labels():
    """Luce on u + .1 per token: .6 + .2 against .3 + .3. In time: b at first, a in the end, where both were asked."""
    long = pairs("length_bias(of=annotator_groups(groups=a/b,fractions=1/0),per_token=0.1)")
    same = (long.question == 0) & (long.first == 0) & (long.second == 1)
    chance = 0.8 / 1.4
    assert abs(long.first_chosen[same].mean() - chance) < 3.5 * np.sqrt(chance * (1 - chance) / same.sum())
    drift = pairs("temporal_drift(past=b,now=a,kind=sudden)")
    assert set(drift.question) == {0} and drift.times.min() < 0.01 and drift.times.max() > 0.99
    for late, chance in ((True, 0.1 / 0.7), (False, 0.6 / 0.8)):
        same = (drift.first == 2) & (drift.second == 0) & ((drift.times >= 0.5) == late)
        assert abs(drift.first_chosen[same].mean() - chance) < 3.5 * np.sqrt(chance * (1 - chance) / same.sum())


def test_a_group_that_was_asked_nothing_cannot_label():
    shares = [np.array([[0.6, np.nan], [0.4, np.nan]])]
    (shift,) = parse_shift("annotator_groups(groups=a/b,fractions=0.5/0.5)")
    with pytest.raises(UserError, match="group 2 of the annotators was asked no training question"):
        draw(shares, LENGTHS[1:], ("a", "b"), shift, Labelling(kind="luce"), 10, 0)


def test_leaving_one_out_is_a_shift_to_a_group_that_never_labelled():
    found = parse_shift("annotator_groups(groups=a/b/c,leave_out=each)")
    assert [shift.shares[place] for place, shift in enumerate(found)] == [0, 0, 0]
    assert all(corner in found[0].evaluation_grid() for corner in found[0].corners())
