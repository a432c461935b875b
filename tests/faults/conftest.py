"""A master process that runs stages which do harm, so that it can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.harm import KINDS, ROOT

MASTER = """
import sys, json
from pathlib import Path
from benchmark.core.graph import Stage
from tests.faults.harm import executor, stages_of, Told

folder, name = Path(sys.argv[1]), sys.argv[2]
if __name__ == "__main__":
    outcome = executor(folder, 2).execute(stages_of(folder, name), Told())
    print(json.dumps([len(outcome.finished), sorted(outcome.failed.values()), outcome.interrupted]), flush=True)
"""

Master = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    """Starts a process that runs the stages of a name; none is left behind."""
    (tmp_path / "master.py").write_text(MASTER)
    (tmp_path / "kinds.py").write_text(KINDS)
    made: list[subprocess.Popen[str]] = []

    def start(name: str) -> subprocess.Popen[str]:
        made.append(
            subprocess.Popen(
                [sys.executable, str(tmp_path / "master.py"), str(tmp_path), name],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()
