"""How long a stage may take: as set, else so long that nothing but a stage that hangs takes longer."""

from __future__ import annotations

from benchmark.core.graph import Stage
from benchmark.core.resources import device_name
from benchmark.core.store import Store
from benchmark.pipeline.config import ExecutionSettings
from benchmark.pipeline.execute.base import Limit

GENEROUS = 20.0  # times what an estimate calls the most, mostly: a busy machine, a slower one, a poor guess
LEAST, UNKNOWN = 3600.0, 24 * 3600.0  # seconds; the second for a stage whose work is not known before it runs


def stage_limit(settings: ExecutionSettings, store: Store) -> Limit:
    """The limit of every stage, from the settings or from what `plan` would say of it."""
    if settings.stage_limit is not None:
        limit = settings.stage_limit
        return lambda stage: limit
    return _Estimated(store)


class _Estimated:
    """Limits from the store's finished stages, as they are when the run begins."""

    def __init__(self, store: Store) -> None:
        from benchmark.pipeline.estimates.devices import device
        from benchmark.pipeline.estimates.estimate import Estimator

        self._estimator = Estimator(store, device(device_name()))
        self._limits: dict[str, float] = {}

    def __call__(self, stage: Stage) -> float:
        if stage.key not in self._limits:
            estimate = self._estimator.estimate(stage)
            least = UNKNOWN if estimate.of_unknown_work else LEAST
            self._limits[stage.key] = max(least, GENEROUS * estimate.greatest)
        return self._limits[stage.key]
