"""The executor with real worker processes: order, failures, and workers that die."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmark.core.graph import Stage
from benchmark.core.store import Store
from benchmark.pipeline.execute.local import LocalExecutor
from benchmark.pipeline.execute.queue import Queue
from benchmark.pipeline.execute.worker import WorkerSetup

PLUGIN = """
import os, signal
from pathlib import Path
from benchmark.core.graph import Task, stage

@stage("write_in_test", version=1)
def write(task: Task, text: str) -> None:
    before = "".join((task.inputs[name] / "text").read_text() for name in sorted(task.inputs))
    task.progress(1, 1)
    (task.folder / "text").write_text(before + text)

@stage("fail_in_test", version=1)
def fail(task: Task) -> None:
    raise ValueError("on purpose")

@stage("die_in_test", version=1)
def die(task: Task) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Silent:
    def __init__(self) -> None:
        self.ends: list[tuple[str, str | None]] = []

    def started(self, stage, worker): ...

    def advanced(self, stage, worker, done, total): ...

    def waits(self, stage, worker, owner): ...

    def ended(self, stage, worker, error):
        self.ends.append((stage.kind, error))


def node(kind: str, inputs: dict[str, Stage] | None = None, **arguments: str) -> Stage:
    return Stage(kind, 1, {"arguments": arguments}, inputs or {}, arguments)


@pytest.fixture
def execute(tmp_path: Path):
    plugin = tmp_path / "kinds.py"
    plugin.write_text(PLUGIN)
    setup = WorkerSetup(tmp_path / "store", (plugin,), threads=1, environment={}, log=tmp_path / "log.txt")
    return lambda stages, watcher: LocalExecutor(setup, 2).execute(stages, watcher)


@pytest.mark.slow
def test_inputs_first_and_failures_stay_where_they_are(execute, tmp_path):
    a, b = node("write_in_test", text="a"), node("write_in_test", text="b")
    both = node("write_in_test", {"a": a, "b": b}, text="c")
    failing = node("fail_in_test")
    behind = node("write_in_test", {"broken": failing}, text="never")
    far_behind = node("write_in_test", {"behind": behind}, text="never")
    dying = node("die_in_test")
    watcher = Silent()
    outcome = execute([dying, a, b, both, failing, behind, far_behind], watcher)
    store = Store(tmp_path / "store")
    assert (both.folder(store) / "text").read_text() == "abc"
    assert outcome.finished == {a.key, b.key, both.key}
    assert "ValueError: on purpose (kinds.py:" in outcome.failed[failing.key]
    assert outcome.failed[far_behind.key].startswith("in stage fail_in_test: ValueError: on purpose")
    assert "killed by signal 9" in outcome.failed[dying.key]
    assert sorted(kind for kind, error in watcher.ends if error) == ["die_in_test", "fail_in_test"]
    assert not dying.done(store) and not failing.done(store)


def test_the_longest_chain_goes_first():
    short = Stage("x", 1, {"n": 0})
    first = Stage("x", 1, {"n": 1})
    second = Stage("x", 1, {"n": 2}, {"first": first})
    queue = Queue([short, first, second])
    assert queue.take() is first and queue.take() is short and queue.take() is None
    queue.finish(first, None)
    assert queue.take() is second
    queue.finish(short, None)
    queue.finish(second, "broken")
    assert queue.empty() and queue.outcome.failed == {second.key: "broken"}


def test_no_torch_is_imported_by_the_master():
    import subprocess

    modules = "benchmark.cli, benchmark.pipeline.execute.local, benchmark.core.graph"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
