"""Claims checked on analytic suites: a number of one method over seeds, or a difference paired by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from benchmark.measure.analytic.intervals import over_seeds
from benchmark.measure.analytic.runs import StudyRuns
from benchmark.measure.analytic.tables import Numbers
from benchmark.measure.claims.catalogue import StudyCheck, StudyDifferenceCheck
from benchmark.measure.claims.verdict import Finding, finding
from benchmark.measure.runs import names


def check_studies(studies: Sequence[StudyRuns], check: StudyCheck | StudyDifferenceCheck) -> Iterator[Finding]:
    """What the runs of the check's suite say, scenario by scenario; nothing where it was not run.

    Intervals are Student's over seeds; where a method ran with several settings, a seed's number is their mean.
    """
    for runs in studies:
        if runs.suite.name != check.suite:
            continue
        done = set(runs.cells.loc[runs.cells["status"] == "done", "method"])
        missing = [m for m in (check.method, getattr(check, "against", None)) if m is not None and m not in done]
        if missing:
            title = names.method_facts(missing[0]).title
            yield Finding(check.suite, f"no {title} was finished", "not run here")
            continue
        scenarios = [check.scenario] if check.scenario else list(runs.suite.scenarios)
        yield from (_check(runs, check, scenario) for scenario in scenarios)


def _check(runs: StudyRuns, check: StudyCheck | StudyDifferenceCheck, scenario: str) -> Finding:
    numbers = Numbers.of(runs.results)
    title = names.method_facts(check.method).title
    where, what = f"{check.suite}, {scenario.replace('_', ' ')}", f"{title}, {check.metric.replace('_', ' ')}"
    values = _per_seed(runs, numbers, scenario, check.method, check.metric)
    if isinstance(check, StudyDifferenceCheck):
        rival, other = check.against or check.method, check.against_scenario or scenario
        theirs = _per_seed(runs, numbers, other, rival, check.metric)
        if check.against:
            what = f"{title} minus {names.method_facts(rival).title}, {check.metric.replace('_', ' ')}"
        else:
            what += f", minus that of {other.replace('_', ' ')}"
        values = values.subtract(theirs)  # by seed; NaN where one of them lacks it
    return finding(check, where, what, over_seeds(values, "not run"))


def _per_seed(runs: StudyRuns, numbers: Numbers, scenario: str, method: str, metric: str) -> pd.Series:
    """The metric of every seed, mean over the settings of the method that have it there."""
    cells = runs.cells
    same = (cells["method"] == method) & (cells["train_shift"] == scenario) & (cells["status"] == "done")
    keys = list(dict.fromkeys(cells.loc[same, "key"]))
    if not keys:
        return pd.Series(dtype="float64")
    return pd.concat([numbers.seeds(scenario, key, metric) for key in keys], axis=1).mean(axis=1)
