"""The suite `preferences`: columns, what is left out, groups, splits, and the pairs that judge."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmark.core.errors import UserError
from benchmark.pipeline.kinds import build_matrix, read_config
from benchmark.suites.preferences import PreferencesSuite
from benchmark.suites.preferences.columns import Columns, preferred, resolve, value_at
from benchmark.suites.preferences.groups import choose
from benchmark.suites.preferences.judgements import Judgement
from benchmark.suites.preferences.overview import overview
from benchmark.suites.preferences.settings import PreferencesSettings, data_settings
from benchmark.suites.preferences.splits import split_labels
from benchmark.suites.preferences.understood import understand
from tests.suites.preference_rows import opposed, write

ROW = {"prompt": "Q", "chosen": "yes", "rejected": "no", "group": "g"}
GROUPS = "annotator_groups(groups=brief_a/lengthy,fractions=0.9/0.1)"


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "mine.jsonl", opposed())


def suite(file, **settings):
    return PreferencesSuite(PreferencesSettings(data_file=file, **settings))


def read(tmp_path, rows, **settings):
    return understand(data_settings(str(write(tmp_path / "rows.jsonl", rows)), {"suite": settings}))


def matrix(file, *settings, **options):
    settings = [f"suite.data_file={file}", *settings]
    return build_matrix(read_config("preferences", "smoke", settings=settings, options=options), "transformers")


# Columns


def test_columns_are_found_by_name_whatever_their_case():
    found = resolve(Columns(), ["Prompt", "CHOSEN", "rejected", "Group", "id"], "the file")
    assert (found.prompt, found.chosen, found.rejected, found.group) == ("Prompt", "CHOSEN", "rejected", "Group")


@pytest.mark.parametrize(
    ("columns", "there", "message"),
    [
        (
            {},
            ["question", "chosen", "rejected"],
            "It has question, chosen, rejected. Name it: .*=question",
        ),
        ({"prompt": "qestion"}, ["question", "chosen"], "no column 'qestion'. Did you mean 'question'?"),
        ({}, ["prompt", "a", "b"], "no columns are the chosen and the rejected response. It has prompt, a, b"),
        ({"first": "a", "second": "b", "label": "l"}, ["prompt", "a", "b", "l"], "which labels prefer which response"),
        ({"labels": {"x": "m"}}, ["prompt", "l"], r"suite.columns.labels.x: the file has no column 'm'"),
    ],
)
def test_a_missing_column_names_what_is_there(columns, there, message):
    with pytest.raises(UserError, match=message):
        resolve(Columns(**columns), there, "the file")


def test_a_dotted_name_leads_into_nested_values():
    row = {"a": {"b": [{"c": 1}, {"c": 2}]}, "x.y": 3}
    assert (value_at(row, "a.b.1.c"), value_at(row, "x.y"), value_at(row, "a.b.2.c"), value_at(row, "n.o")) == (
        2,
        3,
        None,
        None,
    )


def test_labels_are_read_by_value_or_by_sign():
    by_sign = Columns(first_wins=["negative"], second_wins=["positive"])
    assert [preferred(v, by_sign) for v in (-0.5, "3", 0, "0.0", "tie", "x", None)] == [
        "first", "second", "tie", "tie", "tie", None, None,
    ]  # fmt: skip
    by_value = Columns(first_wins=["A", 1], second_wins=["b", 0])
    assert [preferred(v, by_value) for v in ("a", "B", 1.0, "0", 2, True)] == [
        "first", "second", "first", "second", None, None,
    ]  # fmt: skip


def test_what_says_nothing_is_counted_and_not_used(tmp_path):
    path = tmp_path / "rows.jsonl"
    bad = [{**ROW, "prompt": " "}, {**ROW, "rejected": ""}, {**ROW, "chosen": "no"}, {**ROW, "group": None}]
    path.write_text("\n".join([*map(json.dumps, [ROW, *bad]), "not json", "[1, 2]"]))
    found = understand(data_settings(str(path), {}))
    assert [label.chosen for label in found.labels] == ["yes"]
    assert found.left_out == {
        "no prompt": 1,
        "an empty response": 1,
        "both responses are the same": 1,
        "no group": 1,
        "a line that is no row": 2,
    }


def test_a_set_without_a_usable_row_says_why(tmp_path):
    with pytest.raises(UserError, match=r"none of 2 rows is a labelled pair: an empty response \(2\)"):
        read(tmp_path, [{**ROW, "chosen": None}] * 2)


def test_messages_are_dialogues(tmp_path):
    talk = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}, {"role": "user", "content": "R"}]
    answers = {name: [*talk, {"role": "assistant", "content": name}] for name in ("chosen", "rejected")}
    (label,) = read(tmp_path, [{"prompt": talk, **answers}]).labels
    assert label.prompt == "Human: Q\n\nAssistant: A\n\nHuman: R"
    assert (label.chosen, label.rejected, label.opening) == ("chosen", "rejected", "Q")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "x", "must be json, jsonl, csv"),
        ("a.json", '{"a": 1}', "expected a list of rows"),
        ("a.parquet", "x", "cannot be read"),
        ("a.jsonl", "x", "holds no row with columns .lines that are none: 1"),
        ("a.jsonl.gz", "x", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_one_clear_message(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        understand(data_settings(str(tmp_path / name), {}))
    with pytest.raises(UserError, match="cannot be read"):
        understand(data_settings(str(tmp_path / "absent.jsonl"), {}))


# Groups


def label(group, opening="Q", split=None, chosen="yes", rejected="no"):
    return Judgement(opening, chosen, rejected, group, opening, split=split)


def test_groups_get_names_that_a_call_can_hold():
    found = choose([label("Under 30"), label("under-30"), label("under-30"), label("30+")], 3)
    assert found.originals == {"under_30": "under-30", "group_30": "30+", "under_30_2": "Under 30"}
    assert list(choose([label("b"), label("a")], ["b", "a"]).originals) == ["b", "a"]


def test_one_group_is_no_shift_and_an_unknown_one_names_the_nearest():
    with pytest.raises(UserError, match=r"the data has 1 group: all \(1\)"):
        choose([label("all")], 2)
    assert PreferencesSettings(groups=[1990, "2000"]).groups == ["1990", "2000"]
    with pytest.raises(UserError, match="Did you mean 'Germany'"):
        choose([label("Germany"), label("France")], ["Germny", "France"])


def test_a_column_of_numbers_is_cut_into_ranges(tmp_path):
    rows = [{**ROW, "prompt": f"Q{time}", "at": time} for time in range(8)]
    found = read(tmp_path, rows, columns={"group": "at"}, group_bins=2)
    assert [label.group for label in found.labels] == ["at 1 of 2 (0 to 3.5)"] * 4 + ["at 2 of 2 (3.5 to 7)"] * 4
    with pytest.raises(UserError, match="needs a group column of numbers"):
        read(tmp_path, rows, group_bins=2)


# Splits


def test_no_prompt_stands_in_two_splits_and_none_is_lost(file):
    data = suite(file)._data
    prompts = [{label.prompt for label in data.labels[split]} for split in ("train", "validation", "test")]
    assert len(set.union(*prompts)) == sum(map(len, prompts)) == 240
    assert all(20 < len(prompts[split]) < 55 for split in (1, 2))  # of 36 expected


def test_splits_of_the_file_are_kept_and_a_prompt_in_two_leaves_training():
    named = [label("g", f"t{n}", "train") for n in range(40)] + [
        label("g", "t0", "test_prefs"),
        label("g", "u", "test"),
    ]
    found, left_out = split_labels([*named, label("g", "v", "unused")], 0.2, 0.2)
    assert {one.opening for one in found["test"]} == {"t0", "u"}
    assert "t0" not in {one.opening for split in ("train", "validation") for one in found[split]}
    assert len(found["train"]) + len(found["validation"]) == 39 and found["validation"]
    assert left_out == {"a prompt that a later split has too": 1, "a split other than train, validation, test": 1}


def test_too_little_data_is_said(tmp_path):
    with pytest.raises(UserError, match="split has no pair; the data is too small"):
        suite(write(tmp_path / "few.jsonl", opposed(3))).check()


# What the suite hands out


def test_defaults_are_the_two_largest_groups_nine_to_one(file):
    made = suite(file)
    assert made.objectives == ("brief_a", "lengthy") and made.default_train_shifts() == [GROUPS]
    made.check()
    assert "brief_a (Brief (a), 160 labels)" in made.describe()["objectives"]


def test_more_groups_are_judged_though_they_do_not_label(tmp_path):
    rows = [row | ({"group": "Third"} if number % 4 == 0 else {}) for number, row in enumerate(opposed())]
    made = suite(write(tmp_path / "three.jsonl", rows), groups=3)
    assert made.default_train_shifts() == ["annotator_groups(groups=brief_a/lengthy/third,fractions=0.9/0.1/0)"]


def test_labels_are_texts_in_the_order_of_the_person(file):
    rows = {row["prompt"]: row for row in opposed()}
    found = suite(file).labels()
    assert found.margins is None and found.times is None
    for prompt, chosen, rejected, group in zip(found.prompts, found.chosen, found.rejected, found.groups, strict=True):
        row = rows[prompt.removesuffix("\n\nAssistant:")]
        assert (chosen, rejected) == (f" {row['chosen']}", f" {row['rejected']}")
        assert ("Brief (a)", "Lengthy")[group] == row["group"]


def test_held_out_pairs_pool_what_people_said(tmp_path):
    """Of a pair that three of a group judged two to one, and one of the other group."""
    rows = []
    for number in range(120):
        row = {"prompt": f"Q {number}", "chosen": "bread", "rejected": "apples"}
        turned = {**row, "chosen": "apples", "rejected": "bread"}
        rows += [{**row, "group": "a"}, {**row, "group": "a"}, {**turned, "group": "a"}, {**turned, "group": "b"}]
    found = suite(write(tmp_path / "many.jsonl", rows)).held_out("test")
    assert set(found.first) == {" apples"} and set(found.second) == {" bread"}  # in the order of the texts
    np.testing.assert_allclose(found.chose_first, [[1 / 3, 1.0]] * len(found))


def test_of_a_prompt_one_pair_judges_and_of_a_group_no_more_than_wanted(tmp_path):
    rows = [{**row, "rejected": f"{row['rejected']} {extra}"} for row in opposed() for extra in ("once", "again")]
    file = write(tmp_path / "twice.jsonl", rows)
    one, two, few = (suite(file, **its) for its in ({}, {"pairs_per_prompt": 2}, {"held_out_pairs": 5}))
    assert len(set(one.held_out("test").prompts)) == len(one.held_out("test")) == len(two.held_out("test")) / 2
    assert (~np.isnan(few.held_out("test").chose_first)).sum(axis=0).tolist() == [5, 5]


def test_pairs_that_are_too_long_are_left_out_and_counted(tmp_path):
    rows = opposed()
    rows[1] = {**rows[1], "chosen": "word " * 100}
    made = suite(write(tmp_path / "long.jsonl", rows), max_length=60)
    assert made.describe()["left out"] == "longer than suite.max_length tokens: 1"
    with pytest.raises(UserError, match=r"longer than suite\.max_length tokens"):
        suite(tmp_path / "long.jsonl", max_length=9).check()


def test_margins_and_times_are_handed_on_where_all_are_known(tmp_path):
    rows = [{**row, "strength": -number, "at": 100 + number} for number, row in enumerate(opposed())]
    file = write(tmp_path / "timed.jsonl", rows)
    found = suite(file, columns={"margin": "strength", "time": "at"}).labels()
    assert found.margins.min() >= 0 and found.margins.max() > 200
    assert (found.times.min(), found.times.max()) == (0, 1)
    rows[7]["strength"] = None
    assert suite(write(file, rows), columns={"margin": "strength"}).labels().margins is None


def test_the_key_in_the_store_follows_the_content_and_not_the_place(file, tmp_path):
    copy = write(tmp_path / "copy.jsonl", opposed())
    other = write(tmp_path / "other.jsonl", opposed(239))
    assert suite(file).labels_spec() == suite(copy).labels_spec() != suite(other).labels_spec()


def test_one_key_of_the_policy_leaves_the_others_as_the_suite_has_them():
    given = PreferencesSettings(scratch={"epochs": 1}, finetune={"batch_size": 8})
    assert (given.scratch.epochs, given.scratch.layers, given.scratch.vocabulary) == (1, 2, 4000)
    assert (given.finetune.batch_size, given.finetune.learning_rate) == (8, 1e-5)


# What a user may get wrong


def test_labels_are_peoples_own(file):
    with pytest.raises(UserError, match=r"labels\.\* has no meaning in suite preferences"):
        matrix(file, "labels.kind=argmax")


def test_who_labels_is_a_group_of_the_data(file):
    with pytest.raises(UserError, match="whoever labels is one of the groups brief_a, lengthy"):
        matrix(file, train_shifts="alpha_mixture(a=brief_a,b=lengthy,alpha=0.5)")
    with pytest.raises(UserError, match="Did you mean 'brief_a'"):
        matrix(file, train_shifts="annotator_groups(groups=brief/lengthy)")


def test_what_cannot_run_here_is_skipped_with_its_reason(file):
    cells = matrix(file, methods="reference,dpo,best_of_n,rebel,rloo,rewarded_soups").cells
    skipped = {cell.method.name: cell.skipped for cell in cells if cell.skipped}
    assert set(skipped) == {"best_of_n", "rebel", "rloo"} and "one label each" in skipped["rebel"]


def test_data_has_to_be_named():
    with pytest.raises(UserError, match="suite preferences needs data"):
        PreferencesSuite(PreferencesSettings()).check()


# prefshift inspect


def test_the_overview_counts_by_hand(tmp_path):
    rows = [
        {**ROW, "split": "train"},
        {**ROW, "split": "train"},
        {**ROW, "chosen": "no", "rejected": "yes", "split": "test"},
        {**ROW, "chosen": "no", "rejected": "yes", "group": "h", "split": "test"},
        {**ROW, "prompt": "Other", "chosen": "a b c", "group": "h", "split": "test"},
        {**ROW, "chosen": "same", "rejected": "same"},
    ]
    found = overview(read(tmp_path, rows))
    first, second = found.groups
    assert (first.name, first.labels, first.pairs, first.prompts) == ("g", 3, 1, 1)
    assert (second.labels, second.pairs, second.chosen_words, second.longer) == (2, 2, 2.0, 1.0)
    assert found.splits == {"train": 2, "test": 3} and found.shared == {"train, test": 1} and found.repeated == 2
    # three labels of g, two to one: of three pairs of labels one agrees; h, who said no, agrees with one of three
    assert [(a.groups, a.pairs, a.chance) for a in found.agreements] == [
        ("g", 1, pytest.approx(1 / 3)),
        ("g and h", 1, pytest.approx(1 / 3)),
    ]
    assert found.ties == 0


def test_inspect_brings_no_torch(file):
    code = f"""import sys
from benchmark.cli.commands import main
assert main(["inspect", {str(file)!r}, "--set", "suite.groups=3"]) == 0
assert "torch" not in sys.modules"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for part in ("240 rows", "plain", "Brief (a)", "brief_a", "some pairs"):
        assert part in done.stdout


def test_inspect_answers_a_mistake_in_one_message(file, capsys):
    from benchmark.cli.commands import main

    for setting, message in (
        ("suite.columns.promt=x", "Did you mean 'suite.columns.prompt'"),
        ("suite.columns.prompt=question", "has no column 'question'"),
        ("training.epochs=1", "unknown section of settings 'training'"),
    ):
        assert main(["inspect", str(file), "--set", setting]) == 2
        assert message in " ".join(capsys.readouterr().err.split())


# Domains of prompts


def test_domains_are_groups_that_labelled_different_prompts(tmp_path):
    rows = [
        {"prompt": f"{domain} {number}?", "chosen": "yes", "rejected": f"no {number}", "group": domain}
        for domain in ("code", "law")
        for number in range(80)
    ]
    call = "prompt_domain(groups=code/law,fractions=0.9/0.1)"
    found = matrix(write(tmp_path / "apart.jsonl", rows), train_shifts=call, methods="reference,dpo,gr_dpo")
    assert {str(cell.train_shift) for cell in found.cells} == {call}
    (shift,) = {cell.train_shift for cell in found.cells}
    assert next(map(str, found.evaluation[shift])) == "prompt_domain(groups=code/law,fractions=0/1)"
    shared = [*rows, {"prompt": "code 3?", "chosen": "yes", "rejected": "no 3", "group": "law"}]
    with pytest.raises(UserError, match=r"code and law labelled the same prompts, so they are no domains"):
        matrix(write(tmp_path / "together.jsonl", shared * 2), train_shifts=call)
