"""Numbers of one cell that need another cell beside it: the price of robustness, the regret of a shift, step times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

NEEDED = ("nominal", "gated_nominal", "reward", "step_seconds")


def anchor(hparams: str, candidates: list[str]) -> str | None:
    """The plain DPO run that a run with `hparams` is compared with: the one of the same beta, else the first of the
    sorted candidates of DPO's default beta, else the first of all; of several, the one at the run's own learning rate.
    Both are JSON; None where there is no candidate."""
    beta = json.loads(hparams).get("beta")
    own_rate = sorted(candidates, key=lambda candidate: (json.loads(candidate).get("rate", 1) != 1, candidate))
    same = [candidate for candidate in own_rate if beta is not None and json.loads(candidate).get("beta") == beta]
    default = [candidate for candidate in own_rate if json.loads(candidate).get("beta") == _default_beta()]
    return next(iter(same + default + own_rate), None)


def cross_cell_records(results: pd.DataFrame) -> pd.DataFrame:
    """`price`, `gated_price`, `regret_<shift>` and `step_ratio_to_dpo` of every cell that has something to be compared
    with, as rows of results.parquet.

    price: `nominal` of plain DPO (see `anchor`) of the same seed and training shift, minus the cell's; gated_price: the
    same of `gated_nominal`.
    regret_<shift>: `reward`, mean utility, under that shift of plain DPO trained on it, same seed, minus the cell's.
    `n` is the cell's own.
    step_ratio_to_dpo: the cell's step time over that of plain DPO (see `anchor`) of the same seed and training shift.
    """
    of = {str(metric): rows for metric, rows in results.groupby("metric") if metric in NEEDED}
    nothing = results.iloc[:0]
    nominal, gated, utility, seconds = (of.get(metric, nothing) for metric in NEEDED)
    prices = (*_prices(nominal, "price"), *_prices(gated, "gated_price"))
    rows = [*prices, *_regrets(utility), *_step_ratios(seconds)]
    return pd.DataFrame(rows, columns=list(results.columns))


def _prices(nominal: pd.DataFrame, name: str) -> Iterator[dict[str, Any]]:
    for _, cells in nominal.groupby(["suite", "train_shift", "seed"]):
        dpo = cells[cells["method"] == "dpo"].set_index("hparams")["value"]
        for cell in _records(cells[cells["method"] != "dpo"]):
            other = anchor(cell["hparams"], list(dpo.index))
            if other is not None:
                yield {**cell, "eval_shift": "", "metric": name, "value": float(dpo[other]) - cell["value"]}


def _regrets(utility: pd.DataFrame) -> Iterator[dict[str, Any]]:
    trained = utility[(utility["method"] == "dpo") & (utility["train_shift"] == utility["eval_shift"])]
    for (suite, shift, seed), specialists in trained.groupby(["suite", "eval_shift", "seed"]):
        values = specialists.set_index("hparams")["value"]
        same = (utility["suite"] == suite) & (utility["eval_shift"] == shift) & (utility["seed"] == seed)
        for cell in _records(utility[same & (utility["train_shift"] != shift)]):
            other = anchor(cell["hparams"], list(values.index))
            if other is not None:
                yield {**cell, "metric": f"regret_{shift}", "value": float(values[other]) - cell["value"]}


def _step_ratios(seconds: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for _, cells in seconds.groupby(["suite", "train_shift", "seed"]):
        dpo = cells[cells["method"] == "dpo"].set_index("hparams")["value"]
        for cell in _records(cells):
            other = anchor(cell["hparams"], list(dpo.index))
            if other is not None:
                yield {**cell, "metric": "step_ratio_to_dpo", "value": cell["value"] / float(dpo[other])}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _default_beta() -> Any:
    from methods.dpo import DPO  # torch comes with it

    return DPO.__dataclass_fields__["beta"].default
