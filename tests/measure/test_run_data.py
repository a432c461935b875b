"""Reading run folders: what is refused, and what may be merged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.core.errors import UserError
from benchmark.measure.runs.arenas import arenas_of
from benchmark.measure.runs.reading import load_runs
from tests.synthetic import METHODS, Trained, write_run

SMALL: dict[str, Any] = {"seeds": 2, "prompts": 10}


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "copy"))


def change_environment(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    environment = json.loads((folder / "environment.json").read_text())
    change(environment)
    (folder / "environment.json").write_text(json.dumps(environment))


def change_table(folder: Path, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = folder / f"{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path)


@pytest.mark.parametrize("name", ["environment.json", "cells.parquet", "samples.parquet", "results.parquet"])
def test_a_folder_without_a_file_is_no_finished_run(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(UserError, match=f"not a finished run: {name} is missing"):
        load_runs([copy])


def test_no_folder_at_all_is_refused() -> None:
    with pytest.raises(UserError, match="no run folder"):
        load_runs([])


def test_a_missing_column_is_named(copy: Path) -> None:
    change_table(copy, "samples", lambda table: table.drop(columns=["kl", "gold_joy"]))
    with pytest.raises(UserError, match="lacks the columns kl, gold_joy"):
        load_runs([copy])


def test_a_missing_key_of_the_environment_is_named(copy: Path) -> None:
    change_environment(copy, lambda environment: environment.pop("reward_ranges"))
    with pytest.raises(UserError, match="lacks reward_ranges"):
        load_runs([copy])


@pytest.mark.parametrize(("name", "words"), [("environment.json", "is not JSON"), ("cells.parquet", "as Parquet")])
def test_a_broken_file_is_named(copy: Path, name: str, words: str) -> None:
    (copy / name).write_text("{broken")
    with pytest.raises(UserError, match=words):
        load_runs([copy])


def test_an_unknown_status_is_named(copy: Path) -> None:
    change_table(copy, "cells", lambda table: table.assign(status="perhaps"))
    with pytest.raises(UserError, match="status 'perhaps'; allowed: done, failed, skipped"):
        load_runs([copy])


def test_a_done_cell_without_samples_is_no_finished_run(copy: Path) -> None:
    change_table(copy, "samples", lambda table: table[table["cell_id"] != table["cell_id"].iloc[0]])
    with pytest.raises(UserError, match="is done but has no samples"):
        load_runs([copy])


def test_a_cell_that_lacks_prompts_is_named(copy: Path) -> None:
    change_table(copy, "samples", lambda table: table.drop(index=table.index[table["split"] == "test"][:3]))
    with pytest.raises(UserError, match=r"reference, seed 0, step 0 lacks 3 of 120 test prompts"):
        arenas_of(load_runs([copy])[0])


def test_two_runs_of_a_suite_are_one_and_what_both_hold_counts_once(tmp_path: Path) -> None:
    whole = write_run(tmp_path / "whole", **SMALL)
    dpo = write_run(tmp_path / "dpo", methods=METHODS[:5], **SMALL)
    rest = write_run(tmp_path / "rest", methods=METHODS[4:], **SMALL)
    (one,), (merged,) = load_runs([whole]), load_runs([dpo, rest])
    assert len(merged.cells) == len(one.cells) and len(merged.samples) == len(one.samples)
    assert len(merged.environments) == 2


def test_a_cell_that_failed_in_one_run_and_is_done_in_another_is_done(tmp_path: Path) -> None:
    failed = [Trained("reference", t=0.0), Trained("sft", failed_seeds=(1,))]
    done = [Trained("reference", t=0.0), Trained("sft")]
    folders = [write_run(tmp_path / str(i), methods=methods, **SMALL) for i, methods in enumerate([failed, done])]
    (merged,) = load_runs(folders)
    assert merged.cells["status"].tolist() == ["done"] * 4


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("objectives", ["joy"], "differ in objectives"),
        ("reward_ranges", {"joy": [0, 9], "sadness": [0, 1]}, "differ in reward ranges"),
    ],
)
def test_runs_of_other_scales_are_not_merged(run: Path, copy: Path, key: str, value: Any, words: str) -> None:
    change_environment(copy, lambda environment: environment.update({key: value}))
    with pytest.raises(UserError, match=words):
        load_runs([run, copy])


def test_runs_of_other_evaluation_shifts_are_not_merged(run: Path, copy: Path) -> None:
    change_environment(copy, lambda environment: next(iter(environment["eval_shifts"].values())).pop())
    with pytest.raises(UserError, match="differ in evaluation shifts of alpha_mixture"):
        load_runs([run, copy])


def test_runs_of_other_sizes_are_not_merged(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", methods=METHODS[:3], seeds=1, prompts=10)
    two = write_run(tmp_path / "two", methods=METHODS[3:], seeds=1, prompts=12)
    (merged,) = load_runs([one, two])
    with pytest.raises(UserError, match="runs of different sizes cannot be merged"):
        arenas_of(merged)
