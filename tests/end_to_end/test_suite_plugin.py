"""A suite in one file, from the file to its page, run as the guide says."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from .conftest import ROOT

pytestmark = pytest.mark.slow
EXAMPLE = str(ROOT / "examples" / "word_choice.py")
COMMAND = ["--plugin", EXAMPLE, "--suite", "word_choice", "--preset", "smoke", "--out", "words"]


@pytest.fixture(scope="module")
def finished(prefshift):
    prefshift(*COMMAND)
    return prefshift.home / "words"


def reward(finished, method, objective):
    table = pd.read_parquet(finished / "results.parquet")
    return table[(table["method"] == method) & (table["metric"] == f"reward_{objective}")]["value"].to_numpy()


def test_the_page_is_there_and_training_moves_towards_those_who_label(finished):
    assert "word_choice" in (finished / "site" / "index.html").read_text()
    assert set(pd.read_parquet(finished / "cells.parquet")["status"]) == {"done"}
    plain, grand = (
        reward(finished, "dpo", readers) - reward(finished, "reference", readers) for readers in ("plain", "grand")
    )
    assert (plain > 0).all() and (grand < 0).all()  # nine tenths of those who label like plain words


def test_the_record_names_file_and_code(finished):
    environment = json.loads((finished / "environment.json").read_text())
    assert environment["plugins"] == [EXAMPLE]
    assert "benchmark.suites.word_choice" in environment["code"]["plugins"]


def test_the_same_command_runs_nothing_again_and_a_report_needs_no_code(prefshift, finished):
    made = {path: path.stat().st_mtime_ns for path in (prefshift.home / ".cache").rglob("artefact.json")}
    prefshift(*COMMAND)
    assert {path: path.stat().st_mtime_ns for path in (prefshift.home / ".cache").rglob("artefact.json")} == made
    prefshift("report", "words", "--out", "site")
    assert "unknown suite 'word_choice'" in prefshift(*COMMAND[2:], status=2).stderr
