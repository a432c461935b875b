"""The parent's side of the two workers, with processes that only pretend to take steps."""

from __future__ import annotations

import sys

import pytest
import torch

from benchmark.contract import workers
from benchmark.contract.workers import TwoWorkers, WorkerError

PRETENDER = """
import json, os, shutil, sys, time
from pathlib import Path

folder = Path(sys.argv[1])
if os.environ["RANK"] == "0":
    for number, call in enumerate(json.loads((folder / "order.json").read_text())["calls"]):
        if call == "bad":
            sys.exit("ValueError: a bad method")
        if call == "slow":
            time.sleep(60)
        shutil.copy(folder.parent / "answer.pt", folder / "unfinished.pt")
        (folder / "unfinished.pt").rename(folder / f"{number}.pt")
"""


@pytest.fixture
def two(tmp_path, monkeypatch):
    torch.save({"weight": torch.ones(2)}, tmp_path / "answer.pt")
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-c", PRETENDER))
    pool = TwoWorkers(tmp_path)
    yield pool
    pool.stop()


def launches(two):
    return len(list(two._folder.glob("workers-*")))


def test_one_launch_answers_all_calls_in_any_order(two):
    two.start(["a", "b", "c", "a"])
    assert two.step("c")["weight"].tolist() == [1, 1] and two.step("a") and two.step("b")
    assert launches(two) == 1


def test_a_method_that_fails_is_told_why_and_the_rest_are_answered(two):
    two.start(["a", "bad", "b"])
    assert two.step("b")["weight"].tolist() == [1, 1] and two.step("a")
    for _ in range(2):  # it is not tried again
        with pytest.raises(WorkerError, match="ValueError: a bad method"):
            two.step("bad")
    assert launches(two) == 2


def test_a_call_that_was_not_announced_is_answered_by_a_launch_of_its_own(two):
    two.start(["a"])
    assert two.step("a") and two.step("late") and launches(two) == 2


def test_workers_that_do_not_answer_are_ended(two, monkeypatch):
    monkeypatch.setattr(workers, "STEP_SECONDS", 0.5)
    two.start(["a", "slow", "b"])
    with pytest.raises(WorkerError, match="no answer in time"):
        two.step("slow")
    assert two.step("b")
