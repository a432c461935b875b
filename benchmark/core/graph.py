"""Stages as a graph: what each one is made from decides its key; who runs it, and where, does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.core.store import Store, content_key

Progress = Callable[[int, int], None]  # (done, total), called now and then inside long stages


def silent(done: int, total: int) -> None:
    """Progress that is shown to nobody."""


@dataclass(frozen=True)
class StageKind:
    """A kind of stage: a plain function of its inputs. A change of what it computes is a new `version`."""

    name: str
    version: int
    run: Callable[..., None]


KINDS: dict[str, StageKind] = {}


def stage(name: str, version: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function `run(task: Task, **arguments)` as a kind of stage."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        KINDS[name] = StageKind(name, version, function)
        return function

    return register


@dataclass(frozen=True)
class Stage:
    """One artefact to be made.

    identity: JSON that, with the inputs, determines the artefact. arguments: what the function is called with; they
    carry the identity as objects and may add how to run (batch sizes), which does not count.
    """

    kind: str
    version: int
    identity: Mapping[str, Any]
    inputs: Mapping[str, Stage] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    @cached_property
    def key(self) -> str:
        """Hash of kind, version, identity and the inputs' keys."""
        inputs = {name: parent.key for name, parent in self.inputs.items()}
        return content_key(
            {"kind": self.kind, "version": self.version, "identity": dict(self.identity), "inputs": inputs}
        )

    def done(self, store: Store) -> bool:
        """Whether the artefact exists."""
        return store.has(self.kind, self.key)

    def folder(self, store: Store) -> Path:
        """Where the artefact is, or would be."""
        return store.path(self.kind, self.key)


@dataclass(frozen=True)
class Task:
    """What a stage's function is handed: the folders of its inputs, the folder to fill, a place to report progress, and
    a folder that outlives a stopped run, where there is one (the stage may go on from what it left there)."""

    inputs: Mapping[str, Path]
    folder: Path
    progress: Progress = silent
    scratch: Path | None = None


def missing_stages(wanted: Iterable[Stage], store: Store) -> list[Stage]:
    """The stages that must run so that every wanted one is there, each once, inputs before those that need them.

    An input is needed only where something that is missing is made from it: a finished cell needs nothing.
    """
    order: dict[str, Stage] = {}

    def visit(node: Stage) -> None:
        if node.key in order or node.done(store):
            return
        for parent in node.inputs.values():
            visit(parent)
        order[node.key] = node

    for node in wanted:
        visit(node)
    return list(order.values())
