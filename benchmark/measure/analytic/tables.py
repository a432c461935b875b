"""From results.parquet to what the figures of a study need: one number per seed, averaged with an interval."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from benchmark.measure.analytic.intervals import over_seeds
from benchmark.measure.runs import names
from benchmark.report import Absent, Estimate, Status, StudyLine, StudyRow, missing


@dataclass(frozen=True)
class Numbers:
    """Numbers of finished cells. frame: index (scenario, key, metric), one column per seed, NaN where there is none."""

    frame: pd.DataFrame

    @classmethod
    def of(cls, results: pd.DataFrame) -> Numbers:
        """From results.parquet with a column `key`."""
        wide = results.pivot_table("value", ["train_shift", "key", "metric"], "seed", dropna=False, observed=True)
        return cls(wide.sort_index())

    def seeds(self, scenario: str, key: str, metric: str) -> pd.Series:
        """The number of every seed; empty where no seed has it."""
        if (scenario, key, metric) not in self.frame.index:
            return pd.Series(dtype="float64")
        return self.frame.loc[[(scenario, key, metric)]].iloc[0]

    def mean(self, scenario: str, key: str, metric: str, absent: Absent = Absent.NOT_RECORDED) -> Estimate:
        """Its mean over seeds, with an interval."""
        return over_seeds(self.seeds(scenario, key, metric), absent)

    def points(self, scenario: str, key: str, metric: str) -> list[int]:
        """The points (epochs, sizes) at which `metric@POINT` was recorded."""
        if (scenario, key) not in self.frame.index:
            return []
        recorded = self.frame.xs((scenario, key), level=("train_shift", "key")).index
        named = (str(name).partition("@") for name in recorded)
        return sorted(int(point) for name, at, point in named if name == metric and at)

    def line(self, scenario: str, key: str, metric: str, label: str, method: str) -> StudyLine:
        """`metric` along its points."""
        points = self.points(scenario, key, metric)
        estimates = tuple(self.mean(scenario, key, f"{metric}@{point}") for point in points)
        return StudyLine(label, method, tuple(map(float, points)), estimates)


def study_rows(cells: pd.DataFrame, scenarios: Sequence[str]) -> list[StudyRow]:
    """One row per scenario and method, without numbers: in the order of the scenarios, then of the cells."""
    rows = []
    for scenario in scenarios:
        part = cells[cells["train_shift"] == scenario]
        for key, same in part.groupby("key", sort=False):
            method, hparams = str(same["method"].iloc[0]), json.loads(same["hparams"].iloc[0])
            facts = names.method_facts(method)
            siblings = [json.loads(text) for text in part.loc[part["method"] == method, "hparams"]]
            not_done = same.loc[same["status"] != "done", ["seed", "status", "reason"]]
            rows.append(
                StudyRow(
                    scenario=scenario,
                    key=str(key),
                    method=method,
                    hparams=hparams,
                    label=names.method_label(facts, hparams, siblings),
                    role=facts.role,
                    status=_status(same["status"]),
                    reason="; ".join(dict.fromkeys(map(str, not_done["reason"]))),
                    seeds_done=len(same) - len(not_done),
                )
            )
    return rows


def with_numbers(row: StudyRow, metrics: dict[str, Estimate], verdict: str, sentence: str) -> StudyRow:
    """The row with its headline numbers, and what they show: a stable word, and a sentence."""
    return replace(row, metrics=metrics, verdict=verdict, sentence=sentence)


def without_number(row: StudyRow) -> Estimate:
    """Of a row that failed or was skipped: that there is no number, and why."""
    return missing(Absent.FAILED if row.status == "failed" else Absent.SKIPPED, reason=row.reason)


def _status(statuses: pd.Series) -> Status:
    """done where any seed is, else failed where any failed, else skipped."""
    states: tuple[Status, ...] = ("done", "failed", "skipped")
    return next(status for status in states if (statuses == status).any())
