"""What a run will use of the store is verified once, at its start: damaged artefacts are set aside and remade."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from benchmark.core.graph import Stage, missing_stages
from benchmark.core.store import DAMAGED, Store
from benchmark.pipeline.matrix import Matrix

TABLE_BYTES = 16 * 2**20  # of a finished cell's stages the tables read small files alone: no weights


def stages_to_run(
    matrix: Matrix[Any, Any, Any], store: Store, say: Callable[[str], object]
) -> tuple[list[Stage], bool]:
    """The stages that must run so that every result is there and all that is read is as it was written.

    Verified are results, the inputs of what must run, and small files of what finished cells were made from, from which
    tables take costs and curves.

    Args:
        matrix: of the run.
        store: whose damaged artefacts are set aside.
        say: told of each of them, for the user.

    Returns:
        the stages, inputs first, and whether anything was set aside.
    """
    keeper = _Keeper(store, say)
    wanted = matrix.stages()
    between = {stage.key: stage for cell in matrix.cells for stage in cell.stages.values()}
    for stage in wanted:
        between.pop(stage.key, None)
    keeper.verify(wanted, math.inf)
    keeper.verify(between.values(), TABLE_BYTES)
    while True:
        stages = missing_stages([*wanted, *keeper.damaged], store)
        inputs = {parent.key: parent for stage in stages for parent in stage.inputs.values() if parent.done(store)}
        if not keeper.verify(inputs.values(), math.inf):
            return stages, bool(keeper.damaged)


class _Keeper:
    """Verifies artefacts, each once."""

    def __init__(self, store: Store, say: Callable[[str], object]) -> None:
        self._store, self._say = store, say
        self._verified: dict[str, float] = {}  # bytes of the largest file that was looked at, by key
        self.damaged: list[Stage] = []

    def verify(self, stages: Iterable[Stage], most: float) -> bool:
        """Set the damaged ones aside; whether there were any."""
        before = len(self.damaged)
        for stage in stages:
            if self._verified.get(stage.key, -1.0) < most and stage.folder(self._store).is_dir():
                self._verified[stage.key] = most
                fault = self._store.fault(stage.kind, stage.key, most)
                if fault is not None:
                    self._set_aside(stage, fault)
        return len(self.damaged) > before

    def _set_aside(self, stage: Stage, fault: str) -> None:
        self._store.set_aside(stage.kind, stage.key)
        self.damaged.append(stage)
        place = self._store.root / DAMAGED / stage.kind
        self._say(f"damaged: {stage.kind}/{stage.key}, {fault}; it is set aside in {str(place)!r} and made again.")
