"""What a run recorded of training that a radius is made from: labels, number of pairs, spread of losses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmark.core.data import Floats
from benchmark.measure.runs.arenas import ArenaData
from benchmark.measure.selection.radius import implied_radius
from benchmark.measure.selection.seen import Candidate, Radii
from benchmark.measure.table.estimates import hyperparameters
from shifts.base import Rewards

END = 0.1  # the part of training's steps that counts as its end


def training_radii(
    arena: ArenaData, candidates: Sequence[Candidate], seed_rows: Sequence[int], weights: Floats
) -> Radii:
    """What the training pairs and the training curves of a method say of its radius.

    Args:
        arena: the suite and training shift.
        candidates: settings of one method at their checkpoints.
        seed_rows: of the seeds that count.
        weights: of these seeds in every resample, shape [resamples, seeds].
    """
    seeds = [arena.seeds[row] for row in seed_rows]
    cells = arena.cells[(arena.cells["status"] == "done") & arena.cells["seed"].isin(seeds)]
    mine = cells[cells["key"].isin({candidate.key for candidate in candidates})]
    implied, balls = np.full((len(weights), len(candidates)), np.nan), False
    for index, candidate in enumerate(candidates):
        if not candidate.last:
            continue
        of_setting = mine[mine["key"] == candidate.key].set_index("seed").loc[seeds]
        radius = _implied(arena, candidate.key, of_setting, weights)
        if radius is not None:
            implied[:, index], balls = radius, True
    pairs = mine.groupby("seed")["pairs"].mean() if "pairs" in mine else pd.Series(dtype=np.float64)
    return Radii(
        disagreement=weights @ disagreement(arena).reindex(seeds).to_numpy(dtype=np.float64),
        pairs=weights @ pairs.reindex(seeds).to_numpy(dtype=np.float64),
        implied=implied,
        balls=balls,
    )


def disagreement(arena: ArenaData) -> pd.Series:
    """Share of training labels against the annotators' mean utility, ties half, by seed; empty without pairs."""
    pairs = arena.runs.pair_rewards
    if pairs is None:
        return pd.Series(dtype=np.float64)
    pairs = pairs[pairs["train_shift"] == arena.cells["train_shift"].iloc[0]]
    first, second = (
        arena.train.utility(Rewards({name: pairs[f"{side}_{name}"].to_numpy() for name in arena.runs.objectives}))
        for side in ("first", "second")
    )
    chosen = np.where(pairs["first_chosen"].to_numpy(dtype=bool), 1, -1)
    against = 0.5 - 0.5 * np.sign(first - second) * chosen
    return pd.Series(against, index=pairs.index).groupby(pairs["seed"]).mean()


def _implied(arena: ArenaData, key: str, cells: pd.DataFrame, weights: Floats) -> Floats | None:
    """The radius of a setting in every resample: of the variance and of the gradient, averaged over its seeds."""
    ends = np.array([_end_of_training(arena.runs.curves, cell) for cell in cells["cell_id"]])
    variance, squared_gradient = weights @ ends[:, 0], weights @ ends[:, 1]
    method, hparams = str(cells["method"].iloc[0]), hyperparameters(arena, key)
    return implied_radius(method, hparams, variance, np.sqrt(squared_gradient))


def _end_of_training(curves: pd.DataFrame | None, cell_id: str) -> tuple[float, float]:
    """Mean variance of a batch's losses and mean squared input gradient at the end; NaN where not recorded."""
    if curves is None:
        return math.nan, math.nan
    rows = curves[curves["cell_id"] == cell_id].sort_values("step")
    end = rows.tail(math.ceil(END * len(rows)))
    squares = [end[name].pow(2).mean() if name in end else math.nan for name in ("loss_std", "input_gradient_rms")]
    return float(squares[0]), float(squares[1])
