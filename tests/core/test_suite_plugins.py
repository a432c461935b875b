"""Suites in files of their own: described and planned like the others, and made again when their code changes."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

import pytest

import benchmark.suites
from benchmark.cli import main
from benchmark.core.errors import UserError
from benchmark.core.plugins import load_file
from benchmark.pipeline.kinds import build_matrix, kind_of, read_config
from benchmark.pipeline.registered import check_measurable, check_registered
from benchmark.suites.analytic import AnalyticSuite
from benchmark.suites.base import Suite
from benchmark.suites.common import suite_code
from benchmark.suites.opinions import OpinionsSuite
from benchmark.suites.presets import presets_of

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "word_choice.py"
CODE = EXAMPLE.read_text()


@pytest.fixture(autouse=True)
def forgotten(monkeypatch, tmp_path):
    """What a test registers is forgotten after it; its runs and stores lie in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    for registry in (Suite.registry, AnalyticSuite.registry):
        monkeypatch.setattr(registry, "_classes", {cls.name: cls for cls in registry.all()})
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        if name.startswith("prefshift_plugin_"):
            del sys.modules[name]


def stages(folder, code=CODE, settings=()):
    """The stages of a cell of DPO, by their name in it, of the suite with the given code."""
    Suite.registry._classes.pop("word_choice", None)
    file = folder / f"word_choice_{len(list(folder.iterdir()))}.py"
    file.write_text(code)
    load_file(file)
    config = read_config("word_choice", "smoke", None, settings, {"methods": "dpo"})
    return build_matrix(config, "transformers").cells[0].stages


def keys(*arguments, **options):
    return {name: stage.key for name, stage in stages(*arguments, **options).items()}


def test_a_suite_in_a_file_is_listed_described_and_planned(capsys):
    plugin = ["--plugin", str(EXAMPLE)]
    assert main(["list", "suites", *plugin]) == 0
    assert "\nword_choice" in capsys.readouterr().out
    assert main(["describe", "word_choice", *plugin]) == 0
    assert "suite.train_pairs: default 512. pairs of words that are labelled" in capsys.readouterr().out
    assert main(["plan", *plugin, "--suite", "word_choice", "--preset", "smoke", "--store", "store"]) == 0
    assert "6 to do" in capsys.readouterr().out


MISTAKES = [
    (["--preset", "quick"], "unknown preset of word_choice 'quick'. Allowed: smoke."),
    (["--preset", "smoke", "--set", "suite.train_pair=3"], "Did you mean 'suite.train_pairs'"),
    (["--preset", "smoke", "--set", "suite.train_pairs=0"], "greater than 0"),
    (["--preset", "smoke", "--train-shifts", "annotator_groups(groups=plian/grand,fractions=1/0)"], "'plain'"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_a_mistake_is_one_message_and_status_2(arguments, message, capsys):
    assert main(["plan", "--plugin", str(EXAMPLE), "--suite", "word_choice", *arguments]) == 2
    printed = capsys.readouterr().err
    assert message in printed and "Traceback" not in printed


def test_a_suite_that_lacks_a_part_is_named_with_the_part(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(CODE.replace("def questions(", "def question("))
    assert main(["list", "suites", "--plugin", "mine.py"]) == 2
    assert "class WordChoice at line 50 does not define questions, which every suite must" in capsys.readouterr().err
    assert "word_choice" not in {cls.name for cls in Suite.registry.all()}


def test_a_change_of_the_code_makes_everything_again(tmp_path):
    plain = keys(tmp_path)
    assert keys(tmp_path) == plain
    changed = keys(tmp_path, CODE.replace('"immense": (0.1, 0.8)', '"immense": (0.1, 0.9)'))
    assert changed.keys() == plain.keys() and not set(changed.values()) & set(plain.values())


WORDS = {
    "docstring": ("Sentences with a gap", "Sentences that have a gap"),
    "comment": ("# nats per unit of reward", "# nats"),
    "preset": ('"seeds": 1', '"seeds": 2'),
    "default shifts": ("fractions=0.9/0.1", "fractions=0.90/0.10"),
}


@pytest.mark.parametrize(("old", "new"), WORDS.values(), ids=WORDS)
def test_words_and_presets_make_nothing_again(old, new, tmp_path):
    assert old in CODE
    assert keys(tmp_path, CODE.replace(old, new)) == keys(tmp_path)


def test_a_setting_makes_again_what_its_spec_belongs_to(tmp_path):
    plain, more = keys(tmp_path), keys(tmp_path, settings=["suite.train_pairs=600"])
    assert more["policy"] == plain["policy"] and more["pairs"] != plain["pairs"]


def test_every_stage_that_is_handed_the_suite_has_its_code_in_its_key(tmp_path):
    made = stages(tmp_path)
    handed = {name for name, stage in made.items() if "suite" in stage.arguments}
    assert handed == {"policy", "pairs", "answers"}
    assert {name for name, stage in made.items() if "suite_code" in stage.identity} == handed


def test_suites_that_ship_with_us_are_versioned_and_a_subclass_has_to_promise_anew():
    shipped = [cls for family in (Suite, AnalyticSuite) for cls in family.registry.all()]
    assert len(shipped) >= 5 and not [cls for cls in shipped if suite_code(cls)]

    class Nearly(OpinionsSuite):
        """The same with other code."""

        name = "nearly_opinions"

    assert suite_code(Nearly)["suite_code"]
    assert presets_of(Nearly).keys() == presets_of(OpinionsSuite).keys() == {"smoke", "quick", "full"}


def test_presets_of_the_nearest_class_count():
    class Own(OpinionsSuite):
        """Presets in the class."""

        name = "own_presets"
        presets = {"tiny": {"methods": ["dpo"]}}  # noqa: RUF012

    assert presets_of(Own) == {"tiny": {"methods": ["dpo"]}}
    assert read_config("own_presets", "tiny", None, ["seeds=4"]).seeds == 4


def test_two_suites_of_one_name_are_refused(tmp_path):
    (tmp_path / "mine.py").write_text(CODE.replace('name = "word_choice"', 'name = "toy_3d"'))
    load_file(tmp_path / "mine.py")
    with pytest.raises(UserError, match="two suites are named 'toy_3d', of the kinds text and analytic"):
        kind_of("toy_3d")


def test_a_run_of_a_suite_that_is_not_named_says_which_plugin_is_missing(tmp_path):
    run = {"plugins": ["/elsewhere/mine.py"], "code": {"plugins": {"benchmark.suites.word_choice": "0"}}}
    (tmp_path / "environment.json").write_text(json.dumps(run))
    with pytest.raises(
        UserError, match=r"benchmark.suites.word_choice, not registered here.*--plugin /elsewhere/mine.py"
    ):
        check_registered(tmp_path, [])
    check_measurable(tmp_path, [])  # its numbers are recorded
    run |= {"kind": "analytic", "suite": "my_world"}
    (tmp_path / "environment.json").write_text(json.dumps(run))
    with pytest.raises(UserError, match=r"benchmark\.studies\.my_world, not registered here"):
        check_measurable(tmp_path, [])


def test_all_that_the_example_needs_is_in_one_place():
    imported = [node.module for node in ast.walk(ast.parse(CODE)) if isinstance(node, ast.ImportFrom)]
    assert {module for module in imported if module.startswith(("benchmark", "methods", "shifts"))} == {
        "benchmark.suites"
    }
    assert all(hasattr(benchmark.suites, name) for name in benchmark.suites.__all__)


def test_the_guide_shows_the_example_whole():
    (shown,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "add-a-suite.md").read_text(), re.DOTALL)
    assert shown == CODE


@pytest.mark.parametrize(("old", "new", "status"), [("A suite", "The suite", 0), ('"seeds": 1', '"seeds": 2', 2)])
def test_a_copy_is_the_same_suite_unless_its_presets_differ(old, new, status, tmp_path, capsys):
    (tmp_path / "copy.py").write_text(CODE.replace(old, new))
    assert main(["list", "suites", "--plugin", str(EXAMPLE), "--plugin", "copy.py"]) == status
    assert status == 0 or "two suites are named 'word_choice', and their code differs" in capsys.readouterr().err
