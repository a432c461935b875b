"""Was it possible? What a method could reach that learns the training utility and nothing else.

Labels at one mixture identify only the training utility u, and which of two completions has more of it. So a method
without further information can at best reweight what the reference says by a function of u that does not fall (DPO's
optimum is exp(u / beta)); how far that gets in the worst case, at a row's nominal utility and KL, is a ceiling for it.
The oracle is told more and may lie above; between the envelope and this ceiling lies what there is to be gained.
Completions are pooled over prompts, seeds and both splits and binned by u; noise and the pooling over prompts flatter
the ceiling, and it has no interval. A policy also generalises between completions, which no reweighting does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.records.utilities import utilities, utility
from benchmark.measure.runs.arenas import REFERENCE
from benchmark.measure.statistics.envelope import Means
from benchmark.measure.statistics.reweighting import best_reweighting
from benchmark.measure.table.comparer import Comparer
from benchmark.report import Absent, Estimate, missing

BINS = 20
LEAST_PER_BIN = 25  # completions; with fewer the bins' means are noise that the ceiling would take for gain


@dataclass(frozen=True)
class ReferenceBins:
    """The reference's completions by training utility, gated: share and means of each bin."""

    shares: Floats  # [bins]
    utilities: Floats  # [bins, shifts], of the shifts that bind
    nominal: Floats  # [bins]


def reference_bins(comparer: Comparer) -> ReferenceBins | None:
    """None where the reference was not run or has too few completions, or where a row is no completion but a policy's
    expectation on a prompt, of which nothing can be reweighted."""
    arena = comparer.arena
    if any(environment.get("rows") == "expectations" for environment in arena.runs.environments):
        return None
    cells = arena.cells[(arena.cells["key"] == REFERENCE) & (arena.cells["status"] == "done")]
    rows = arena.runs.samples[arena.runs.samples["cell_id"].isin(cells["cell_id"])]
    rows = rows[rows[list(arena.runs.objectives)].notna().all(axis=1)]
    if len(rows) < 2 * LEAST_PER_BIN:
        return None
    columns = {str(name): rows[name].to_numpy() for name in arena.runs.objectives}
    quality = rows["quality"].to_numpy(dtype=bool)
    nominal = utility(arena.train, columns, quality, arena.runs.ranges, "gated")
    shifts = [arena.evaluated[column] for column in comparer.binding]
    return binned(nominal, utilities(shifts, columns, quality, arena.runs.ranges, "gated"))


def binned(nominal: Floats, by_shift: Floats) -> ReferenceBins:
    """Bins of about equal share; equal utilities share a bin.

    Args:
        nominal: training utility of every completion, shape [completions].
        by_shift: utility under each shift, shape [completions, shifts].
    """
    count = min(BINS, len(nominal) // LEAST_PER_BIN)
    edges = np.unique(np.quantile(nominal, np.linspace(0, 1, count + 1)[1:-1]))
    index = np.searchsorted(edges, nominal, side="right")
    _, index = np.unique(index, return_inverse=True)
    sizes = np.bincount(index).astype(np.float64)
    means = np.stack([np.bincount(index, column) / sizes for column in (nominal, *by_shift.T)], axis=1)
    return ReferenceBins(sizes / sizes.sum(), means[:, 1:], means[:, 0])


def feasible_lift(bins: ReferenceBins | None, halves: Sequence[Means], over: Estimate) -> Estimate:
    """The ceiling minus the DPO envelope, at a policy's gated nominal utility and KL; without an interval.

    Args:
        bins: of the arena's reference.
        halves: of the one policy, on validation and on test prompts.
        over: its `gated_over_envelope`.
    """
    if bins is None or over.value is None:
        return missing(over.absent or Absent.NOT_RECORDED, over.n)
    nominal, kl, worst = (
        float(np.mean([part(half) for half in halves]))
        for part in (lambda h: h.nominal[0, 0], lambda h: h.kl[0, 0], lambda h: h.utility[0, 0].min())
    )
    ceiling = best_reweighting(bins.shares, bins.utilities, bins.nominal, nominal, kl)
    if np.isnan(ceiling):
        return missing(Absent.NOT_REACHED, over.n)
    return Estimate(ceiling - (worst - over.value), n=over.n)
