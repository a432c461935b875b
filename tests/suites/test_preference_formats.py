"""Every ready-made format on rows in its true columns: what is read can be said by hand."""

from __future__ import annotations

import pytest

from benchmark.core.errors import UserError
from benchmark.suites.preferences import formats
from benchmark.suites.preferences.settings import data_settings
from benchmark.suites.preferences.understood import understand
from tests.suites.preference_rows import HH, ROWS, write

DIALOGUE = "Human: Q\n\nAssistant: R\n\nHuman: And?"
READ = {  # prompt, chosen, rejected, group, margin
    "plain": [("Q", "yes", "no", "g", None)],
    "prism": [
        ("Q", "good", "bad", "25-34", 60),
        ("Human: Q\n\nAssistant: good\n\nHuman: And?", "best", "fine", "25-34", 5),
    ],
    "community_alignment": [
        *(("Q", "one b", f"one {other}", "India", None) for other in "acd"),
        *(("Human: Q\n\nAssistant: one b\n\nHuman: And?", "two d", f"two {o}", "India", None) for o in "abc"),
    ],
    "helpsteer2": [("Q", "one", "two", "unanimous", 2), ("Q", "two", "one", "divided", 1)],
    "helpsteer3": [(DIALOGUE, "one", "two", "code", 3), (DIALOGUE, "two", "one", "stem", 2)],
    "pku_saferlhf": [("Q", "zero", "one", "helpful", None), ("Q", "one", "zero", "safe", None)],
    "hh_rlhf": [("Human: Hi\n\nAssistant: Hello\n\nHuman: A poem?", "Roses.", "No.", "all", None)],
    "shp": [("Q", "a", "b", "askbaking_train", 2.5), ("Q", "b", "a", "askbaking_train", 2.5)],
    "ultrafeedback": [
        ("Q", "one", "two", "helpfulness", 2),
        ("Q", "one", "three", "helpfulness", 2),
        ("Q", "three", "two", "honesty", 1),
    ],
    "multipref": [("Q", "a", "b", "normal", None), ("Q", "b", "a", "expert", None)],
}
LEFT_OUT = {
    "helpsteer2": {"a tie": 1},
    "hh_rlhf": {"two dialogues that part before the last answer": 1},
    "ultrafeedback": {"no label": 2, "a tie": 1},
    "multipref": {"a tie": 1},
}


def read(tmp_path, name, suffix=".jsonl", rows=None, **settings):
    file = write(tmp_path / f"{name}{suffix}", rows or ROWS[name])
    return understand(data_settings(str(file), {"suite": settings}))


@pytest.fixture
def survey(tmp_path):
    people = [{"user_id": "u1", "age": "25-34", "location": {"region": "Europe"}}, {"user_id": "u2", "age": "55+"}]
    return str(write(tmp_path / "survey.jsonl", people))


@pytest.mark.parametrize("name", READ)
def test_a_file_in_true_columns_is_recognised_and_read(tmp_path, survey, name):
    found = read(tmp_path, name, **({"annotators_file": survey} if name == "prism" else {}))
    assert found.format == name
    assert [(j.prompt, j.chosen, j.rejected, j.group, j.margin) for j in found.labels] == READ[name]
    assert found.left_out == LEFT_OUT.get(name, {})


def test_every_format_is_tested_but_the_second_of_multipref():
    assert READ.keys() == formats.ready_made().keys() - {"multipref_aspects"}
    published = {form.hub for form in formats.ready_made().values()}
    assert published > {"nvidia/HelpSteer3", "Anthropic/hh-rlhf", "allenai/multipref", "HannahRoseKirk/prism-alignment"}


@pytest.mark.parametrize("suffix", [".json", ".jsonl.gz", ".csv", ".parquet"])
def test_every_kind_of_file_says_the_same(tmp_path, suffix):
    for name in ("plain", "pku_saferlhf", "shp"):
        assert read(tmp_path, name, suffix).labels == read(tmp_path, name).labels


def test_nested_columns_survive_parquet(tmp_path):
    for name in ("helpsteer3", "ultrafeedback", "multipref"):
        assert read(tmp_path, name, ".parquet").labels == read(tmp_path, name).labels


def test_multipref_by_aspect(tmp_path):
    found = read(tmp_path, "multipref", format="multipref_aspects")
    by_aspect = [(label.group, label.chosen) for label in found.labels]
    overall, helpful = [("overall", "a"), ("overall", "b")], [("helpful", "b"), ("helpful", "a"), ("helpful", "b")]
    assert sorted(by_aspect) == sorted(overall + helpful)
    assert found.left_out == {"a tie": 1, "no label": 6}  # nobody was asked of truth and harm


def test_any_column_of_the_survey_can_be_the_group(tmp_path, survey):
    columns = {"group": "location.region"}
    found = read(tmp_path, "prism", annotators_file=survey, columns=columns)
    assert {label.group for label in found.labels} == {"Europe"}


def test_another_column_takes_the_place_of_two_labels(tmp_path):
    columns = {"group": "is_response_1_safe", "label": "better_response_id"}
    found = read(tmp_path, "pku_saferlhf", columns=columns)
    assert [(label.chosen, label.group) for label in found.labels] == [("zero", "True")]


def test_turns_of_a_dialogue_have_one_opening_by_which_they_are_split(tmp_path, survey):
    for name in ("community_alignment", "prism"):
        own = {"annotators_file": survey} if name == "prism" else {}
        assert {label.opening for label in read(tmp_path, name, **own).labels} == {"Q"}
    assert read(tmp_path, "helpsteer3").labels[0].opening == "Q"
    assert read(tmp_path, "hh_rlhf").labels[0].opening == "Hi"


def test_a_single_turn_of_hh_is_its_question(tmp_path):
    start = "\n\nHuman: A poem?\n\nAssistant:"
    found = read(tmp_path, "hh_rlhf", rows=[{"chosen": f"{start} Roses.", "rejected": f"{start} No."}])
    assert found.labels[0].prompt == "A poem?"


def test_folders_named_as_on_the_hub_are_groups_and_splits(tmp_path):
    files = []
    for folder, answer in (("helpful-base", "Roses."), ("harmless-base", "Violets.")):
        (tmp_path / folder).mkdir()
        for split in ("train", "test"):
            rows = [{"chosen": f"{HH} {answer}", "rejected": f"{HH} No."}]
            files.append(write(tmp_path / folder / f"{split}.jsonl.gz", rows))
    found = understand(data_settings(str(files[0]), {"suite": {"data_file": files}}))
    assert [(label.group, label.split) for label in found.labels] == [
        (folder, split) for folder in ("helpful-base", "harmless-base") for split in ("train", "test")
    ]


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def test_a_data_set_is_loaded_by_the_library_with_its_splits_and_folders(tmp_path, own_cache):
    """A folder stands for the hub: `datasets` reads both by the same call."""
    for folder in ("helpful-base", "harmless-base"):
        for split in ("train", "test"):
            (tmp_path / "set" / folder).mkdir(parents=True, exist_ok=True)
            write(tmp_path / "set" / folder / f"{split}.jsonl", ROWS["hh_rlhf"])
    found = understand(data_settings(str(tmp_path / "set"), {"suite": {"folders": ["helpful-base", "harmless-base"]}}))
    assert found.format == "hh_rlhf" and found.left_out == {"two dialogues that part before the last answer": 4}
    places = sorted((label.group, label.split) for label in found.labels)
    assert places == sorted((f, s) for f in ("helpful-base", "harmless-base") for s in ("train", "test"))


def test_nested_rows_of_the_library_are_read_like_those_of_a_file(tmp_path, own_cache):
    for name in ("helpsteer3", "ultrafeedback"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "train.jsonl", ROWS[name])
        found = understand(data_settings(str(tmp_path / name), {}))
        assert [(j.prompt, j.chosen, j.rejected, j.group, j.margin) for j in found.labels] == READ[name]


def test_without_the_hub_one_message_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="cannot be loaded from the Hugging Face hub"):
        understand(data_settings("nobody/has-this", {}))


def test_a_set_with_more_columns_than_chosen_and_rejected_is_no_hh(tmp_path):
    rows = [{"question": "Q", "chosen": "yes", "rejected": "no"}]
    assert read(tmp_path, "mine", rows=rows, columns={"prompt": "question"}).format == "plain"


def test_an_unknown_format_names_the_nearest(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'helpsteer3'"):
        read(tmp_path, "plain", format="helpster3")
