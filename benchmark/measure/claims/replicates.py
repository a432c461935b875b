"""A number of one method in every bootstrap resample, so that methods can be subtracted replicate by replicate."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.claims.catalogue import TASK_METRICS, Metric
from benchmark.measure.records.utilities import Kind
from benchmark.measure.runs.arenas import REFERENCE
from benchmark.measure.statistics.envelope import over_envelope
from benchmark.measure.table.comparer import Comparer

# One number per cell in results.parquet.
PER_CELL = (
    *("logp_chosen", "logp_rejected", "worst_group_accuracy", "worst_group_loss", "group_loss_gap"),
    *TASK_METRICS,
)
GATED: Metric = "gated_over_envelope"  # the one number that is taken with the language gate


def resampled(comparer: Comparer, key: str, metric: Metric, seed_rows: tuple[int, ...], kind: Kind) -> Floats:
    """The metric of the method's last checkpoint, shape [resamples], laid out as `Resamples` lays them out.

    nominal: utility at the training shift. far_end: under the evaluation shift that lies farthest from it. fall:
    nominal minus far_end. gated_over_envelope: see `envelope`.

    Args:
        comparer: of the arena.
        key: the method's call.
        metric: one of these four.
        seed_rows: of seeds that the method has.
        kind: learned utility with or without the language gate.
    """
    last = comparer.arena.trajectory(key)[-1]
    if metric == GATED:
        return over_envelope(comparer.envelope(seed_rows, kind), comparer.halves([last], seed_rows, kind))
    return _of_policy(comparer, last, metric, seed_rows, kind)


def at_kl_of(
    comparer: Comparer, key: str, rival: str, metric: Metric, seed_rows: tuple[int, ...], kind: Kind
) -> Floats | None:
    """The metric of `rival` stopped where it has the KL of `key`, shape [resamples]; None where it never has.

    Between two of its checkpoints, the reference being the first, it is the policy that answers as either with fixed
    probabilities, whose KL is at most their mean.
    """
    arena, chosen = comparer.arena, list(seed_rows)
    path = [policy for row in (REFERENCE, rival) for policy in arena.trajectory(row)]
    if set(seed_rows) - arena.seed_rows(REFERENCE):
        return None
    kl = [float(arena.test.kl[policy][chosen].mean()) for policy in path]
    wanted = float(arena.test.kl[arena.trajectory(key)[-1]][chosen].mean())
    for (start, low), (end, high) in pairwise(zip(path, kl, strict=True)):
        if min(low, high) <= wanted <= max(low, high) and low != high:
            share = (wanted - low) / (high - low)
            first, second = (_of_policy(comparer, policy, metric, seed_rows, kind) for policy in (start, end))
            return np.asarray((1 - share) * first + share * second)
    return None


def _of_policy(comparer: Comparer, policy: int, metric: Metric, seed_rows: tuple[int, ...], kind: Kind) -> Floats:
    """nominal, far_end or fall of one policy."""
    chosen = list(seed_rows)
    nominal = comparer.arena.test.nominal[kind][policy][chosen]
    far = (
        comparer.arena.test.utility[kind][policy][chosen][..., far_column(comparer)] if metric != "nominal" else nominal
    )
    values = {"nominal": nominal, "far_end": far, "fall": nominal - far}[metric]
    return np.asarray(comparer.resamples("test", seed_rows).mean(values[..., None])[:, 0])


def far_column(comparer: Comparer) -> int:
    """Column of the evaluation shift that lies farthest from the training shift on the family's axis."""
    start, positions = comparer.arena.train.position(), [shift.position() for shift in comparer.arena.evaluated]
    return int(np.argmax([-1.0 if start is None or point is None else abs(point - start) for point in positions]))


def has_axis(comparer: Comparer) -> bool:
    """Whether the training shift and some other evaluated one have a position on an axis."""
    start = comparer.arena.train.position()
    return start is not None and any(s.position() not in (None, start) for s in comparer.arena.evaluated)


def known_seed_rows(comparer: Comparer, key: str, metric: Metric) -> set[int]:
    """Rows of the seeds for which the method has the metric."""
    seed_rows = comparer.arena.seed_rows(key)
    if metric not in PER_CELL:
        return seed_rows
    values = per_seed(comparer, key, metric)
    return {row for row in seed_rows if not np.isnan(values[row])}


def per_seed(comparer: Comparer, key: str, metric: str) -> Floats:
    """A number of `PER_CELL` for each seed of the arena, NaN where it was not recorded."""
    arena = comparer.arena
    cells = arena.cells[(arena.cells["key"] == key) & (arena.cells["status"] == "done")]
    results = arena.runs.results
    rows = results[(results["metric"] == metric) & results["cell_id"].isin(cells["cell_id"])]
    by_cell = rows.drop_duplicates("cell_id").set_index("cell_id")["value"]
    by_seed = by_cell.reindex(cells["cell_id"]).set_axis(cells["seed"])
    return by_seed.reindex(list(arena.seeds)).to_numpy(dtype=np.float64)
