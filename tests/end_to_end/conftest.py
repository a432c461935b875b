"""One finished run of the real program on the smallest `grammar` that trains, shared by the tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    "--preset", "smoke",
    "--set", "suite.policy_sentences=2560", "--set", "suite.reward_sentences=1000",
    "--set", "suite.train_prompts=128", "--set", "suite.validation_prompts=24", "--set", "suite.test_prompts=24",
    "--set", "training.epochs=1", "--offline",
]  # fmt: skip
ON_TASKS = ["--set", "eval.lm_eval.tasks=[emotion_board]", "--set", "eval.lm_eval.limit=20"]
METHODS = "reference,dpo(beta=0.1),dpo(beta=1),oracle"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def prefshift(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Calls the program as a user does, in a folder of its own; its store lives there."""
    home = tmp_path_factory.mktemp("home")

    def call(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "run_all.py"), *arguments]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    call.home = home  # type: ignore[attr-defined]
    return call


@pytest.fixture(scope="session")
def finished(prefshift: Run) -> Path:
    """The folder of a run of four methods with two seeds."""
    prefshift(*SMALL, "--methods", METHODS, "--seeds", "2", "--out", "run")
    return prefshift.home / "run"  # type: ignore[attr-defined]
