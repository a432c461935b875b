"""A number of one method in every bootstrap resample, so that methods can be subtracted replicate by replicate."""

from __future__ import annotations

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.claims.catalogue import Metric
from benchmark.measure.records.utilities import Kind
from benchmark.measure.statistics.envelope import over_envelope
from benchmark.measure.table.comparer import Judge

PER_CELL = ("logp_chosen", "logp_rejected")  # one number per cell in results.parquet


def resampled(judge: Judge, key: str, metric: Metric, seeds: tuple[int, ...], kind: Kind) -> Floats:
    """The metric of the method's last checkpoint, shape [resamples], laid out as `Resamples` lays them out.

    nominal: utility at the training shift. far_end: under the evaluation shift that lies farthest from it. fall:
    nominal minus far_end. over_envelope: see `envelope`.

    Args:
        judge: of the group.
        key: the method's call.
        metric: one of these four.
        seeds: places of seeds that the method has.
        kind: learned reward with or without the language gate.
    """
    group, chosen = judge.group, list(seeds)
    last = group.path(key)[-1]
    resamples = judge.resamples("test", seeds)
    if metric == "over_envelope":
        return over_envelope(judge.envelope(seeds, kind), judge.halves([last], seeds, kind))
    nominal = group.test.nominal[kind][last][chosen]
    far = group.test.utility[kind][last][chosen][..., far_place(judge)] if metric != "nominal" else nominal
    values = {"nominal": nominal, "far_end": far, "fall": nominal - far}[metric]
    return resamples.mean(values[..., None])[:, 0]


def far_place(judge: Judge) -> int:
    """Place of the evaluation shift that lies farthest from the training shift on the family's axis."""
    start, places = judge.group.train.position(), [shift.position() for shift in judge.group.evaluated]
    return int(np.argmax([-1.0 if start is None or place is None else abs(place - start) for place in places]))


def has_axis(judge: Judge) -> bool:
    """Whether the training shift and some other evaluated one have a place on an axis."""
    start = judge.group.train.position()
    return start is not None and any(s.position() not in (None, start) for s in judge.group.evaluated)


def known_seeds(judge: Judge, key: str, metric: Metric) -> set[int]:
    """Places of the seeds for which the method has the metric."""
    seeds = judge.group.seeds_of(key)
    if metric not in PER_CELL:
        return seeds
    values = per_seed(judge, key, metric)
    return {seed for seed in seeds if not np.isnan(values[seed])}


def per_seed(judge: Judge, key: str, metric: str) -> Floats:
    """A number of `PER_CELL` for each seed of the group, NaN where it was not recorded."""
    group = judge.group
    cells = group.cells[(group.cells["key"] == key) & (group.cells["status"] == "done")]
    results = group.runs.results
    rows = results[(results["metric"] == metric) & results["cell_id"].isin(cells["cell_id"])]
    by_cell = rows.drop_duplicates("cell_id").set_index("cell_id")["value"]
    by_seed = by_cell.reindex(cells["cell_id"]).set_axis(cells["seed"])
    return by_seed.reindex(list(group.seeds)).to_numpy(dtype=np.float64)
