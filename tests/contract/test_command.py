"""`run_all.py check`: exit status, and what a person reads."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from benchmark.cli import main

from .conftest import ROOT


@pytest.mark.slow
def test_a_call_is_checked_in_a_process_of_its_own():
    """With all its launches, as a person runs it; from another folder."""
    command = [sys.executable, str(ROOT / "run_all.py"), "check", "kldpo_ball(rho=0.1)"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT.parent)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"pass +workers", ended.stdout) and re.search(r"pass +resume", ended.stdout)
    assert "train_runtime" not in ended.stdout


def test_a_shift_and_a_call_of_one_can_be_checked(capsys):
    assert main(["check", "reward_blend"]) == 0
    assert main(["check", "alpha_mixture(a=joy,b=fear,alpha=0.3,kind=geometric)"]) == 0
    assert re.search(r"pass +monotone", capsys.readouterr().out)


def test_a_method_that_is_no_formula_says_what_does_not_apply(capsys):
    assert main(["check", "reference"]) == 0
    assert re.search(r"skipped +formula +the method is no formula over pairs", capsys.readouterr().out)


MISTAKES = [
    (["check"], "NAME"),
    (["check", "dpo", "--all"], "NAME"),
    (["check", "kldp"], "Did you mean 'kldpo'"),
    (["check", "kldpo(tau=0)"], "tau must be a finite number > 0"),
    (["check", "alpha_mixtur"], "Did you mean 'alpha_mixture'"),
    (["check", "nowhere.py"], "does not exist"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_a_mistake_is_one_message_and_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err and "Traceback" not in printed.err


def test_a_file_that_defines_nothing_is_a_mistake(tmp_path, capsys):
    (tmp_path / "empty.py").write_text("x = 1\n")
    assert main(["check", str(tmp_path / "empty.py")]) == 2
    assert "defines no method, no shift and no suite" in capsys.readouterr().err
