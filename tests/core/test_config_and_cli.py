"""Settings and their mistakes: one message, the nearest match, exit status 2, no traceback."""

from __future__ import annotations

import pytest

from benchmark.cli import main
from benchmark.core.calls import grid, parse_call, split_calls
from benchmark.core.errors import UserError
from benchmark.pipeline.config import PRESETS, read_config
from benchmark.pipeline.matrix import build_matrix
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
    assert config.make_suite().objectives


def test_adding_a_method_changes_no_other_cell():
    few = build_matrix(read_config("grammar", "smoke", overrides={"methods": "reference,dpo"}), "transformers")
    more = build_matrix(read_config("grammar", "smoke", overrides={"methods": "kldpo,dpo,reference"}), "transformers")
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
        config = read_config("grammar", "smoke", settings=settings, overrides={"methods": "dpo"})
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
    assert "arXiv:2502.01930" in printed and "tau (float | None): default None, searched" in printed


def test_the_example_configuration_can_be_read():
    from pathlib import Path

    from methods.base import parse_method
    from shifts.base import parse_shift

    file = Path(__file__).resolve().parents[2] / "configs" / "emotion-paper.yaml"
    config = read_config("emotion", "full", file)
    assert config.labels.kind == "argmax" and config.make_suite().settings.policy == "gpt2"
    assert [parse_method(text).name for text in config.methods] and [parse_shift(text) for text in config.train_shifts]
