"""The columns of the main table for one method: each number with its interval."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmark.core.data import Floats
from benchmark.measure.records.across import anchor
from benchmark.measure.records.linear import linear_weights
from benchmark.measure.records.utilities import LEARNED, Kind
from benchmark.measure.runs.arenas import REFERENCE, ArenaData
from benchmark.measure.statistics.bootstrap import Resamples, estimate, estimate_over_seeds, weighted_median
from benchmark.measure.table.comparer import Comparer
from benchmark.measure.table.regret import regret
from benchmark.report import Absent, Curve, Estimate, missing

PREFIX: dict[Kind, str] = {"ungated": "", "gated": "gated_"}
PER_CELL = {  # columns that are one number per cell in results.parquet, by metric; and whether at the training shift
    "preference_accuracy": True,
    "worst_group_accuracy": False,
    "length_controlled_accuracy": True,
    "worst_group_length_controlled_accuracy": False,
    "implicit_margin": True,
    "length_controlled_margin": True,
    "calibration_error": True,
    "distinct_2": False,
}
COSTS = ("train_seconds", "peak_memory_mb")


def row_metrics(comparer: Comparer, key: str) -> dict[str, Estimate]:
    """Every metric of a method's last checkpoint on the test prompts, by name (see `columns.METRICS`)."""
    arena = comparer.arena
    seed_rows = tuple(sorted(arena.seed_rows(key)))
    if not seed_rows:
        return {}
    resamples = comparer.resamples("test", seed_rows)
    last = arena.trajectory(key)[-1]
    return {
        **{f"{PREFIX[kind]}over_envelope": comparer.over_envelope(key, kind) for kind in LEARNED},
        **_utilities(arena, last, seed_rows, resamples),
        **_completions(arena, last, seed_rows, resamples),
        "gated_over_checkpoint": comparer.gated_over_checkpoint(key),
        "gated_worst_case_regret": regret(comparer, key),
        "gated_kl_saving": comparer.gated_kl_saving(key),
        **{f"{PREFIX[kind]}price": _price(comparer, key, kind) for kind in LEARNED},
        **{f"{PREFIX[kind]}win_rate": _win_rate(comparer, key, kind) for kind in LEARNED},
        **_per_cell(arena, key, seed_rows),
        **_costs(arena, key, seed_rows),
    }


def curve(comparer: Comparer, key: str) -> Curve | None:
    """Utility over the evaluation shifts, gated and not; None where no seed is done."""
    arena = comparer.arena
    seed_rows = tuple(sorted(arena.seed_rows(key)))
    if not seed_rows:
        return None
    resamples, last = comparer.resamples("test", seed_rows), arena.trajectory(key)[-1]

    def band(kind: Kind) -> tuple[Estimate, ...]:
        means = resamples.mean(arena.test.utility[kind][last][list(seed_rows)])
        return tuple(estimate(means[:, column], len(seed_rows)) for column in range(means.shape[1]))

    return Curve(gated=band("gated"), ungated=band("ungated"))


def _utilities(arena: ArenaData, last: int, seed_rows: tuple[int, ...], resamples: Resamples) -> dict[str, Estimate]:
    def worst(values: Floats) -> Floats:
        return values[:, :-1].min(axis=1)

    summaries: dict[str, Callable[[Floats], Floats]] = {
        "nominal": lambda values: values[:, -1],
        "worst_case": worst,
        "robustness_gap": lambda values: values[:, -1] - worst(values),
        "auc": lambda values: values[:, :-1].mean(axis=1),
    }
    means = {kind: _means(arena, kind, last, seed_rows, resamples) for kind in arena.test.utility}
    learned = {
        f"{PREFIX[kind]}{name}": estimate(summary(means[kind]), len(seed_rows))
        for kind in LEARNED
        for name, summary in summaries.items()
    }
    return {
        **learned,
        "gated_gold_worst_case": estimate(worst(means["gated_gold"]), len(seed_rows)),
        "gold_worst_case": estimate(worst(means["gold"]), len(seed_rows)),
    }


def _means(arena: ArenaData, kind: Kind, last: int, seed_rows: tuple[int, ...], resamples: Resamples) -> Floats:
    """Mean utility under each evaluation shift and, last, at the training shift: [resamples, shifts + 1]."""
    chosen = list(seed_rows)
    utility, nominal = arena.test.utility[kind][last][chosen], arena.test.nominal[kind][last][chosen]
    return resamples.mean(np.concatenate([utility, nominal[..., None]], axis=-1))


def _completions(arena: ArenaData, last: int, seed_rows: tuple[int, ...], resamples: Resamples) -> dict[str, Estimate]:
    chosen = list(seed_rows)
    kl = arena.test.kl[last][chosen]
    columns = {"quality": "quality", "length": "length", "eos_rate": "ended"}
    values = np.stack([arena.test.means[name][last][chosen] for name in columns.values()] + [kl.mean(axis=2)], axis=-1)
    means = resamples.mean(values)
    names = [*columns, "kl_to_reference"]
    estimates = {name: estimate(means[:, column], len(seed_rows)) for column, name in enumerate(names)}
    if not arena.knows_divergence():
        unknown = missing(Absent.NOTHING_SAMPLED, len(seed_rows))
        return {**estimates, "kl_to_reference": unknown, "kl_median": unknown}
    median = np.full(1, np.nan) if np.isnan(kl).any() else _median(kl, resamples)
    return {**estimates, "kl_median": estimate(median, len(seed_rows))}


def _median(kl: Floats, resamples: Resamples) -> Floats:
    """The mean over seeds of each seed's median over completions, shape [resamples]."""
    alone = np.ones((len(resamples.prompts), 1))
    medians = [weighted_median(kl[[row]], Resamples(alone, resamples.prompts)) for row in range(len(kl))]
    return np.asarray((resamples.seeds * np.stack(medians, axis=1)).sum(axis=1))


def _anchor(arena: ArenaData, key: str) -> str | None:
    """The plain DPO row that a row is compared with in price and step time (see `across.anchor`)."""
    hparams = dict(zip(arena.cells["key"], arena.cells["hparams"], strict=True))
    keys = {hparams[dpo]: dpo for dpo in arena.dpo_keys()}
    chosen = anchor(hparams[key], list(keys))
    return None if chosen is None else keys[chosen]


def _price(comparer: Comparer, key: str, kind: Kind) -> Estimate:
    arena, dpo = comparer.arena, _anchor(comparer.arena, key)
    if dpo is None:
        return missing(Absent.NO_DPO)
    if key in arena.dpo_keys():
        return missing(Absent.IS_PRICE_BASE)
    seed_rows = tuple(sorted(arena.seed_rows(key) & arena.seed_rows(dpo)))
    if not seed_rows:
        return missing(Absent.NO_SEED_WITH_DPO)
    nominal = arena.test.nominal[kind][:, list(seed_rows)]
    gap = nominal[arena.trajectory(dpo)[-1]] - nominal[arena.trajectory(key)[-1]]
    values = comparer.resamples("test", seed_rows).mean(gap[..., None])[:, 0]
    return estimate(values, len(seed_rows), against=dpo)


def _win_rate(comparer: Comparer, key: str, kind: Kind) -> Estimate:
    arena = comparer.arena
    seed_rows = tuple(sorted(arena.seed_rows(key) & arena.seed_rows(REFERENCE)))
    if not seed_rows:
        return missing(Absent.NO_SEED_WITH_REFERENCE)
    if key == REFERENCE:
        return missing(Absent.IS_REFERENCE)
    if not _known_somewhere(arena):
        return missing(Absent.NO_COMMON_ROWS)
    mine, theirs = (arena.test.sampled[kind][arena.trajectory(side)[-1]][list(seed_rows)] for side in (key, REFERENCE))
    wins = pairwise_wins(mine, theirs)[..., None]
    return estimate(comparer.resamples("test", seed_rows).mean(wins)[:, 0], len(seed_rows))


def _known_somewhere(arena: ArenaData) -> bool:
    """Whether any row has the rewards of all that the training utility reads, so that two policies can be held against
    each other on it."""
    weights = linear_weights(arena.train) or dict.fromkeys(arena.train.objectives, 1.0)
    read = [name for name, weight in weights.items() if weight]
    return bool(arena.runs.samples[read].notna().all(axis=1).any())


def pairwise_wins(mine: Floats, theirs: Floats) -> Floats:
    """`metrics.win_rate` prompt by prompt: from [seeds, prompts, samples] on both sides to [seeds, prompts]."""
    gap = mine[..., :, None] - theirs[..., None, :]
    return ((gap > 0) + 0.5 * (gap == 0)).mean(axis=(-2, -1))


def _per_cell(arena: ArenaData, key: str, seed_rows: tuple[int, ...]) -> dict[str, Estimate]:
    """Metrics that exist as one number per cell: intervals over seeds alone."""
    results = arena.runs.results
    cells = _cells_by_seed(arena, key, seed_rows)
    estimates = {}
    for metric, at_training in PER_CELL.items():
        rows = results[(results["metric"] == metric) & results["cell_id"].isin(cells["cell_id"])]
        rows = rows[rows["train_shift"] == str(arena.cells["train_shift"].iloc[0])]
        if at_training:
            rows = rows[rows["eval_shift"] == rows["train_shift"]]
        values = rows.drop_duplicates("cell_id").set_index("cell_id")["value"].reindex(cells["cell_id"])
        estimates[metric] = estimate_over_seeds(values.to_numpy(dtype=np.float64))
    return estimates


def _costs(arena: ArenaData, key: str, seed_rows: tuple[int, ...]) -> dict[str, Estimate]:
    cells = _cells_by_seed(arena, key, seed_rows)
    estimates = {column: estimate_over_seeds(_floats(cells[column])) for column in COSTS}
    dpo = _anchor(arena, key)
    if dpo is None:
        return {**estimates, "step_ratio_to_dpo": missing(Absent.NO_DPO)}
    ratio = _floats(cells["step_seconds"]) / _step_seconds(arena, dpo, cells)
    return {**estimates, "step_ratio_to_dpo": estimate_over_seeds(ratio, against=dpo)}


def _step_seconds(arena: ArenaData, dpo: str, cells: pd.DataFrame) -> Floats:
    """Of DPO in the run and seed of each of the cells, since times compare on one machine only; NaN where not run."""
    row = arena.cells[arena.cells["key"] == dpo].iloc[0]
    every = arena.runs.every_cell
    same = (every[["method", "hparams", "train_shift"]] == row[["method", "hparams", "train_shift"]]).all(axis=1)
    theirs = every[same & (every["status"] == "done")].drop_duplicates(["run", "seed"]).set_index(["run", "seed"])
    return _floats(theirs["step_seconds"].reindex(pd.MultiIndex.from_frame(cells[["run", "seed"]])))


def _cells_by_seed(arena: ArenaData, key: str, seed_rows: tuple[int, ...]) -> pd.DataFrame:
    """The done cells of a method, in the order of its seeds."""
    done = arena.cells[(arena.cells["key"] == key) & (arena.cells["status"] == "done")]
    return done.set_index("seed", drop=False).loc[[arena.seeds[row] for row in seed_rows]]


def _floats(column: pd.Series) -> Floats:
    return column.to_numpy(dtype=np.float64)


def hyperparameters(arena: ArenaData, key: str) -> dict[str, object]:
    """The hyper-parameters of a row."""
    return dict(json.loads(arena.cells.loc[arena.cells["key"] == key, "hparams"].iloc[0]))
