"""What a stage asks of the machine that runs it, for an executor that chooses among several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """Of one stage. cpus: cores; gpus: cards, or a part of one (0.5: two stages share it), None for one card wherever
    the cluster has any; memory_gb: of the machine's, None where it is not counted."""

    cpus: float = 1.0
    gpus: float | None = None
    memory_gb: float | None = None

    def resources(self, cluster_has_gpus: bool) -> dict[str, float]:
        """By the names that Ray gives them; memory in bytes."""
        gpus = self.gpus if self.gpus is not None else float(cluster_has_gpus)
        wanted = {"CPU": self.cpus, "GPU": gpus, "memory": (self.memory_gb or 0.0) * 1e9}
        return {name: amount for name, amount in wanted.items() if amount}


def fitting(wanted: Mapping[str, float], node: Mapping[str, float]) -> int:
    """How many stages with these needs a node has room for at once."""
    return int(min((node.get(name, 0.0) / amount for name, amount in wanted.items()), default=1))


def said(resources: Mapping[str, float]) -> str:
    """For a message: `1 CPU, 0.5 GPU, 4 GB of memory`."""
    return ", ".join(
        f"{amount / 1e9:.3g} GB of memory" if name == "memory" else f"{amount:g} {name}"
        for name, amount in resources.items()
    )
