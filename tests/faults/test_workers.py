"""What is done to workers, to stages and to the process that runs them; every process here is a real one."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmark.core.errors import WIDTH
from benchmark.core.graph import Stage
from benchmark.core.room import NoRoom
from benchmark.core.store import Store
from benchmark.pipeline.execute.base import INTERRUPTED
from benchmark.pipeline.execute.log import MOST_BYTES
from benchmark.pipeline.execute.queue import Queue
from tests.faults.conftest import Master
from tests.faults.harm import KINDS, ROOT, Told, executor, node, notes, runs, until

pytestmark = pytest.mark.slow


class KillsIdle(Told):
    """Kills the worker that has just become idle, and says which it was."""

    killed = 0

    def ended(self, stage: Stage, worker: int, error: str | None) -> None:
        super().ended(stage, worker, error)
        if not self.killed:
            assert self.folder is not None
            self.killed = int(notes(self.folder)[-1].split()[0])
            os.kill(self.killed, signal.SIGKILL)
            until(lambda: not runs(self.killed), "the worker is dead")

    folder: Path | None = None


def test_an_idle_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    first = node("write", tmp_path, text="first")
    second = node("write", tmp_path, {"first": first}, text="second")
    watcher = KillsIdle()
    watcher.folder = tmp_path
    outcome = executor(tmp_path, 1).execute([first, second], watcher)
    assert outcome.finished == {first.key, second.key} and not outcome.failed
    assert [line.split()[1] for line in notes(tmp_path)] == ["first", "second"]
    assert int(notes(tmp_path)[1].split()[0]) != watcher.killed


def test_a_stage_that_hangs_is_ended_with_what_it_started_and_the_rest_completes(tmp_path: Path) -> None:
    hanging, behind = node("hang", tmp_path), []
    behind.append(node("write", tmp_path, {"hanging": hanging}, text="never"))
    others = [node("write", tmp_path, text=str(number)) for number in range(3)]
    limits = {hanging.key: 20.0}  # a worker prepares its first stage for seconds
    outcome = executor(tmp_path, 1).execute(
        [hanging, *behind, *others], Told(), lambda stage: limits.get(stage.key, 600.0)
    )
    assert outcome.failed[hanging.key] == "ended after 20 s, the most that it may take (execution.stage_limit)"
    assert outcome.failed[behind[0].key].startswith("in stage hang_in_faults: ended after 20 s")
    assert outcome.finished == {stage.key for stage in others}
    worker, child = (int(line) for line in notes(tmp_path)[:2])
    until(lambda: not runs(worker) and not runs(child), "the stage's processes are gone")


@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_master_while_a_stage_hangs(master: Master, tmp_path: Path, deadly: int) -> None:
    """The master has no handler for either signal here: it has no chance to end anything."""
    process = master("one that hangs")
    until(lambda: len(notes(tmp_path)) == 3, "a stage hangs and the other worker is idle")
    workers = {int(line.split()[0]) for line in notes(tmp_path)}
    process.send_signal(deadly)
    assert process.wait() == -deadly
    alive = {int(line) for line in notes(tmp_path) if len(line.split()) == 1}
    worker = min(alive)  # the other one is its child, which it forked
    until(lambda: not any(runs(pid) for pid in workers - alive | {worker}), "no worker is left")
    for pid in alive:
        if runs(pid):  # a stage's own child is its own affair; the test leaves none behind
            os.kill(pid, signal.SIGKILL)


def test_ctrl_c_ends_all_stages_and_tells_what_was_finished(master: Master, tmp_path: Path) -> None:
    process = master("one that hangs")
    until(lambda: len(notes(tmp_path)) == 3, "a stage hangs")
    until(lambda: any((tmp_path / "store").glob("write_in_faults/*/artefact.json")), "the other is finished")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == [1, [INTERRUPTED], True]
    pids = [int(line.split()[0]) for line in notes(tmp_path)]
    until(lambda: not any(runs(pid) for pid in pids), "no process is left")


def test_two_runs_on_one_store_make_a_stage_once(master: Master, tmp_path: Path) -> None:
    first = master("a slow one")
    until(lambda: len(notes(tmp_path)) == 1, "the first run is at it")
    second = master("a slow one")
    for process in (first, second):
        assert process.stdout is not None and json.loads(process.stdout.readline()) == [1, [], False]
    assert len(notes(tmp_path)) == 1


def test_a_stage_whose_maker_was_killed_is_taken_over(master: Master, tmp_path: Path) -> None:
    first = master("a slow one")
    until(lambda: len(notes(tmp_path)) == 1, "the first run is at it")
    second = master("a slow one")
    first.kill()
    assert second.stdout is not None and json.loads(second.stdout.readline()) == [1, [], False]
    assert len(notes(tmp_path)) == 2 and not list((tmp_path / "store" / ".locks").glob("[!.]*"))


def test_what_a_stage_prints_and_what_it_raises_are_bounded(tmp_path: Path) -> None:
    shouting = node("shout", tmp_path, megabytes=12)
    outcome = executor(tmp_path, 1).execute([shouting], Told())
    reason = outcome.failed[shouting.key]
    assert len(reason) < WIDTH + 100 and reason.startswith("ValueError: [/red] [31my") and "the end" in reason
    assert chr(27) not in reason
    logs = sorted((tmp_path / "logs").iterdir())
    assert [log.name for log in logs] == ["worker-0.1.log", "worker-0.log"]
    assert sum(log.stat().st_size for log in logs) <= 2 * MOST_BYTES
    assert "the end" in logs[1].read_text(), "the traceback came last, and is there"


def test_hostile_reasons_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmark.pipeline.display import Display, console

    stage = Stage("pairs", 1, {"seed": 3}, label="[bold]dpo")
    with console.capture() as shown, Display([stage]) as display:
        display.started(stage, 0)
        display.ended(stage, 0, "ValueError: [/red] [link=x]")
    assert "pairs [bold]dpo seed 3: ValueError: [/red] [link=x]" in shown.get().replace("\n", " ")


# A full disk ------------------------------------------------------------------------------------------------------


def test_a_full_store_ends_the_run_with_one_message(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands in for a full disk: no file may grow beyond 1 MB, and the weights are 4."""
    filling, after = node("fill", tmp_path), [node("write", tmp_path, text=str(number)) for number in range(2)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))
    try:
        with pytest.raises(NoRoom, match=r"no room while writing to .*store.*What was there stays"):
            executor(tmp_path, 1).execute([filling, *after], Told())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    store = Store(tmp_path / "store")
    assert not filling.done(store) and not list((tmp_path / "store" / ".partial").iterdir())


TINY = """
import sys
from pathlib import Path
from benchmark.core.room import NoRoom
from benchmark.core.store import Store
store = Store(Path(sys.argv[1]))
with store.writing("kind", "small", {}) as folder:
    (folder / "text").write_text("small")
try:
    with store.writing("kind", "large", {}) as folder:
        # a library's own error, as torch raises it: no number of the system's, no words of it
        try:
            (folder / "weights").write_bytes(b"x" * 2**20)
        except OSError:
            raise RuntimeError("PytorchStreamWriter failed writing file data.pkl") from None
except NoRoom as error:
    print(error)
print(store.has("kind", "small"), store.has("kind", "large"), store.fault("kind", "small"))
"""


def test_a_really_full_disk_is_known_whatever_a_library_makes_of_it(tmp_path: Path) -> None:
    """On a file system of 256 kB, in name spaces of its own, where the machine lets anybody make those."""
    apart = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=256k none {tmp_path}"
    if shutil.which("unshare") is None or subprocess.run([*apart, mount], capture_output=True).returncode:
        pytest.skip("no name spaces here; the test above stands in")
    command = [*apart, f'{mount} && exec "$@"', "sh", sys.executable, "-c", TINY, str(tmp_path / "store")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    message, left = done.stdout.splitlines()
    assert message.startswith("no room while writing to") and "PytorchStreamWriter failed" in message
    assert left == "True False None"


def test_a_stage_whose_workers_never_come_to_it_fails_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "kinds.py").write_text(KINDS + "\nif os.getpid() != int(os.environ['MASTER']):\n    os._exit(7)\n")
    os.environ["MASTER"] = str(os.getpid())
    stage, watcher = node("write", tmp_path), Told()
    outcome = executor(tmp_path, 1).execute([stage], watcher)
    assert outcome.failed == {stage.key: "its worker process ended with status 7"}
    assert Counter(event for event, _, _ in watcher.events) == {"started": 3, "waits": 2, "ended": 1}


def test_what_is_put_back_comes_again_and_an_interruption_tells_what_is_open() -> None:
    one, two = Stage("x", 1, {"n": 1}), Stage("x", 1, {"n": 2})
    queue = Queue([one, two])
    assert queue.pause() is None and queue.take() is one
    queue.put_back(one, 3600.0)
    pause = queue.pause()
    assert pause is not None and 3590 < pause <= 3600
    assert queue.take() is two and queue.take() is None
    queue.put_back(two)
    assert queue.pause() == 0.0 and queue.take() is two
    queue.finish(two, None)
    assert not queue.empty()
    outcome = queue.interrupt()
    assert outcome.interrupted and outcome.finished == {two.key} and outcome.failed == {one.key: INTERRUPTED}
