"""The columns of the main table for one method: each number with its interval."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmark.core.data import Floats
from benchmark.measure.records.across import anchor
from benchmark.measure.records.utilities import Kind
from benchmark.measure.runs.groups import REFERENCE, GroupData
from benchmark.measure.statistics.bootstrap import Resamples, estimate, estimate_over_seeds, weighted_median
from benchmark.measure.table.comparer import Judge
from benchmark.report.types import Curve, Estimate

PER_CELL = {  # columns that are one number per cell in results.parquet, by metric; and whether at the training shift
    "preference_accuracy": True,
    "distinct_2": False,
}
COSTS = {"train_seconds": "train_seconds", "peak_memory_mb": "peak_memory_mb"}


def row_metrics(judge: Judge, key: str) -> dict[str, Estimate]:
    """Every metric of a method's last checkpoint on the test prompts, by name (see `columns.METRICS`)."""
    group = judge.group
    seeds = tuple(sorted(group.seeds_of(key)))
    if not seeds:
        return {}
    resamples = judge.resamples("test", seeds)
    last = group.path(key)[-1]
    return {
        "over_envelope": judge.over_envelope(key, "gated"),
        "over_envelope_ungated": judge.over_envelope(key, "ungated"),
        **_rewards(group, last, seeds, resamples),
        **_completions(group, last, seeds, resamples),
        "kl_saving": judge.kl_saving(key),
        "price": _price(judge, key),
        "win_rate": _win_rate(judge, key, last),
        **_per_cell(group, key, seeds),
        **_costs(group, key, seeds),
    }


def curve(judge: Judge, key: str) -> Curve | None:
    """Utility over the evaluation shifts, gated and not; None where no seed is done."""
    group = judge.group
    seeds = tuple(sorted(group.seeds_of(key)))
    if not seeds:
        return None
    resamples, last = judge.resamples("test", seeds), group.path(key)[-1]

    def band(kind: Kind) -> tuple[Estimate, ...]:
        means = resamples.mean(group.test.utility[kind][last][list(seeds)])
        return tuple(estimate(means[:, place], len(seeds)) for place in range(means.shape[1]))

    return Curve(gated=band("gated"), ungated=band("ungated"))


def _rewards(group: GroupData, last: int, seeds: tuple[int, ...], resamples: Resamples) -> dict[str, Estimate]:
    def worst(values: Floats) -> Floats:
        return values[:, :-1].min(axis=1)

    def of(kind: Kind, function: Callable[[Floats], Floats]) -> Estimate:
        return estimate(function(means[kind]), len(seeds))

    means = {kind: _means(group, kind, last, seeds, resamples) for kind in group.test.utility}
    return {
        "nominal": of("gated", lambda values: values[:, -1]),
        "worst_case": of("gated", worst),
        "robustness_gap": of("gated", lambda values: values[:, -1] - worst(values)),
        "auc": of("gated", lambda values: values[:, :-1].mean(axis=1)),
        "nominal_ungated": of("ungated", lambda values: values[:, -1]),
        "worst_case_ungated": of("ungated", worst),
        "gold_worst_case": of("gated_gold", worst),
    }


def _means(group: GroupData, kind: Kind, last: int, seeds: tuple[int, ...], resamples: Resamples) -> Floats:
    """Mean utility under each evaluation shift and, last, at the training shift: [resamples, shifts + 1]."""
    chosen = list(seeds)
    utility, nominal = group.test.utility[kind][last][chosen], group.test.nominal[kind][last][chosen]
    return resamples.mean(np.concatenate([utility, nominal[..., None]], axis=-1))


def _completions(group: GroupData, last: int, seeds: tuple[int, ...], resamples: Resamples) -> dict[str, Estimate]:
    chosen = list(seeds)
    kl = group.test.kl[last][chosen]
    columns = {"quality": "quality", "length": "length", "eos_rate": "ended"}
    values = np.stack([group.test.means[name][last][chosen] for name in columns.values()] + [kl.mean(axis=2)], axis=-1)
    means = resamples.mean(values)
    told = {name: estimate(means[:, place], len(seeds)) for place, name in enumerate([*columns, "kl_to_reference"])}
    median = np.full(1, np.nan) if np.isnan(kl).any() else _median(kl, resamples)
    return {**told, "kl_median": estimate(median, len(seeds))}


def _median(kl: Floats, resamples: Resamples) -> Floats:
    """The mean over seeds of each seed's median over completions, shape [resamples]."""
    alone = np.ones((len(resamples.prompts), 1))
    medians = [weighted_median(kl[[seed]], Resamples(alone, resamples.prompts)) for seed in range(len(kl))]
    return np.asarray((resamples.seeds * np.stack(medians, axis=1)).sum(axis=1))


def _anchor(group: GroupData, key: str) -> str | None:
    """The plain DPO row that a row is compared with in price and step time (see `across.anchor`)."""
    hparams = dict(zip(group.cells["key"], group.cells["hparams"], strict=True))
    keys = {hparams[dpo]: dpo for dpo in group.dpo_keys()}
    chosen = anchor(hparams[key], list(keys))
    return None if chosen is None else keys[chosen]


def _price(judge: Judge, key: str) -> Estimate:
    group, dpo = judge.group, _anchor(judge.group, key)
    if dpo is None:
        return Estimate(None, note="no plain DPO run to compare with")
    if key in group.dpo_keys():
        return Estimate(None, note="plain DPO is what the price is counted from")
    seeds = tuple(sorted(group.seeds_of(key) & group.seeds_of(dpo)))
    if not seeds:
        return Estimate(None, note="no seed in common with plain DPO")
    nominal = group.test.nominal["gated"][:, list(seeds)]
    gap = nominal[group.path(dpo)[-1]] - nominal[group.path(key)[-1]]
    return estimate(judge.resamples("test", seeds).mean(gap[..., None])[:, 0], len(seeds), f"against {dpo}")


def _win_rate(judge: Judge, key: str, last: int) -> Estimate:
    group = judge.group
    seeds = tuple(sorted(group.seeds_of(key) & group.seeds_of(REFERENCE)))
    if not seeds:
        return Estimate(None, note="no seed in common with the reference")
    if key == REFERENCE:
        return Estimate(None, note="the reference is what others are compared with")
    mine = group.test.sampled[last][list(seeds)]
    theirs = group.test.sampled[group.path(REFERENCE)[-1]][list(seeds)]
    return estimate(judge.resamples("test", seeds).mean(pairwise_wins(mine, theirs)[..., None])[:, 0], len(seeds))


def pairwise_wins(mine: Floats, theirs: Floats) -> Floats:
    """`metrics.win_rate` prompt by prompt: from [seeds, prompts, samples] on both sides to [seeds, prompts]."""
    gap = mine[..., :, None] - theirs[..., None, :]
    return ((gap > 0) + 0.5 * (gap == 0)).mean(axis=(-2, -1))


def _per_cell(group: GroupData, key: str, seeds: tuple[int, ...]) -> dict[str, Estimate]:
    """Metrics that exist as one number per cell: intervals over seeds alone."""
    results = group.runs.results
    cells = _cells_by_seed(group, key, seeds)
    told = {}
    for metric, at_training in PER_CELL.items():
        rows = results[(results["metric"] == metric) & results["cell_id"].isin(cells["cell_id"])]
        rows = rows[rows["train_shift"] == str(group.cells["train_shift"].iloc[0])]
        if at_training:
            rows = rows[rows["eval_shift"] == rows["train_shift"]]
        values = rows.drop_duplicates("cell_id").set_index("cell_id")["value"].reindex(cells["cell_id"])
        told[metric] = estimate_over_seeds(values.to_numpy(dtype=np.float64))
    return told


def _costs(group: GroupData, key: str, seeds: tuple[int, ...]) -> dict[str, Estimate]:
    cells = _cells_by_seed(group, key, seeds)
    told = {metric: estimate_over_seeds(_floats(cells[column])) for metric, column in COSTS.items()}
    dpo = _anchor(group, key)
    if dpo is None:
        return {**told, "step_ratio_to_dpo": Estimate(None, note="no plain DPO run to compare with")}
    ratio = _floats(cells["step_seconds"]) / _step_seconds(group, dpo, cells)
    return {**told, "step_ratio_to_dpo": estimate_over_seeds(ratio, f"against {dpo} of the same run")}


def _step_seconds(group: GroupData, dpo: str, cells: pd.DataFrame) -> Floats:
    """Of DPO in the run and seed of each of the cells, since times compare on one machine only; NaN where not run."""
    row = group.cells[group.cells["key"] == dpo].iloc[0]
    every = group.runs.every_cell
    same = (every[["method", "hparams", "train_shift"]] == row[["method", "hparams", "train_shift"]]).all(axis=1)
    theirs = every[same & (every["status"] == "done")].drop_duplicates(["run", "seed"]).set_index(["run", "seed"])
    return _floats(theirs["step_seconds"].reindex(pd.MultiIndex.from_frame(cells[["run", "seed"]])))


def _cells_by_seed(group: GroupData, key: str, seeds: tuple[int, ...]) -> pd.DataFrame:
    """The done cells of a method, in the order of its seeds."""
    done = group.cells[(group.cells["key"] == key) & (group.cells["status"] == "done")]
    return done.set_index("seed", drop=False).loc[[group.seeds[place] for place in seeds]]


def _floats(column: pd.Series) -> Floats:
    return column.to_numpy(dtype=np.float64)


def hyperparameters(group: GroupData, key: str) -> dict[str, object]:
    """The hyper-parameters of a row."""
    return dict(json.loads(group.cells.loc[group.cells["key"] == key, "hparams"].iloc[0]))
