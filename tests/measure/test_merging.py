"""Several runs in one table: what is refused by name, what is told, and whose numbers count."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.cli import MISTAKE, main
from benchmark.core.errors import UserError
from benchmark.measure.build import build_report
from benchmark.measure.runs import merging
from benchmark.measure.runs.reading import load_runs
from benchmark.pipeline.environment import environment_of, write_environment
from benchmark.pipeline.kinds import kind_of, read_config
from benchmark.pipeline.options import RunOptions
from benchmark.pipeline.run import prepare
from benchmark.report import Difference, MixedRuns, OtherMachines, Repeats, UnlikeRepeats, words
from tests.synthetic import METHODS, Trained, write_run

SMALL: dict[str, Any] = {"seeds": 2, "prompts": 10}
MADE = {
    "config": {
        "preset": "quick",
        "backend": "transformers",
        "labels": {"kind": "bradley_terry", "sharpness": 20.0},
        "suite": {"data_dir": "here", "test_prompts": 10},
        "training": {"learning_rate": 1e-4, "micro_batch_size": None},
    },
    "packages": {"torch": "2.13.0+cpu", "trl": "1.16.0", "numpy": "2.3.5"},
    "code": {"stages": {"scores": 1}, "plugins": {"methods.dpo": "aaaa"}},
    "commit": "1234",
    "hardware": {"processor": "one", "cores": 2},
}


def environment(change: Callable[[dict[str, Any]], object] = lambda _: None) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(MADE))
    change(made)
    return made


def keys(found: list[Difference]) -> list[str]:
    return [difference.key for difference in found]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda e: e["config"]["training"].update(learning_rate=2e-4), "config.training.learning_rate"),
        (lambda e: e["config"]["labels"].update(kind="argmax"), "config.labels.kind"),
        (lambda e: e["config"]["suite"].pop("test_prompts"), "config.suite.test_prompts"),
        (lambda e: e["config"].update(backend="vllm"), "config.backend"),
        (lambda e: e["packages"].update(torch="2.14.0"), "packages.torch"),
        (lambda e: e["packages"].update(vllm="0.32.0"), "packages.vllm"),
        (lambda e: e["code"]["stages"].update(scores=2), "code.stages.scores"),
        (lambda e: e["code"]["plugins"].update({"methods.dpo": "bbbb"}), "code.plugins.methods.dpo"),
        (lambda e: e.pop("code"), "code recorded"),
    ],
)
def test_what_decides_numbers_is_found_and_is_no_minor_thing(change: Any, key: str) -> None:
    both = [environment(), environment(change)]
    assert keys(merging.deciding(both, ["a", "b"])) == [key]
    assert keys(merging.minor(both, ["a", "b"])) == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda e: e.update(commit="5678"), "commit"),
        (lambda e: e["hardware"].update(processor="another"), "hardware.processor"),
        (lambda e: e["packages"].update(numpy="2.4.0"), "packages.numpy"),
        (lambda e: e["config"].update(preset="full"), "config.preset"),
        (lambda e: e["config"]["suite"].update(data_dir="there"), "config.suite.data_dir"),
        (lambda e: e["config"]["training"].update(micro_batch_size=8), "config.training.micro_batch_size"),
    ],
)
def test_what_leaves_rows_comparable_is_minor(change: Any, key: str) -> None:
    both = [environment(), environment(change)]
    assert keys(merging.deciding(both, ["a", "b"])) == []
    assert keys(merging.minor(both, ["a", "b"])) == [key]


def test_a_plug_in_that_one_run_has_is_an_extension() -> None:
    both = [environment(), environment(lambda e: e["code"]["plugins"].update({"methods.new": "cccc"}))]
    assert merging.deciding(both, ["a", "b"]) == [] and merging.minor(both, ["a", "b"]) == []


def test_a_difference_names_each_value_with_its_folders() -> None:
    three = [environment(), environment(lambda e: e["packages"].update(trl="1.17.0")), environment()]
    (found,) = merging.deciding(three, ["a", "b", "c"])
    assert words.difference(found) == "packages.trl: 1.16.0 in 'a', 'c'; 1.17.0 in 'b'"


def recorded(folder: Path, contributor: str = "", **settings: Any) -> dict[str, Any]:
    """environment.json as a run writes it before its first stage, with settings such as `learning_rate`."""
    folder.mkdir(exist_ok=True)
    config = read_config("grammar", "smoke", settings=[f"training.{key}={value}" for key, value in settings.items()])
    options = RunOptions(folder, folder / "store", "transformers", workers=1, contributor=contributor)
    write_environment(options.out, environment_of(kind_of("grammar"), config, options, prepare(config, options)))
    return dict(json.loads((folder / "environment.json").read_text()))


def test_a_real_run_records_what_is_compared_and_who_ran_it(tmp_path: Path) -> None:
    one = recorded(tmp_path / "one", contributor="A group")
    other = recorded(tmp_path / "other", learning_rate=0.5, micro_batch_size=8)
    assert keys(merging.deciding([one, other], ["one", "other"])) == ["config.training.learning_rate"]
    assert "config.training.micro_batch_size" in keys(merging.minor([one, other], ["one", "other"]))
    assert one["contributor"] == "A group" and recorded(tmp_path / "one")["contributor"] == "A group"  # kept
    changed = {**one, "code": {**one["code"], "plugins": {**one["code"]["plugins"], "methods.dpo": "another"}}}
    assert keys(merging.deciding([one, changed], ["one", "other"])) == ["code.plugins.methods.dpo"]


def copy_with(run: Path, to: Path, **changes: Any) -> Path:
    shutil.copytree(run, to)
    recorded = json.loads((to / "environment.json").read_text())
    (to / "environment.json").write_text(json.dumps({**recorded, **changes}))
    return to


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs of one world made alike; plain DPO and the reference are in both."""
    folder = tmp_path_factory.mktemp("pair")
    return (
        write_run(folder / "ours", methods=METHODS[:6], **SMALL),
        write_run(folder / "theirs", methods=(*METHODS[:5], METHODS[6]), **SMALL),
    )


def test_other_versions_are_refused_by_name_and_merged_on_request(pair: tuple[Path, Path], tmp_path: Path) -> None:
    ours, theirs = pair[0], copy_with(pair[1], tmp_path / "new", packages={"torch": "9.9"})
    with pytest.raises(UserError, match=r"(?s)packages.torch: not installed in .*ours.*9\.9 in .*new.*--allow-mixed"):
        build_report([ours, theirs], replicates=20)
    report = build_report([ours, theirs], replicates=20, allow_mixed=True)
    (caveat,) = [caveat for caveat in report.arenas[0].caveats if isinstance(caveat, MixedRuns)]
    assert "packages.torch" in words.caveat(caveat) and "9.9" in words.caveat(caveat)


def test_the_command_refuses_with_status_2_and_takes_the_option(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = copy_with(pair[1], tmp_path / "new", packages={"torch": "9.9"})
    command = ["report", str(pair[0]), str(other), "--out", str(tmp_path / "site")]
    assert main(command) == MISTAKE
    assert "packages.torch" in capsys.readouterr().err and not (tmp_path / "site" / "index.html").exists()
    assert main([*command, "--allow-mixed"]) == 0
    assert "packages.torch" in (tmp_path / "site" / "index.html").read_text()


def test_other_machines_are_merged_and_told(pair: tuple[Path, Path], tmp_path: Path) -> None:
    other = copy_with(pair[1], tmp_path / "new", hardware={"cpu": "another"}, contributor="A group")
    report = build_report([pair[0], other], replicates=20)
    (caveat,) = [words.caveat(caveat) for caveat in report.arenas[0].caveats if isinstance(caveat, OtherMachines)]
    assert "hardware.cpu: none in" in caveat and "another in" in caveat
    assert [run.get("contributor") for run in report.provenance] == [None, "A group"]


def test_rows_say_which_run_they_come_from_and_shared_cells_count_once(pair: tuple[Path, Path]) -> None:
    (alone,), (arena,) = (build_report(runs, replicates=20).arenas for runs in ([pair[0]], list(pair)))
    runs = {row.method: row.runs for row in arena.rows}
    assert runs["dpo"] == runs["reference"] == runs["kldpo"] == (1,) and runs["wdpo"] == (2,)
    merged = {row.key: row for row in arena.rows}
    assert len(merged) == len(alone.rows) + 1
    for row in alone.rows:
        assert merged[row.key].metrics["over_envelope"] == row.metrics["over_envelope"]
    assert (
        "the 10 finished cells that more than one of them holds came out the same"
        in words.settings(build_report(list(pair), replicates=20).settings)["Merged runs"]
    )


def test_places_of_runs_go_on_over_the_suites(pair: tuple[Path, Path], tmp_path: Path) -> None:
    other = write_run(tmp_path / "other", methods=METHODS[:2], suite="another", **SMALL)
    report = build_report([*pair, other], replicates=20)
    assert [run["suite"] for run in report.provenance] == ["another", "synthetic", "synthetic"]
    assert {row.runs for row in report.arenas[0].rows} == {(1,)}
    assert {row.runs for row in report.arenas[1].rows} == {(2,), (3,)}


def change_cells(folder: Path, of: str, change: Callable[[pd.DataFrame], pd.DataFrame], *tables: str) -> None:
    """Apply `change` to the rows of one method's cells in some tables."""
    cells = pd.read_parquet(folder / "cells.parquet")
    ids = set(cells.loc[cells["method"] == of, "cell_id"])
    for name in tables:
        table = pd.read_parquet(folder / f"{name}.parquet")
        mine = table["cell_id"].isin(ids)
        pd.concat([table[~mine], change(table[mine])]).to_parquet(folder / f"{name}.parquet")


def test_the_same_cell_made_of_something_else_is_refused_and_on_request_the_first_counts(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    other = Path(shutil.copytree(pair[0], tmp_path / "other"))
    change_cells(other, "kldpo", lambda t: t.assign(cell_id="x" + t["cell_id"]), "cells", "samples", "results")
    change_cells(other, "kldpo", lambda t: t.assign(joy=0.9), "samples")
    with pytest.raises(UserError, match=r"kldpo\(beta=0\.1,tau=0\.1\) on .*, seed 0: cell .*; cell x"):
        load_runs([pair[0], other])
    first, second = (build_report([run], replicates=20) for run in (pair[0], other))
    for order, expected in (([pair[0], other], first), ([other, pair[0]], second)):
        merged = build_report(order, replicates=20, allow_mixed=True)
        rows, alone = ({row.key: row for row in report.arenas[0].rows} for report in (merged, expected))
        assert rows.keys() == alone.keys()
        for key in rows:
            assert rows[key].metrics["nominal"] == alone[key].metrics["nominal"]


def test_the_same_cell_with_other_numbers_is_told(pair: tuple[Path, Path], tmp_path: Path) -> None:
    other = Path(shutil.copytree(pair[0], tmp_path / "other"))
    raise_quality = lambda t: t.assign(value=t["value"] + 0.25 * ((t["metric"] == "quality") & (t["seed"] == 1)))  # noqa: E731
    change_cells(other, "kldpo", raise_quality, "results")
    (runs,) = load_runs([pair[0], other])
    assert (runs.repeats.cells, runs.repeats.different, runs.repeats.metric) == (12, 1, "quality")
    assert runs.repeats.greatest == pytest.approx(0.25)
    (caveat,) = [words.caveat(caveat) for caveat in runs.caveats if isinstance(caveat, UnlikeRepeats)]
    assert "1 came out differently, by at most 0.25 in quality" in caveat


def test_costs_and_numbers_that_need_other_cells_may_differ() -> None:
    table = pd.DataFrame(
        {
            "cell_id": "a",
            "train_shift": "s",
            "eval_shift": "",
            "metric": ["train_seconds", "price", "gated_price", "regret_s", "utility"],
            "value": [1.0, 2.0, 2.0, 3.0, np.nan],
        }
    )
    other = table.assign(value=[9.0, 9.0, 9.0, 9.0, np.nan])
    assert merging.repeated([table, other]) == Repeats(1, 0, 0.0, "utility")


def test_step_times_are_divided_by_those_of_the_same_machine(tmp_path: Path) -> None:
    ours = write_run(tmp_path / "ours", methods=METHODS[:5], **SMALL)
    theirs = write_run(tmp_path / "theirs", methods=METHODS[:6], **SMALL)
    cells = pd.read_parquet(theirs / "cells.parquet")
    cells.assign(step_seconds=10 * cells["step_seconds"]).to_parquet(theirs / "cells.parquet")  # a machine of a tenth
    (arena,) = build_report([ours, theirs], replicates=20).arenas
    (kldpo,) = [row for row in arena.rows if row.method == "kldpo"]
    assert kldpo.metrics["step_ratio_to_dpo"].value == pytest.approx(1.0, abs=0.11)
    cells[cells["method"] != "dpo"].to_parquet(theirs / "cells.parquet")
    (arena,) = build_report([ours, theirs], replicates=20).arenas
    (kldpo,) = [row for row in arena.rows if row.method == "kldpo"]
    assert kldpo.metrics["step_ratio_to_dpo"].value is None


def test_seeds_of_two_machines_are_one_row(tmp_path: Path) -> None:
    early = write_run(tmp_path / "early", methods=METHODS[:6], **SMALL)
    late = write_run(tmp_path / "late", methods=METHODS[:6], **{**SMALL, "seeds": 4})
    for name in ("cells", "results"):
        table = pd.read_parquet(late / f"{name}.parquet")
        table[table["seed"] >= 2].to_parquet(late / f"{name}.parquet")
    (merged,), (whole,) = (
        build_report(runs, replicates=20).arenas
        for runs in ([early, late], [write_run(tmp_path / "whole", methods=METHODS[:6], **{**SMALL, "seeds": 4})])
    )
    for row, other in zip(merged.rows, whole.rows, strict=True):
        assert (row.seeds_done, row.runs) == (4, (1, 2)) and row.metrics["nominal"] == other.metrics["nominal"]


def test_training_pairs_are_those_of_the_first_run_and_count_once(pair: tuple[Path, Path]) -> None:
    (alone,), (merged,) = load_runs([pair[0]]), load_runs(list(pair))
    assert alone.pair_rewards is not None and merged.pair_rewards is not None
    pd.testing.assert_frame_equal(alone.pair_rewards, merged.pair_rewards)


def test_a_cell_that_failed_here_and_is_done_elsewhere_under_another_name_is_done(tmp_path: Path) -> None:
    failed = [Trained("reference", t=0.0), Trained("sft", failed_seeds=(1,))]
    ours = write_run(tmp_path / "ours", methods=failed, **SMALL)
    theirs = write_run(tmp_path / "theirs", methods=[Trained("reference", t=0.0), Trained("sft")], **SMALL)
    change_cells(theirs, "sft", lambda t: t[t["seed"] == 1] if "seed" in t else t, "cells", "results")
    change_cells(theirs, "sft", lambda t: t.assign(cell_id="x" + t["cell_id"]), "cells", "samples", "results")
    (runs,) = load_runs([ours, theirs])
    sft = runs.cells[runs.cells["method"] == "sft"]
    assert sft["status"].tolist() == ["done", "done"] and sft["seed"].tolist() == [0, 1]
    assert set(runs.samples["cell_id"]) >= set(sft["cell_id"])
