"""The main table, recomputed from results.parquet alone by other means: means over seeds, scipy's linear programmes.

Nothing here knows how the measurement works: only what the rows of results.parquet mean and how a column is defined.
A number over seeds is the mean of the seeds' numbers, under the same name; a worst case is the least of the mean curve,
not the mean of the seeds' worst cases.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from benchmark.measure.build import build_report
from benchmark.report import METRICS, TO_DPO
from benchmark.report.flat import leaderboard_rows
from tests.synthetic import METHODS, TRAIN, Trained, write_run

WORLD = (
    *METHODS[:5],
    replace(METHODS[5], failed_seeds=(1,)),  # KLDPO lacks a seed: it is compared on the seeds that DPO has with it
    METHODS[6],
    Trained("wdpo(beta=1,rho=0.3)", t=0.4, lift=0.05),  # compared with DPO of its own beta
    METHODS[7],
    Trained("cdpo(beta=0.1,epsilon=0.1)", skipped="not this time"),
)
FROM_COMPLETIONS = {"gated_feasible_lift"}  # it bins single completions, which results.parquet does not hold
HAS_AN_EDGE = {"gated_over_envelope", "over_envelope", "gated_kl_saving", "gated_over_checkpoint"}
TOLERANCE = {"gated_over_envelope": 1e-6, "over_envelope": 1e-6, "gated_kl_saving": 1e-6}
SAME_NAME = (  # a mean over seeds of the rows of the same name
    *("nominal", "gated_nominal", "auc", "gated_auc", "quality", "kl_to_reference", "kl_median", "length", "eos_rate"),
    *("distinct_2", "worst_group_accuracy", "train_seconds", "peak_memory_mb", "step_ratio_to_dpo"),
    "worst_group_length_controlled_accuracy",
)
AT_TRAINING = (  # the same, of the rows at the training shift
    *("win_rate", "gated_win_rate", "preference_accuracy", "length_controlled_accuracy"),
    *("implicit_margin", "length_controlled_margin", "calibration_error"),
)
EXACT = 1e-9


@pytest.fixture(scope="module", params=[1, 2], ids=["one sample", "two samples"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trace") / "run"
    return write_run(folder, methods=WORLD, prompts=110, samples=request.param, seed_noise=0.05)


@pytest.fixture(scope="module")
def table(folder: Path) -> pd.DataFrame:
    """leaderboard.csv, read back from the file."""
    leaderboard_rows(build_report([folder], replicates=10)).to_csv(folder / "leaderboard.csv", index=False)
    return pd.read_csv(folder / "leaderboard.csv")


class Results:
    """results.parquet of one training shift, asked by method (its name and hyper-parameters) and metric."""

    def __init__(self, file: Path) -> None:
        self.rows = pd.read_parquet(file)
        self.dpo = [m for m in self.methods() if m[0] == "dpo"]
        self.reference = next(m for m in self.methods() if m[0] == "reference")

    def methods(self) -> list[tuple[str, str]]:
        return list(self.rows[["method", "hparams"]].drop_duplicates().itertuples(index=False, name=None))

    def of(self, method: tuple[str, str], metric: str) -> pd.DataFrame:
        """[seeds, evaluation shifts]; no columns where the method has no such metric."""
        name, hparams = method
        rows = self.rows
        mine = rows[(rows["method"] == name) & (rows["hparams"] == hparams) & (rows["metric"] == metric)]
        return mine.pivot(index="seed", columns="eval_shift", values="value")

    def mean(self, method: tuple[str, str], metric: str, seeds: list[int] | None = None) -> pd.Series:
        """Mean over seeds, by evaluation shift."""
        table = self.of(method, metric)
        return table.mean() if seeds is None else table.loc[seeds].mean()

    def number(self, method: tuple[str, str], metric: str, seeds: list[int] | None = None) -> float:
        """The same where there is one evaluation shift or none; NaN where nothing was recorded."""
        values = self.mean(method, metric, seeds)
        assert len(values) < 2
        return float(values.iloc[0]) if len(values) else math.nan

    def seeds(self, method: tuple[str, str]) -> list[int]:
        return list(self.of(method, "quality").index)

    def steps(self, method: tuple[str, str]) -> list[int]:
        mine = self.rows[(self.rows["method"] == method[0]) & (self.rows["hparams"] == method[1])]
        found = mine["metric"].str.extract(r"^kl_to_reference@(\d+)$")[0].dropna().astype(int)
        return sorted(set(found))

    def anchor(self, method: tuple[str, str]) -> tuple[str, str]:
        """Plain DPO of the same beta, else of beta 0.1."""
        betas = {json.loads(dpo[1])["beta"]: dpo for dpo in self.dpo}
        return betas.get(json.loads(method[1]).get("beta"), betas[0.1])


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    return Results(folder / "results.parquet")


def simple(results: Results, method: tuple[str, str]) -> dict[str, float]:
    """Columns that are means, least values and differences."""
    columns = {name: results.number(method, name) for name in SAME_NAME}
    columns["lm_eval"] = math.nan  # no task was asked for; where one was: test_lm_eval.py
    for name in AT_TRAINING:
        columns[name] = results.mean(method, name).get(TRAIN, math.nan)
    if method == results.reference:
        columns |= {"win_rate": math.nan, "gated_win_rate": math.nan}
    dpo, default = results.anchor(method), results.anchor(("", "{}"))  # plain DPO of its own beta, and of the default
    for gate in ("", "gated_"):
        worst = results.mean(method, f"{gate}reward").min()
        columns[f"{gate}worst_case"] = worst
        columns[f"{gate}robustness_gap"] = results.number(method, f"{gate}nominal") - worst
        columns[f"{gate}gold_worst_case"] = results.mean(method, f"{gate}gold_reward").min()
        shared = sorted(set(results.seeds(method)) & set(results.seeds(dpo)))
        price = results.number(method, f"{gate}price", shared) if method[0] != "dpo" else math.nan
        columns[f"{gate}price"] = price
    shared = sorted(set(results.seeds(method)) & set(results.seeds(default)))
    worst, of_default = (results.mean(m, "gated_reward", shared).min() for m in (method, default))
    columns["gated_difference_to_dpo"] = math.nan if method == default else worst - of_default
    return columns


def programme(value: np.ndarray, nominal: np.ndarray, least: float) -> tuple[np.ndarray, float] | None:
    """max_w min_s sum_i w_i value[i, s] with sum_i w_i nominal[i] >= least: w, and what a unit of `least` costs."""
    policies, shifts = value.shape
    cost = np.append(np.zeros(policies), -1.0)  # over (w, t): minimise -t
    above = np.hstack([-value.T, np.ones((shifts, 1))])  # t - sum_i w_i value[i, s] <= 0
    enough = np.append(-nominal, 0.0)
    solved = linprog(
        cost,
        A_ub=np.vstack([above, enough]),
        b_ub=np.append(np.zeros(shifts), -least),
        A_eq=np.append(np.ones(policies), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * policies + [(None, None)],
    )
    return None if solved.status != 0 else (solved.x[:-1], -solved.ineqlin.marginals[-1])


def envelope_of(results: Results, method: tuple[str, str]) -> tuple[list[int], list[tuple[tuple[str, str], int]]]:
    """Seeds that are common with all policies of plain DPO but the method's own, and these policies."""
    rivals = [*(dpo for dpo in results.dpo if dpo != method), results.reference]
    seeds = sorted(set.intersection(*(set(results.seeds(m)) for m in [method, *rivals])))
    return seeds, [(rival, step) for rival in rivals for step in results.steps(rival)]


def against_envelope(results: Results, method: tuple[str, str], kind: str, of_kl: bool = False) -> float:
    """over_envelope, or kl_saving: the mixture is chosen on one split, measured on the other, both ways, averaged."""
    if method == results.reference:
        return math.nan
    seeds, policies = envelope_of(results, method)
    mine = (method, results.steps(method)[-1])
    answers = []
    for choose, measure in (("/validation", ""), ("", "/validation")):

        def value(policy: tuple[tuple[str, str], int], split: str) -> np.ndarray:
            name = "kl_to_reference" if of_kl else f"{kind}reward"
            means = results.mean(policy[0], f"{name}@{policy[1]}{split}", seeds).to_numpy()
            return -means if of_kl else means

        def nominal(policy: tuple[tuple[str, str], int], split: str) -> float:
            return results.number(policy[0], f"{kind}nominal@{policy[1]}{split}", seeds)

        solved = programme(
            np.array([value(p, choose) for p in policies]),
            np.array([nominal(p, choose) for p in policies]),
            nominal(mine, choose),
        )
        if solved is None:
            return math.nan
        weights, price = solved
        envelope = (weights @ np.array([value(p, measure) for p in policies])).min()
        missing = nominal(mine, measure) - weights @ np.array([nominal(p, measure) for p in policies])
        answers.append(value(mine, measure).min() - (envelope - price * missing))
    return float(np.mean(answers))


def against_checkpoints(results: Results, method: tuple[str, str]) -> float:
    """gated_over_checkpoint: the best single policy on one split, measured on the other, both ways, averaged."""
    if method == results.reference:
        return math.nan
    seeds, policies = envelope_of(results, method)
    mine = (method, results.steps(method)[-1])

    def worst(policy: tuple[tuple[str, str], int], split: str) -> float:
        return float(results.mean(policy[0], f"gated_reward@{policy[1]}{split}", seeds).min())

    def nominal(policy: tuple[tuple[str, str], int], split: str) -> float:
        return results.number(policy[0], f"gated_nominal@{policy[1]}{split}", seeds)

    answers = []
    for choose, measure in (("/validation", ""), ("", "/validation")):
        reaching = [policy for policy in policies if nominal(policy, choose) >= nominal(mine, choose)]
        if not reaching:
            return math.nan
        best = max(reaching, key=lambda policy: worst(policy, choose))
        answers.append(worst(mine, measure) - worst(best, measure))
    return float(np.mean(answers))


def regret(results: Results, method: tuple[str, str]) -> float:
    """gated_worst_case_regret, over the two ends of the sweep, which are all that a convex mixture has."""
    seeds = results.seeds(method)
    rivals = [rival for rival in results.methods() if set(seeds) <= set(results.seeds(rival))]

    def utility(one: tuple[str, str], split: str) -> pd.Series:
        means = results.mean(one, f"gated_reward@{results.steps(one)[-1]}{split}", seeds)
        return means[[name for name in means.index if "alpha=0," in name or "alpha=1," in name]]

    chosen, measured = ({rival: utility(rival, split) for rival in rivals} for split in ("/validation", ""))
    ends = measured[method].index
    best = {end: max(rivals, key=lambda rival: chosen[rival][end]) for end in ends}
    return float(max(measured[best[end]][end] - measured[method][end] for end in ends))


def recomputed(results: Results, method: tuple[str, str]) -> dict[str, float]:
    return {
        **simple(results, method),
        "gated_over_envelope": against_envelope(results, method, "gated_"),
        "over_envelope": against_envelope(results, method, ""),
        "gated_kl_saving": against_envelope(results, method, "gated_", of_kl=True),
        "gated_over_checkpoint": against_checkpoints(results, method),
        "gated_worst_case_regret": regret(results, method),
    }


def test_every_number_of_the_main_table_comes_from_rows_of_results(table: pd.DataFrame, results: Results) -> None:
    compared = 0
    for row in table[table["status"] == "done"].to_dict("records"):
        columns = recomputed(results, (row["method"], row["hparams"]))
        assert columns.keys() == {*(metric.name for metric in METRICS), TO_DPO.name} - FROM_COMPLETIONS
        for name, value in columns.items():
            if name in HAS_AN_EDGE and math.isnan(row[name]):
                continue  # empty in some replicates, which are not in results.parquet
            expected = pytest.approx(value, abs=TOLERANCE.get(name, EXACT), rel=EXACT, nan_ok=True)
            assert row[name] == expected, f"{row['key']}: {name}"
            compared += not math.isnan(value)
    assert compared > 200  # of 9 rows x 28 columns, few are missing


def test_a_row_without_results_has_no_numbers(table: pd.DataFrame) -> None:
    (skipped,) = table[table["status"] == "skipped"].to_dict("records")
    assert all(math.isnan(skipped[metric.name]) for metric in METRICS)


def test_the_worst_case_is_of_the_mean_and_not_the_mean_of_worst_cases(results: Results, table: pd.DataFrame) -> None:
    """Else the recomputation would not notice if the table took the wrong one: here the two differ."""
    differ = [
        abs(results.mean(m, "gated_reward").min() - results.number(m, "gated_worst_case")) for m in results.methods()
    ]
    assert max(differ) > 1e-3
