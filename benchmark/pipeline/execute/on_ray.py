"""The Ray executor: every stage is a task with declared needs, on one machine or on a cluster of many.

Stages of a run on a store that all nodes see write into it. Where a node does not see it, inputs travel to the node
through Ray's object store, and the artefact travels back; the master writes it into its store, so that what was made
is kept whatever becomes of the node. A task whose node dies is started again on another.
"""

from __future__ import annotations

import os
import pickle
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from benchmark.core.errors import UserError, shortened
from benchmark.core.graph import Stage
from benchmark.core.room import NoRoom
from benchmark.core.store import Store
from benchmark.pipeline.execute.base import LOOK_AGAIN, Executor, Limit, Outcome, Watcher, too_long, unlimited
from benchmark.pipeline.execute.log import append
from benchmark.pipeline.execute.moving import packed, unpack
from benchmark.pipeline.execute.needs import Needs, fitting, said
from benchmark.pipeline.execute.queue import Queue
from benchmark.pipeline.execute.ray_worker import Answer, Board, Job, Sight, code_digest, forget, look, run_job
from benchmark.pipeline.execute.worker import Message, WorkerSetup

ATTEMPTS = 3  # more, where a worker or its node dies
POLL_SECONDS = 0.25
HELD = 64  # packed inputs that Ray's object store holds for the master at most
PASSED_ON = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")  # variables of the master that every worker gets


class RayExecutor(Executor):
    """Runs stages as Ray tasks."""

    def __init__(
        self, setup: WorkerSetup, workers: int | None, needs: Needs, address: str | None, shared: bool | None = None
    ) -> None:
        """Args:
        setup: of every worker.
        workers: stages at once at most; None: as many as the cluster has room for.
        needs: of one stage.
        address: of a running cluster, `auto` for the one of this machine; None: one is started here, and ended.
        shared: whether all nodes see the store; None: they are asked.
        """
        self._setup = replace(setup, store=setup.store.resolve())
        self._workers = workers
        self._needs = needs
        self._address = address
        self._shared = shared
        self._run = uuid.uuid4().hex[:12]

    def execute(self, stages: Sequence[Stage], watcher: Watcher, limit: Limit = unlimited) -> Outcome:
        """Run all stages, the ones with the longest chain behind them first.

        Raises:
            UserError: no cluster at the address, no node with what a stage needs, or nodes that lack something.
        """
        with self._connected():
            moved = None if self._look_around() else self._run
            run = _Run(stages, watcher, limit, _Tasks(self._setup, self._wanted(), moved))
            try:
                return run.execute(self._slots)
            finally:
                if moved:
                    _on_every_node(forget, moved)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_worker_niceness", "0")  # of a Ray that is started here: as the local executor's
        variables = {name: value for name, value in self._setup.environment.items() if value is not None}
        variables |= {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        own = {"num_cpus": (self._workers or len(os.sched_getaffinity(0))) * self._needs.cpus}
        try:
            ray.init(
                address=self._address,
                runtime_env={"env_vars": variables},
                log_to_driver=False,
                include_dashboard=None if self._address else False,
                logging_level="ERROR",
                **({} if self._address else own),
            )
        except (ConnectionError, ValueError) as error:
            raise UserError(f"no Ray cluster at {self._address!r}: {error}") from None
        try:
            self._check_room()
            yield
        finally:
            ray.shutdown()

    def _wanted(self) -> dict[str, float]:
        return self._needs.resources(any(node["Resources"].get("GPU") for node in _nodes()))

    def _check_room(self) -> None:
        wanted, nodes = self._wanted(), [node["Resources"] for node in _nodes()]
        if not any(fitting(wanted, node) for node in nodes):
            most = {name: max(node.get(name, 0.0) for node in nodes) for name in wanted}
            raise UserError(f"a stage needs {said(wanted)}, and no node has that; the most on one node: {said(most)}.")

    def _slots(self) -> int:
        """How many stages may run at once, as the cluster is now."""
        wanted = self._wanted()
        room = sum(fitting(wanted, node["Resources"]) for node in _nodes())
        return max(1, room if self._workers is None else min(room, self._workers))

    def _look_around(self) -> bool:
        """Whether all nodes see the store; every node must have the program, the plug-ins and no forbidden variable."""
        token = f"seen-{self._run}"
        place = Store(self._setup.store).root / token
        place.touch()
        try:
            sights: list[Sight] = _on_every_node(look, self._setup.store, token, self._setup)
        finally:
            place.unlink()
        _check_sights(sights, code_digest())
        return all(sight.store for sight in sights) if self._shared is None else self._shared


class _Tasks:
    """Stages as Ray tasks."""

    def __init__(self, setup: WorkerSetup, resources: Mapping[str, float], moved: str | None) -> None:
        self._setup = setup
        self._store = Store(setup.store)
        self._moved = moved
        self._held: OrderedDict[str, Any] = OrderedDict()
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._board = ray.remote(Board).options(num_cpus=0, scheduling_strategy=here).remote()
        options = {"num_cpus": resources.get("CPU", 0), "num_gpus": resources.get("GPU", 0)}
        options |= {"memory": resources["memory"]} if "memory" in resources else {}
        self._task = ray.remote(run_job).options(max_retries=ATTEMPTS, **options)

    def start(self, stage: Stage, number: int) -> Any:
        """Hand the stage to Ray, as the `number`-th of those that run."""
        job = Job(pickle.dumps(stage), number, self._setup, self._moved)
        travelling = stage.inputs.values() if self._moved else ()
        return self._task.remote(job, [(it.kind, it.key, self._hold(it)) for it in travelling], self._board)

    def _hold(self, stage: Stage) -> Any:
        """Where Ray holds the packed artefact of a finished stage."""
        if stage.key not in self._held:
            self._held[stage.key] = ray.put(packed(self._store, stage.kind, stage.key))
        self._held.move_to_end(stage.key)
        while len(self._held) > HELD:
            self._held.popitem(last=False)
        return self._held[stage.key]

    def news(self) -> dict[int, Message]:
        """What workers told since the last call, by number."""
        return ray.get(self._board.read.remote())

    def take_in(self, reference: Any, stage: Stage, number: int) -> Message:
        """Keep the artefact and the log of a stage that is over; returns what became of it."""
        try:
            answer: Answer = ray.get(reference)
        except RayError as error:
            said = str(error).strip().splitlines()[0]
            return Message("failed", reason=f"its worker or node died, up to {ATTEMPTS + 1} times: {shortened(said)}")
        if answer.artefact is not None:
            unpack(self._store, stage.kind, stage.key, answer.artefact)
        log = self._setup.log.with_name(f"{self._setup.log.stem}-{number}{self._setup.log.suffix}")
        log.parent.mkdir(parents=True, exist_ok=True)
        append(log, answer.log)
        return answer.message


@dataclass
class _Running:
    """A stage that Ray has. deadline: when its time is over, on the monotonic clock."""

    stage: Stage
    number: int
    deadline: float


class _Run:
    """Stages that are run, and what is told of them."""

    def __init__(self, stages: Sequence[Stage], watcher: Watcher, limit: Limit, tasks: _Tasks) -> None:
        self._queue = Queue(stages)
        self._watcher, self._limit, self._tasks = watcher, limit, tasks
        self._running: dict[Any, _Running] = {}  # by Ray's reference to the task

    def execute(self, slots: Callable[[], int]) -> Outcome:
        """Until every stage is over; `slots` says how many may run at once. Where it is interrupted, they are ended."""
        try:
            while not self._queue.empty():
                self._hand_out(slots())
                self._listen()
        except KeyboardInterrupt:
            self._end_all()
            return self._queue.interrupt()
        except BaseException:
            self._end_all()
            raise
        return self._queue.outcome

    def _hand_out(self, slots: int) -> None:
        for number in sorted(set(range(slots)) - {its.number for its in self._running.values()}):
            if (stage := self._queue.take()) is None:
                return
            running = _Running(stage, number, time.monotonic() + self._limit(stage))
            self._running[self._tasks.start(stage, number)] = running
            self._watcher.started(stage, number)

    def _listen(self) -> None:
        over, _ = ray.wait(list(self._running), timeout=POLL_SECONDS) if self._running else ([], [])
        if not self._running:
            time.sleep(POLL_SECONDS)
        by_number = {its.number: its for its in self._running.values()}
        for number, message in self._tasks.news().items():
            if number in by_number:
                self._hear(by_number[number], message)
        for reference in over:
            its = self._running.pop(reference)
            self._over(its, self._tasks.take_in(reference, its.stage, its.number))
        for reference in [ref for ref, its in self._running.items() if time.monotonic() >= its.deadline]:
            its = self._running.pop(reference)
            ray.cancel(reference, force=True)
            self._over(its, Message("failed", reason=too_long(self._limit(its.stage))))

    def _hear(self, its: _Running, message: Message) -> None:
        if message.kind == "begun":
            its.deadline = time.monotonic() + self._limit(its.stage)
        else:
            self._watcher.advanced(its.stage, its.number, message.done, message.total)

    def _over(self, its: _Running, message: Message) -> None:
        match message.kind:
            case "elsewhere":
                self._queue.put_back(its.stage, LOOK_AGAIN)
                self._watcher.waits(its.stage, its.number, message.reason)
            case "no room":
                raise NoRoom(message.reason)
            case _:
                error = message.reason if message.kind == "failed" else None
                self._queue.finish(its.stage, error)
                self._watcher.ended(its.stage, its.number, error)

    def _end_all(self) -> None:
        for reference in self._running:
            ray.cancel(reference, force=True)


def _check_sights(sights: Sequence[Sight], code: str) -> None:
    for sight in sights:
        where = f"node {sight.node}"
        if sight.code != code:
            raise UserError(f"{where} has another version of this program: install the same one on every node.")
        if sight.plugins:
            raise UserError(f"{where} does not see the plug-in {sight.plugins[0]}: put it on a disk that all share.")
        if sight.forbidden:
            raise UserError(f"{where} sets {sight.forbidden[0]}, which numerics=portable must not find set.")
    first = sights[0]
    for other in sights[1:]:
        if other.versions != first.versions:
            differ = sorted(name for name, _ in other.versions.items() ^ first.versions.items())
            raise UserError(
                f"nodes {first.node} and {other.node} differ in {', '.join(dict.fromkeys(differ))}: install the same "
                "versions on every node."
            )


def _nodes() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _on_every_node(function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call a function once on every node."""
    task = ray.remote(function)
    places = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in _nodes()]
    return ray.get([task.options(num_cpus=0, scheduling_strategy=place).remote(*arguments) for place in places])
