"""Claims checked on analytic suites: a number of one method over seeds, or a difference paired by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from benchmark.measure.analytic.intervals import over_seeds
from benchmark.measure.analytic.runs import StudyRuns
from benchmark.measure.analytic.tables import Numbers
from benchmark.measure.claims.catalogue import StudyCheck, StudyDifferenceCheck
from benchmark.measure.claims.verdict import finding, unchecked
from benchmark.measure.runs import names
from benchmark.report import Absent, Finding, Measured, NotChecked, Place, Subject, Unchecked


def check_studies(studies: Sequence[StudyRuns], check: StudyCheck | StudyDifferenceCheck) -> Iterator[Finding]:
    """What the runs of the check's suite say, scenario by scenario; nothing where it was not run.

    Intervals are Student's over seeds; where a method ran with several settings, a seed's number is their mean.
    """
    for runs in studies:
        if runs.suite.name != check.suite:
            continue
        done = set(runs.cells.loc[runs.cells["status"] == "done", "method"])
        wanted = (check.method, getattr(check, "against", None))
        lacking = [method for method in wanted if method is not None and method not in done]
        if lacking:
            title = names.method_facts(lacking[0]).title
            yield unchecked(Place(check.suite), Unchecked(NotChecked.NOT_FINISHED, method=title))
            continue
        scenarios = [check.scenario] if check.scenario else list(runs.suite.scenarios)
        yield from (_check(runs, check, scenario) for scenario in scenarios)


def _check(runs: StudyRuns, check: StudyCheck | StudyDifferenceCheck, scenario: str) -> Finding:
    numbers = Numbers.of(runs.results)
    values = _per_seed(runs, numbers, scenario, check.method, check.metric)
    rival, rival_scenario = None, ""
    if isinstance(check, StudyDifferenceCheck):
        other_method, other_scenario = check.against or check.method, check.against_scenario or scenario
        # by seed; NaN where one of them lacks it
        values = values.subtract(_per_seed(runs, numbers, other_scenario, other_method, check.metric))
        if check.against:
            rival = Subject(names.method_facts(check.against).title)
        else:
            rival_scenario = other_scenario.replace("_", " ")
    measured = Measured(
        metric=check.metric,
        subject=Subject(names.method_facts(check.method).title),
        rival=rival,
        rival_scenario=rival_scenario,
        estimate=over_seeds(values, Absent.NOT_RUN),
        claimed=check.claimed,
        threshold=check.threshold,
    )
    return finding(Place(check.suite, scenario.replace("_", " ")), measured)


def _per_seed(runs: StudyRuns, numbers: Numbers, scenario: str, method: str, metric: str) -> pd.Series:
    """The metric of every seed, mean over the settings of the method that have it there."""
    cells = runs.cells
    same = (cells["method"] == method) & (cells["train_shift"] == scenario) & (cells["status"] == "done")
    keys = list(dict.fromkeys(cells.loc[same, "key"]))
    if not keys:
        return pd.Series(dtype="float64")
    return pd.concat([numbers.seeds(scenario, key, metric) for key in keys], axis=1).mean(axis=1)
