"""Which runs of a suite may stand in one table: what decides numbers must agree, what else differs is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.core.errors import UserError
from benchmark.core.resources import NUMERICS
from benchmark.measure.runs.draws import fingerprint
from benchmark.measure.runs.names import call
from benchmark.report import Caveat, Difference, MixedRuns, OtherMachines, Repeats, UnlikeRepeats, words
from benchmark.training.settings import HOW_TO_RUN

# The arithmetic makes other draws of the same thing: merged, told, and counted as such (draws.py).
WHERE_NOT_WHAT = {
    "config.preset",
    "config.suite.data_dir",
    "config.numerics",
    *(f"config.eval.lm_eval.{name}" for name in ("batch_size", "include_path")),
    *(f"config.training.{name}" for name in HOW_TO_RUN),
}
EXTENDS = ("code.", "config.eval.")  # what one run may have more than another
MINOR = ("commit", "hardware", "packages", "suite_facts", "config")  # shown where they differ
IDENTITY = ["method", "hparams", "train_shift", "seed"]
OF_THE_MACHINE = ("train_seconds", "step_seconds", "peak_memory_mb", "step_ratio_to_dpo")
OF_OTHER_CELLS = ("price", "gated_price", "regret_")


NO_REPEATS = Repeats()


def deciding(environments: Sequence[Mapping[str, Any]], folders: Sequence[str]) -> list[Difference]:
    """Differences that make rows incomparable: settings, labels, versions of packages, of stages and of plug-ins.

    A plug-in that only one run has, or lm-eval's tasks that only one was held to, is an extension and no difference;
    anything else that a run does not record is one.
    """
    recorded = [dict(_deciding(environment)) for environment in environments]
    different = []
    for key in dict.fromkeys(key for facts in recorded for key in facts):
        having = [run for run, facts in enumerate(recorded) if key in facts or not key.startswith(EXTENDS)]
        values = [recorded[run].get(key, "not recorded") for run in having]
        different += _difference(key, values, [folders[run] for run in having])
    return different


def minor(environments: Sequence[Mapping[str, Any]], folders: Sequence[str]) -> list[Difference]:
    """Differences that leave rows comparable: machine, commit, further packages, micro-batches, where the data lay."""
    recorded = []
    for environment in environments:
        known = {key: environment[key] for key in MINOR if key in environment}
        decided = dict(_deciding(environment))
        shown = {key: value for key, value in _flat(known) if key not in decided}
        recorded.append({**shown, "numerics": fingerprint(environment)})
    different = []
    for key in dict.fromkeys(key for facts in recorded for key in facts):
        different += _difference(key, [facts.get(key, "not recorded") for facts in recorded], folders)
    return different


def clashes(cells: pd.DataFrame, folders: Sequence[str]) -> list[Difference]:
    """Finished cells of one method, training shift and seed that were made from something different.

    Args:
        cells: of all runs, with the columns `run`, the index of a cell's folder, and `numerics`, the run's setting,
            which is part of what a cell is made from and no reason to refuse it.
        folders: of the runs.
    """
    different = []
    done = cells[cells["status"] == "done"]
    for (method, hparams, train_shift, seed, _), same in done.groupby([*IDENTITY, "numerics"], sort=False):
        if same["cell_id"].nunique() > 1:
            where = [folders[run] for run in same["run"]]
            different += _difference(
                f"{call(str(method), json.loads(str(hparams)))} on {train_shift}, seed {seed}",
                [f"cell {cell}" for cell in same["cell_id"]],
                where,
                of_cell=True,
            )
    return different


def refuse(suite: str, different: Sequence[Difference]) -> None:
    """Raise a UserError that names every difference, where there is one."""
    if different:
        raise UserError(
            f"runs of suite {suite!r} were not made alike, so their rows cannot be compared:\n"
            + "\n".join(f"  {line}" for line in words.differences(different))
            + "\nMake them with the same settings and versions, or merge them all the same with "
            "`report --allow-mixed`; the page then names the differences."
        )


def caveats(mixed: Sequence[Difference], others: Sequence[Difference], repeats: Repeats) -> tuple[Caveat, ...]:
    """What a reader of the merged rows must know."""
    known: list[Caveat] = []
    if mixed:
        known.append(MixedRuns(tuple(mixed)))
    if others:
        known.append(OtherMachines(tuple(others)))
    if repeats.different:
        known.append(UnlikeRepeats(repeats))
    return tuple(known)


def repeated(results: Sequence[pd.DataFrame]) -> Repeats:
    """Compare what several runs measured of the same cells; costs, and numbers that need other cells, are left out."""
    keys = ["cell_id", "train_shift", "eval_shift", "metric"]
    tables = [comparable(table)[[*keys, "value"]].drop_duplicates(keys) for table in results]
    stacked = pd.concat(tables, ignore_index=True)
    twice = stacked[stacked.duplicated(keys, keep=False)]
    if twice.empty:
        return NO_REPEATS
    values = twice.groupby(keys)["value"]
    spread = (values.max() - values.min()).fillna(0.0).reset_index()
    by_cell = spread.groupby("cell_id")["value"].max()
    most = int(spread["value"].argmax())
    metric = str(spread["metric"].iloc[most])
    return Repeats(len(by_cell), int((by_cell > 0).sum()), float(spread["value"].max()), metric)


def comparable(results: pd.DataFrame) -> pd.DataFrame:
    """The rows that the cell itself determines: no costs, and no numbers that need other cells."""
    metric = results["metric"]
    return results[~(metric.isin(OF_THE_MACHINE) | metric.str.startswith(OF_OTHER_CELLS))]


def _deciding(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    settings = environment.get("config") or {"labels": environment.get("labelling", "not recorded")}
    yield from ((key, value) for key, value in _flat({"config": settings}) if key not in WHERE_NOT_WHAT)
    packages = environment.get("packages", {})
    yield from ((f"packages.{name}", str(packages.get(name, "not installed"))) for name in NUMERICS)
    code = environment.get("code")
    yield "code recorded", "no" if code is None else "yes"
    yield from _flat({"code": code or {}})


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys and values as text."""
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(item)


def _difference(key: str, values: Sequence[str], folders: Sequence[str], of_cell: bool = False) -> list[Difference]:
    """One difference where the values are not all the same, none where they are."""
    by_value: dict[str, list[str]] = {}
    for value, folder in zip(values, folders, strict=True):
        by_value.setdefault(value, []).append(folder)
    if len(by_value) < 2:
        return []
    having = tuple((value, tuple(dict.fromkeys(where))) for value, where in by_value.items())
    return [Difference(key, having, of_cell)]
