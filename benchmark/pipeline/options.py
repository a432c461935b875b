"""Where and how a run happens, as opposed to what it computes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmark.pipeline.execute.needs import Needs

ExecutorName = Literal["local", "ray"]
EXECUTORS: tuple[ExecutorName, ...] = ("local", "ray")


@dataclass(frozen=True)
class RunOptions:
    """Where and how to run; nothing here changes a number, except that `backend` is recorded with each."""

    out: Path
    store: Path
    backend: str
    workers: int | None  # at once at most; None: as many as there is room for
    plugins: tuple[Path, ...] = ()
    contributor: str = ""  # who ran it, where they want to be named
    executor: ExecutorName = "local"
    ray_address: str | None = None  # of a running cluster; None: one is started on this machine
    needs: Needs = field(default_factory=Needs)  # of one stage, on a cluster
