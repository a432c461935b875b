"""The program on an analytic suite: files, resume, extension, failures, merging, mistakes."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.core.checksums import sealed, unsealed
from benchmark.core.errors import UserError
from benchmark.measure.build import build_report
from benchmark.report import words
from benchmark.report.flat import leaderboard_rows
from methods import Method
from tests.synthetic import write_run

SMALL = ["--suite", "toy_3d", "--preset", "smoke", "--set", "suite.epochs=20", "--set", "suite.points=2"]
BROKEN = '''
from dataclasses import dataclass
from methods.dpo import DPO

@dataclass(frozen=True)
class Broken(DPO):
    """Fails."""

    name = "broken_in_toy"

    def pair_losses(self, batch):
        """Fails."""
        raise RuntimeError("no loss today")
'''


GENTLE = BROKEN.replace("broken_in_toy", "gentle_in_toy").replace(
    'raise RuntimeError("no loss today")', "return super().pair_losses(batch) / 2"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def call(home: Path, *arguments: str, out: str = "run", workers: int = 1) -> int:
    return main([*arguments, "--store", str(home / "store"), "--out", str(home / out), "--workers", str(workers)])


@pytest.fixture(scope="module")
def finished(home: Path) -> Path:
    assert call(home, *SMALL, "--methods", "dpo,kldpo,reference") == 0
    return home / "run"


def artefacts(home: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in (home / "store").glob("*/*/artefact.json")}


def test_files_are_those_of_a_run(finished):
    cells, results = (pd.read_parquet(finished / f"{name}.parquet") for name in ("cells", "results"))
    assert len(cells) == (3 + 1) * 4 * 2 and cells["cell_id"].is_unique  # three methods and the reward model
    assert set(cells.loc[cells["method"] == "reference", "status"]) == {"skipped"}
    assert cells.loc[cells["method"] == "reference", "reason"].str.contains("is not trained").all()
    assert set(cells.loc[cells["method"] != "reference", "status"]) == {"done"}
    assert list(results.columns) == [
        "suite", "method", "hparams", "train_shift", "seed", "eval_shift", "metric", "value", "n", "cell_id"
    ]  # fmt: skip
    assert results["value"].dtype == "float64" and set(results["eval_shift"]) == {""} and results["n"].gt(0).all()
    assert {"logp_chosen@0", "logp_chosen@20", "mass_unseen", "rejected_drop"} <= set(results["metric"])
    assert not results.duplicated(["cell_id", "metric"]).any()
    environment = json.loads((finished / "environment.json").read_text())
    assert environment["kind"] == "analytic" and environment["suite"] == "toy_3d" and environment["seeds"] == [0, 1]
    assert (finished / "site" / "index.html").stat().st_size > 10_000
    assert not (finished / "samples.parquet").exists()


def test_the_table_has_a_row_per_method_and_scenario(finished):
    table = pd.read_csv(finished / "leaderboard.csv")
    assert len(table) == 3 * 4 and set(table["suite"]) == {"toy_3d"}
    done = table[table["status"] == "done"]
    results = pd.read_parquet(finished / "results.parquet")
    for row in done.to_dict("records"):
        same = results[(results["method"] == row["method"]) & (results["train_shift"] == row["train_shift"])]
        drops = same.loc[same["metric"] == "rejected_drop", "value"]
        assert row["rejected_drop"] == pytest.approx(drops.mean()) and row["n"] == len(drops) == 2
        assert row["rejected_drop_low"] < row["rejected_drop"] < row["rejected_drop_high"]


def test_a_second_run_runs_nothing_and_more_methods_change_no_number(home, finished):
    before, page = artefacts(home), (finished / "site" / "index.html").stat().st_mtime_ns
    assert call(home, *SMALL, "--methods", "dpo,kldpo,reference") == 0
    assert artefacts(home) == before and (finished / "site" / "index.html").stat().st_mtime_ns == page
    numbers = pd.read_parquet(finished / "results.parquet")
    assert call(home, *SMALL, "--methods", "ipo") == 0
    grown = pd.read_parquet(finished / "results.parquet")
    assert len(artefacts(home)) == len(before) + 2  # two seeds of one method
    kept = grown[grown["method"] != "ipo"].reset_index(drop=True)
    keys = ["cell_id", "metric"]
    pd.testing.assert_frame_equal(
        kept.sort_values(keys, ignore_index=True), numbers.sort_values(keys, ignore_index=True)
    )


def test_a_method_that_fails_takes_nothing_down(home):
    plugin = home / "broken.py"
    plugin.write_text(BROKEN)
    try:
        assert call(home, *SMALL, "--methods", "dpo,broken_in_toy", "--plugin", str(plugin), out="broken") == 1
    finally:
        Method.registry._classes.pop("broken_in_toy", None)
    cells = pd.read_parquet(home / "broken" / "cells.parquet").set_index("method")
    assert set(cells.loc["broken_in_toy", "status"]) == {"failed"} and set(cells.loc["dpo", "status"]) == {"done"}
    assert cells.loc["broken_in_toy", "reason"].str.contains("no loss today").all()
    assert (home / "broken" / "site" / "index.html").exists()


def forget(*files: Path) -> None:
    """As in a process of its own: what the files registered is gone."""
    Method.registry._classes.pop("gentle_in_toy", None)
    for name in [name for name, module in sys.modules.items() if getattr(module, "__file__", None) in map(str, files)]:
        del sys.modules[name]


def test_a_plug_in_runs_only_where_it_is_named(home, capsys):
    """Recorded by the first run, needed by name for the next, not needed to read the numbers, replaced by a copy."""
    file, copied = home / "gentle.py", home / "copied.py"
    file.write_text(GENTLE)
    copied.write_text(GENTLE)
    more = [*SMALL, "--seeds", "1", "--methods", "dpo"]
    try:
        first = [*SMALL, "--seeds", "1", "--methods", "gentle_in_toy", "--plugin", str(file)]
        assert call(home, *first, out="plugged") == 0
        forget(file)
        capsys.readouterr()
        assert call(home, *more, out="plugged") == 2
        assert (
            f"methods.gentle_in_toy, not registered here. A plug-in file runs only where the command names it: add "
            f"--plugin {file}." in capsys.readouterr().err
        )
        assert main(["report", str(home / "plugged"), "--out", str(home / "read")]) == 0
        assert "gentle_in_toy" in set(pd.read_csv(home / "read" / "leaderboard.csv")["method"])
        assert "gentle_in_toy" not in Method.registry._classes
        numbers, before = pd.read_parquet(home / "plugged" / "results.parquet"), artefacts(home)
        assert call(home, *more, "--plugin", str(copied), out="plugged") == 0
        assert "changed since" not in capsys.readouterr().err
        kept = pd.read_parquet(home / "plugged" / "results.parquet").query("method == 'gentle_in_toy'")
        pd.testing.assert_frame_equal(kept.reset_index(drop=True), numbers.query("method == 'gentle_in_toy'"))
        assert not [name for name in set(artefacts(home)) - set(before) if "gentle" in Path(name).read_text()]
        forget(file, copied)
        copied.write_text(GENTLE.replace("/ 2", "/ 3"))
        assert call(home, *more, "--plugin", str(copied), out="plugged") == 0
        assert "changed since the last run on this folder: methods.gentle_in_toy" in capsys.readouterr().err
    finally:
        forget(file, copied)


def test_a_shift_that_is_not_registered_is_asked_for_by_its_file(tmp_path, capsys):
    run = write_run(tmp_path / "text", seeds=2, prompts=20)
    environment = json.loads((run / "environment.json").read_text())
    environment["eval_shifts"] = {"my_shift(x=1)": ["my_shift(x=1)"]}
    (run / "environment.json").write_text(json.dumps({**environment, "plugins": ["/elsewhere/mine.py"]}))
    assert main(["report", str(run), "--out", str(tmp_path / "site")]) == 2
    printed = capsys.readouterr().err
    assert "shifts.my_shift" in printed and "--plugin /elsewhere/mine.py" in printed and "Traceback" not in printed
    assert not (tmp_path / "site").exists()


def test_other_settings_on_the_same_folder_are_refused(home, finished, capsys):
    assert call(home, *SMALL, "--set", "suite.width=16") == 2
    assert "other settings (suite.width: not set there, 16 here)" in capsys.readouterr().err


def test_loglinear_end_to_end_and_merged_with_other_runs(home, finished, tmp_path):
    small = ["--suite", "loglinear", "--preset", "smoke", "--set", "suite.draws=1", "--seeds", "1"]
    assert call(home, *small, "--methods", "dpo,beta_dpo", out="rates") == 0
    text = write_run(tmp_path / "text", seeds=2, prompts=40)
    report = build_report([home / "rates", text, finished], replicates=20)
    assert [study.suite for study in report.studies] == ["loglinear", "toy_3d"] and len(report.arenas) == 1
    assert len(report.provenance) == 3
    table = leaderboard_rows(report)
    assert set(table["suite"]) == {"synthetic", "loglinear", "toy_3d"}
    skipped = table[(table["suite"] == "loglinear") & (table["method"] == "beta_dpo")]
    assert list(skipped["status"]) == ["skipped"] and "no optimum" in skipped["reason"].iloc[0]
    (rates, _) = report.studies
    assert rates.figures and all(line.x for figure in rates.figures for line in figure.lines)
    slope = rates.rows[0].metrics["slope"]
    assert slope.value is not None and slope.low is None and slope.n == 1


def test_runs_of_one_study_are_merged_and_unlike_ones_refused(home, finished):
    others = ["--methods", "dpo,cdpo", "--seeds", "3"]
    assert call(home, *SMALL, *others, out="more") == 0
    (study,) = build_report([finished, home / "more"]).studies
    seeds = {row.method: row.seeds_done for row in study.rows}
    assert seeds["dpo"] == 3 and seeds["kldpo"] == 2 and seeds["cdpo"] == 3
    unlike = shutil.copytree(home / "more", home / "unlike")
    environment = unsealed((unlike / "environment.json").read_text())
    environment["config"]["suite"]["width"] = 16
    (unlike / "environment.json").write_text(sealed(environment))
    with pytest.raises(UserError, match=r"suite\.width"):
        build_report([finished, unlike])
    (mixed,) = build_report([finished, unlike], allow_mixed=True).studies
    assert any("suite.width" in words.caveat(caveat) for caveat in mixed.caveats)


MISTAKES = [
    (["--suite", "toy3d"], "Did you mean 'toy_3d'"),
    ([*SMALL, "--set", "suite.epoch=3"], "Did you mean 'suite.epochs'"),
    ([*SMALL, "--set", "training.epochs=3"], "unknown setting 'training'"),
    ([*SMALL, "--set", "suite.head=9"], "too many"),
    ([*SMALL, "--set", "seeds=0"], "greater than 0"),
    ([*SMALL, "--methods", "dpo,dpo"], "given twice"),
    ([*SMALL, "--methods", "kldp"], "Did you mean 'kldpo'"),
    ([*SMALL, "--train-shifts", "alpha_mixture(a=joy,b=sadness,alpha=0.1)"], "takes no --train-shifts"),
    (["--suite", "loglinear", "--set", "suite.largest=300"], "three sizes"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a[-2:]) for a, _ in MISTAKES])
def test_a_mistake_is_one_message_and_status_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert message in printed and "Traceback" not in printed
    assert not (tmp_path / "runs").exists()


def test_a_wrong_setting_on_the_folder_of_a_run_is_named_as_such(home, finished, capsys):
    assert call(home, *SMALL, "--set", "suite.epoch=3") == 2
    assert "Did you mean 'suite.epochs'" in capsys.readouterr().err


def test_plan_list_and_describe(home, capsys):
    assert call(home, "plan", *SMALL, "--methods", "dpo,sppo,reference", "--seeds", "1", out="plan") == 0
    printed = capsys.readouterr().out
    assert "1 study" in printed and "4 skipped" in printed
    assert main(["list", "suites"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n{name} " in f"\n{listed}" for name in ("emotion", "grammar", "loglinear", "toy_3d"))
    assert main(["describe", "toy_3d"]) == 0
    assert "suite.epochs: default 250" in capsys.readouterr().out
