"""The Ray executor on a real cluster: order, failures, nodes that die, artefacts that travel."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.core.errors import UserError
from benchmark.core.store import Store
from benchmark.pipeline.execute.base import unlimited
from benchmark.pipeline.execute.needs import Needs, fitting, said
from benchmark.pipeline.execute.worker import WorkerSetup
from tests.core.test_local_executor import PLUGIN, Silent, node

pytest.importorskip("ray")

SLOW = """
import time

@stage("wait_in_test", version=1)
def wait(task: Task, seconds: float) -> None:
    (task.folder.parent.parent / "started").touch()
    time.sleep(seconds)
    (task.folder / "text").write_text("waited")
"""


@pytest.fixture(scope="module")
def cluster():
    """A head without room for stages, and two nodes with room for one each."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # other tests run beside these
        patient = {"health_check_timeout_ms": 60_000}  # a busy machine's node is slow, not dead
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": patient})
        cluster.others = [cluster.add_node(num_cpus=1) for _ in range(2)]
        yield cluster
        cluster.shutdown()


@pytest.fixture
def execute(tmp_path: Path, cluster):
    """Runs stages on the cluster; `shared` and `needs` as the executor takes them."""
    from benchmark.pipeline.execute.on_ray import RayExecutor

    plugin = tmp_path / "kinds.py"
    plugin.write_text(PLUGIN + SLOW)
    setup = WorkerSetup(tmp_path / "store", (plugin,), threads=1, environment={}, log=tmp_path / "log.txt")

    def run(stages, watcher, shared=None, needs=None, plugins=(plugin,), limit=unlimited):
        chosen = replace(setup, plugins=plugins)
        return RayExecutor(chosen, None, needs or Needs(), cluster.address, shared).execute(stages, watcher, limit)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("shared", [None, False], ids=["one store", "artefacts travel"])
def test_inputs_first_and_failures_stay_where_they_are(execute, tmp_path, shared):
    a, b = node("write_in_test", text="a"), node("write_in_test", text="b")
    both = node("write_in_test", {"a": a, "b": b}, text="c")
    failing = node("fail_in_test")
    behind = node("write_in_test", {"broken": failing}, text="never")
    watcher = Silent()
    outcome = execute([a, b, both, failing, behind], watcher, shared)
    store = Store(tmp_path / "store")
    assert (both.folder(store) / "text").read_text() == "abc"
    assert outcome.finished == {a.key, b.key, both.key}
    assert "ValueError: on purpose (kinds.py:" in outcome.failed[failing.key]
    assert outcome.failed[behind.key].startswith("in stage fail_in_test: ValueError: on purpose")
    assert [kind for kind, error in watcher.ends if error] == ["fail_in_test"]
    assert "ValueError: on purpose" in "".join(log.read_text() for log in tmp_path.glob("log-*.txt"))
    assert not failing.done(store)


@pytest.mark.slow
def test_a_stage_whose_worker_always_dies_fails_alone(execute):
    dying, well = node("die_in_test"), node("write_in_test", text="a")
    outcome = execute([dying, well], Silent())
    assert outcome.finished == {well.key}
    assert "worker or node died" in outcome.failed[dying.key]


@pytest.mark.slow
def test_what_a_dead_node_was_doing_is_done_by_another(execute, tmp_path, cluster):
    stages = [node("wait_in_test", seconds=4.0), node("wait_in_test", seconds=4.001)]

    def kill():
        while not (tmp_path / "store" / "started").exists():
            time.sleep(0.05)
        cluster.remove_node(cluster.others.pop(), allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    outcome = execute(stages, Silent())
    killer.join()
    cluster.others.append(cluster.add_node(num_cpus=1))
    store = Store(tmp_path / "store")
    assert not outcome.failed and all(stage.done(store) for stage in stages)


@pytest.mark.slow
def test_a_stage_that_hangs_is_ended_and_the_others_run(execute):
    hanging, well = node("wait_in_test", seconds=3600.0), node("write_in_test", text="a")
    outcome = execute([hanging, well], Silent(), limit=lambda stage: 2.0 if stage.key == hanging.key else 600.0)
    assert outcome.finished == {well.key}
    assert "ended after 2 s" in outcome.failed[hanging.key]


@pytest.mark.slow
def test_what_no_node_can_give_is_said_at_once(execute, tmp_path):
    stages = [node("write_in_test", text="a")]
    with pytest.raises(UserError, match=r"a stage needs 2 CPU.*the most on one node: 1 CPU"):
        execute(stages, Silent(), needs=Needs(cpus=2))
    with pytest.raises(UserError, match=r"needs 1 CPU, 0\.5 GPU"):
        execute(stages, Silent(), needs=Needs(gpus=0.5))
    with pytest.raises(UserError, match="does not see the plug-in"):
        execute(stages, Silent(), plugins=(tmp_path / "elsewhere.py",))


def test_how_many_stages_a_node_has_room_for():
    node = {"CPU": 8.0, "GPU": 1.0, "memory": 32e9}
    assert fitting({"CPU": 1.0}, node) == 8
    assert fitting({"CPU": 1.0, "GPU": 0.25}, node) == 4
    assert fitting({"CPU": 1.0, "GPU": 0.25, "memory": 16e9}, node) == 2
    assert fitting({"CPU": 1.0, "GPU": 2.0}, node) == 0


def test_one_card_each_where_there_are_any():
    assert Needs().resources(cluster_has_gpus=True) == {"CPU": 1.0, "GPU": 1.0}
    assert Needs().resources(cluster_has_gpus=False) == {"CPU": 1.0}
    assert said(Needs(gpus=0.5, memory_gb=4).resources(False)) == "1 CPU, 0.5 GPU, 4 GB of memory"
