"""What is done to whole runs: killed while writing, given a full disk, a method that hangs, a damaged store."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli import FAILED, INTERRUPTED, MISTAKE, main
from benchmark.core.checksums import manifest
from benchmark.core.store import DAMAGED, META, Store
from tests.faults.harm import HOLDS, ROOT, flip, until

pytestmark = pytest.mark.slow

SMALL = ["--suite", "toy_3d", "--preset", "smoke", "--set", "suite.epochs=20", "--set", "suite.points=2",
         "--seeds", "1", "--workers", "1"]  # fmt: skip
BESIDE = "reward_model"  # a comparison that the suite runs beside every method
FILES = ("cells.parquet", "results.parquet", "leaderboard.csv", "environment.json", "site/index.html")
HANGS = '''
import time
from dataclasses import dataclass
from methods.dpo import DPO

@dataclass(frozen=True)
class Hangs(DPO):
    """Never ends."""

    name = "hangs_in_faults"

    def pair_losses(self, batch):
        """Nothing, ever."""
        time.sleep(600)
'''
KILLED = """
import os, signal, sys
from pathlib import Path
from benchmark.cli import main
replace, left = Path.replace, [int(sys.argv[1])]

def replace_and_die(self, target):
    replace(self, target)
    left[0] -= ".new" in self.parts
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    Path.replace = replace_and_die
    main(sys.argv[2:])
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store and a run of DPO in it."""
    home = tmp_path_factory.mktemp("home")
    assert call(home, "--methods", "dpo") == 0
    return home


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    """A copy to do harm to."""
    return Path(shutil.copytree(finished, tmp_path / "home"))


def arguments(home: Path, *given: str) -> list[str]:
    return [*SMALL, "--store", str(home / "store"), "--out", str(home / "run"), *given]


def call(home: Path, *given: str) -> int:
    return main(arguments(home, *given))


def written(home: Path) -> dict[str, list]:
    """Length and checksum of every file of the run."""
    return {name: told for name, told in manifest(home / "run").items() if name in FILES}


def methods(home: Path) -> set[str]:
    return set(pd.read_parquet(home / "run" / "results.parquet")["method"]) - {BESIDE}


def result(home: Path) -> Path:
    """The artefact of DPO."""
    labels = {
        Store(home / "store").meta("study", file.name)["label"]: file for file in (home / "store/study").iterdir()
    }
    return labels["dpo"]


@pytest.mark.parametrize("replaced", [1, 2, 4])
def test_a_run_that_is_killed_while_it_replaces_its_files_leaves_no_mixture(home: Path, replaced: int, capsys) -> None:
    numbers = pd.read_parquet(home / "run" / "results.parquet")
    (home / "killed.py").write_text(KILLED)
    more = arguments(home, "--methods", "dpo,cdpo")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(home / "killed.py"), str(replaced), *more], env=environment, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert methods(home) == ({"dpo"} if replaced == 1 else {"dpo", "cdpo"})
    assert main(["report", str(home / "run"), "--out", str(home / "page")]) == MISTAKE
    assert "is not as its run wrote it" in capsys.readouterr().err
    assert call(home, "--methods", "dpo") == 0
    pd.testing.assert_frame_equal(pd.read_parquet(home / "run" / "results.parquet"), numbers)
    assert main(["report", str(home / "run"), "--out", str(home / "page")]) == 0


def test_the_second_of_two_runs_on_one_folder_refuses_in_one_line(home: Path, capsys) -> None:
    before, lock = written(home), home / "run" / ".running" / "lock"
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(lock)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None and process.stdout.readline() == "mine\n"
        assert call(home, "--methods", "dpo,cdpo") == MISTAKE
        (line,) = capsys.readouterr().err.splitlines()
        assert f"is being written by process {process.pid} on" in line and "choose another --out" in line
    finally:
        process.kill()
        process.wait()
    assert written(home) == before
    assert call(home, "--methods", "dpo") == 0, "the lock of a dead run holds nobody up"


def test_a_full_disk_is_one_message_and_what_was_there_stays(home: Path) -> None:
    """RLIMIT_FSIZE stands in for it: no file may grow beyond 100 kB, and the page is larger."""
    before = written(home)
    assert before["site/index.html"][0] > 200_000
    done = subprocess.run(
        [sys.executable, str(ROOT / "run_all.py"), *arguments(home, "--methods", "dpo,cdpo")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == FAILED and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: no room while writing to")
    assert written(home) == before
    assert main(["report", str(home / "run"), "--out", str(home / "page")]) == 0
    assert call(home, "--methods", "dpo,cdpo") == 0 and methods(home) == {"dpo", "cdpo"}


def test_a_method_that_hangs_is_ended_and_the_page_is_written(home: Path, tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text(HANGS)
    given = ["--methods", "dpo,cdpo,hangs_in_faults", "--plugin", str(tmp_path / "hangs.py")]
    assert call(home, *given, "--set", "execution.stage_limit=30") == FAILED
    cells = pd.read_parquet(home / "run" / "cells.parquet").groupby("method")
    assert {method: set(part["status"]) for method, part in cells} == {
        "dpo": {"done"},
        "cdpo": {"done"},
        "hangs_in_faults": {"failed"},
        BESIDE: {"done"},
    }
    reason = cells.get_group("hangs_in_faults")["reason"].iloc[0]
    assert reason == "ended after 30 s, the most that it may take (execution.stage_limit)"
    assert reason in (home / "run" / "site" / "index.html").read_text()


@pytest.mark.parametrize("gentle", [signal.SIGTERM, signal.SIGINT])
def test_an_end_that_is_asked_for_writes_what_is_there(home: Path, tmp_path: Path, gentle: int) -> None:
    (tmp_path / "hangs.py").write_text(HANGS)
    given = ["--methods", "dpo,hangs_in_faults", "--plugin", str(tmp_path / "hangs.py")]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run_all.py"), *arguments(home, *given)],
        cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs are deaf to it
    )
    until(lambda: [*(home / "store" / ".scratch").glob("*")], "the stage that hangs has begun")
    process.send_signal(gentle)
    assert process.wait() == INTERRUPTED
    cells = pd.read_parquet(home / "run" / "cells.parquet").groupby("method")
    assert set(cells.get_group("dpo")["status"]) == {"done"}
    assert set(cells.get_group("hangs_in_faults")["reason"]) == {
        "interrupted before it was finished; the same command continues"
    }
    assert "interrupted before it was finished" in (home / "run" / "site" / "index.html").read_text()


def test_a_bit_that_flipped_in_the_store_changes_no_number(home: Path, capsys) -> None:
    numbers = pd.read_parquet(home / "run" / "results.parquet")
    flip(result(home) / "records.parquet", 300)
    assert call(home, "--methods", "dpo") == 0
    printed = " ".join(capsys.readouterr().err.split())
    assert "the checksum of records.parquet is wrong; it is set aside in" in printed
    pd.testing.assert_frame_equal(pd.read_parquet(home / "run" / "results.parquet"), numbers)
    assert len(list((home / "store" / DAMAGED / "study").iterdir())) == 1


@pytest.mark.parametrize("missing", ["records.parquet", META])
def test_plan_and_run_take_what_lacks_a_part_as_not_there(home: Path, missing: str, capsys) -> None:
    (result(home) / missing).write_text("") if missing == META else (result(home) / missing).unlink()
    assert main(["plan", *arguments(home, "--methods", "dpo")]) == 0
    assert "4 done, 4 to do" in capsys.readouterr().out
    assert call(home, "--methods", "dpo") == 0
    assert "set aside" in capsys.readouterr().err
    assert main(["plan", *arguments(home, "--methods", "dpo")]) == 0
    assert "8 done, 0 to do" in capsys.readouterr().out


def test_a_folder_that_is_sent_without_its_page_is_taken_and_one_without_a_table_is_not(home: Path, capsys) -> None:
    shutil.rmtree(home / "run" / "site")
    (home / "run" / "leaderboard.csv").unlink()
    assert main(["report", str(home / "run"), "--out", str(home / "page")]) == 0
    (home / "run" / "results.parquet").unlink()
    assert main(["report", str(home / "run"), "--out", str(home / "page")]) == MISTAKE
    assert "results.parquet is missing" in capsys.readouterr().err


def test_a_second_run_on_a_sound_store_writes_no_table_anew(home: Path) -> None:
    before = {name: (home / "run" / name).stat().st_mtime_ns for name in FILES if name != "environment.json"}
    assert call(home, "--methods", "dpo") == 0
    assert {name: (home / "run" / name).stat().st_mtime_ns for name in before} == before
    assert not (home / "run" / ".new").exists() and not (home / "run" / ".running" / "lock").exists()
