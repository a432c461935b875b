"""Settings and their mistakes: one message, the nearest match, exit status 2, no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.core.calls import grid, parse_call, split_calls
from benchmark.core.errors import UserError
from benchmark.core.folders import check_folder, make_folder
from benchmark.pipeline.config import PRESETS
from benchmark.pipeline.environment import _differences, earlier_cells, fixed_settings, read_environment
from benchmark.pipeline.kinds import SUITE_KINDS, build_matrix, kind_of, read_config, suite_classes
from benchmark.pipeline.options import RunOptions
from benchmark.suites.base import Suite


def test_calls_are_split_outside_parentheses():
    assert split_calls("dpo(beta=1,x=2), sft") == ["dpo(beta=1,x=2)", "sft"]
    assert parse_call("kldpo(tau=0.3, beta=1)") == ("kldpo", {"tau": "0.3", "beta": "1"})
    assert grid("0:1:0.25") == [0, 0.25, 0.5, 0.75, 1] and grid("0.3") == [0.3]


def test_later_settings_win(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("seeds: 7\ntraining: {learning_rate: 1.0e-3, epochs: 2}\n")
    config = read_config("grammar", "smoke", file, ["training.learning_rate=2e-3", "labels.kind=argmax"], {"seeds": 9})
    assert config.seeds == 9 and config.training.epochs == 2
    assert config.training.learning_rate == 2e-3 and config.labels.kind == "argmax"


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("suite", [cls.name for cls in Suite.registry.all()])
def test_every_preset_can_be_read(suite, preset):
    config = read_config(suite, preset)
    assert config.make_suite().name == suite
    assert config.train_shifts or type(config.make_suite()).default_train_shifts is not Suite.default_train_shifts


def test_the_base_class_of_a_suite_decides_its_kind():
    assert {kind_of(cls.name).name for cls in suite_classes()} == {kind.name for kind in SUITE_KINDS}
    for cls in suite_classes():
        assert issubclass(cls, kind_of(cls.name).family)


def test_whoever_chooses_the_matrix_gets_no_extra_cells():
    assert read_config("grammar", "full").extra
    assert read_config("grammar", "full", options={"seeds": 2}).extra
    assert not read_config("grammar", "full", options={"methods": "dpo"}).extra
    assert not read_config("grammar", "full", settings=["train_shifts=[reward_blend(weights=joy:1)]"]).extra


def test_adding_a_method_changes_no_other_cell():
    few = build_matrix(read_config("grammar", "smoke", options={"methods": "reference,dpo"}), "transformers")
    more = build_matrix(read_config("grammar", "smoke", options={"methods": "kldpo,dpo,reference"}), "transformers")
    assert {cell.cell_id for cell in few.cells} < {cell.cell_id for cell in more.cells}


def test_cells_share_what_they_can():
    matrix = build_matrix(read_config("grammar", "smoke"), "transformers")
    kinds = {}
    for cell in matrix.cells:
        for name, stage in cell.stages.items():
            kinds.setdefault(name, set()).add(stage.key)
    assert len(kinds["policy"]) == 1
    assert len(kinds["pairs"]) == len(kinds["reference_logps"]) == 2  # one for all methods, and the oracle's own


def test_every_seed_and_setting_counts():
    def key(*settings):
        config = read_config("grammar", "smoke", settings=settings, options={"methods": "dpo"})
        return build_matrix(config, "transformers").cells[0].stages["scored_generations"].key

    plain = key()
    assert key() == plain and key("training.micro_batch_size=8") == plain  # how to run does not count
    for setting in (
        "training.learning_rate=1e-3",
        "labels.sharpness=5",
        "sampling.temperature=0.7",
        "suite.policy_sentences=100",
        "suite.test_prompts=99",
        "suite.reward_sentences=100",
    ):
        assert key(setting) != plain, setting


MISTAKES = [
    (["--suite", "gramar"], "Did you mean 'grammar'"),
    (["--preset", "quik"], "Did you mean 'quick'"),
    (["--methods", "kldp"], "Did you mean 'kldpo'"),
    (["--methods", "dpo,dpo"], "given twice"),
    (["--train-shifts", "alpha_mixture(a=anger,b=fear,alpha=1.5)"], "alpha must be a number >= 0 and <= 1"),
    (["--train-shifts", "alpha_mixture(a=angr,b=fear)"], "Did you mean 'anger'"),
    (["--set", "training.learnin_rate=1"], "Did you mean 'training.learning_rate'"),
    (["--set", "suite.policy_width=100"], "width"),
    (["--set", "suite.nonsense=1"], "unknown setting 'suite.nonsense'"),
    (["--set", "seeds=0"], "greater than 0"),
    (["--set", "nonsense"], "KEY=VALUE"),
    (["--set", "training.micro_batch_size=7"], "batch_size 64 is no multiple of micro_batch_size 7"),
    (["--suite", "emotion", "--set", "suite.policy=scratch", "--set", "suite.data_dir=nowhere"], "nowhere"),
    (["--config", "nowhere.yaml"], "does not exist"),
    (["--plugin", "nowhere.py"], "does not exist"),
    (["--backend", "vlm"], "vllm"),
    (["--executor", "loca"], "Did you mean 'local'"),
    (["list", "metod"], "Did you mean 'methods'"),
    (["describe", "kldp"], "Did you mean 'kldpo'"),
    (["export", "nowhere"], "leaderboard.csv"),
    (["report", "nowhere", "--out", "site"], "nowhere"),
    (["rnu"], "rnu"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_a_mistake_is_one_message_and_status_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert message in printed and "Traceback" not in printed
    assert not (tmp_path / "runs").exists()


IMPOSSIBLE = {
    "a file": ("file", "it is a file"),
    "below a file": ("file/run", "file' is a file"),
    "a long name": ("x" * 300, "File name too long"),
    "below a long name": ("x" * 300 + "/run", "File name too long"),
}


@pytest.mark.parametrize("command", [["run", "--suite", "toy_3d"], ["plan", "--suite", "toy_3d"], ["report", "runs"]])
@pytest.mark.parametrize(("out", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_impossible_folder_is_one_message_before_anything_runs(command, out, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    assert main([*command, "--out", out]) == 2
    printed = capsys.readouterr().err
    assert message in printed and "--out" in printed and "Traceback" not in printed and len(printed) < 300
    assert [file.name for file in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "kept"


def test_a_folder_without_permission_is_one_message(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(UserError, match="no permission"):
        check_folder(tmp_path / "run", "--out")
    monkeypatch.undo()

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match="Read-only file system"):
        make_folder(tmp_path / "run", "--out")


def test_only_the_settings_that_differ_are_named(tmp_path):
    def options():
        return RunOptions(tmp_path, tmp_path / "store", "transformers", workers=1)

    there = read_config("grammar", "smoke", settings=["training.learning_rate=5e-4"])
    recorded = {"config": fixed_settings(there, "transformers"), "cells": []}
    (tmp_path / "environment.json").write_text(json.dumps(recorded))
    assert earlier_cells(there, options()) == []
    here = read_config("grammar", "smoke", settings=["training.learning_rate=1e-3", "suite.policy_width=32"])
    with pytest.raises(UserError) as error:
        earlier_cells(here, options())
    named = "(suite.policy_width: not set there, 32 here; training.learning_rate: 0.0005 there, 0.001 here)"
    assert named in str(error.value)


def test_differences_are_found_inside_lists():
    there, here = {"a": [{"b": [1, 2]}, 3], "same": [1]}, {"a": [{"b": [1, 4, 5]}, 3], "same": [1]}
    assert list(_differences(there, here)) == ["a[0].b[1]: 2 there, 4 here", "a[0].b[2]: not set there, 5 here"]


def test_a_record_that_cannot_be_read_is_one_message(tmp_path):
    (tmp_path / "environment.json").write_text("{half")
    with pytest.raises(UserError, match="is not the record of a run"):
        read_environment(tmp_path)


PLUGIN = '''
from dataclasses import dataclass
from methods.dpo import DPO

@dataclass(frozen=True)
class Twice(DPO):
    """DPO, twice."""

    name = "twice_in_test"

    def pair_losses(self, batch):
        """Each loss, doubled."""
        return 2 * super().pair_losses(batch)
'''


def test_a_copy_of_a_plug_in_is_the_same_plug_in_and_other_code_is_not(tmp_path):
    from benchmark.core.plugins import load_file
    from methods import Method

    files = [tmp_path / f"{name}.py" for name in ("first", "copy", "other")]
    for file, code in zip(files, (PLUGIN, PLUGIN + "# a remark\n", PLUGIN.replace("2 *", "3 *")), strict=True):
        file.write_text(code)
    try:
        load_file(files[0])
        first = Method.registry.get("twice_in_test")
        load_file(files[1])
        assert Method.registry.get("twice_in_test") is first
        with pytest.raises(UserError, match=r"code differs: Twice in .*first\.py and Twice in .*other\.py"):
            load_file(files[2])
    finally:
        Method.registry._classes.pop("twice_in_test", None)


def test_a_plug_in_that_cannot_be_imported_names_its_line(tmp_path):
    from benchmark.core.plugins import load_file

    file = tmp_path / "broken.py"
    file.write_text("import math\nmath.nonsense\n")
    with pytest.raises(UserError, match="AttributeError at line 2"):
        load_file(file)


@pytest.mark.parametrize("what", ["methods", "shifts", "suites", "metrics", "selection"])
def test_lists_are_printed(what, capsys):
    assert main(["list", what]) == 0
    assert capsys.readouterr().out.strip()


def test_describe_explains_a_method(capsys):
    assert main(["describe", "kldpo"]) == 0
    printed = capsys.readouterr().out
    assert "arXiv:2502.01930" in printed and "tau (float): default 1.0, searched" in printed


def test_the_example_configuration_can_be_read():
    from pathlib import Path

    from methods.base import parse_method
    from shifts.base import parse_shift

    file = Path(__file__).resolve().parents[2] / "configs" / "emotion-paper.yaml"
    config = read_config("emotion", "full", file)
    assert config.labels.kind == "argmax" and config.make_suite().settings.policy == "gpt2"
    assert [parse_method(text).name for text in config.methods] and [parse_shift(text) for text in config.train_shifts]
