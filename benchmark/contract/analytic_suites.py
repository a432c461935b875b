"""What analytic suites must hold to: scenarios, and the numbers of every cell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.contract.check import Check, expect
from benchmark.contract.worlds import SMOKE, SuiteSubject
from benchmark.report import Study
from benchmark.suites.analytic import Record
from methods import Method
from methods.base import parse_method

SEED = 0


def scenarios(subject: SuiteSubject) -> str:
    """Scenarios and comparisons have different names, and no method has a comparison's."""
    suite = subject.suite
    for what, names in (("scenarios", suite.scenarios), ("comparisons in `beside`", suite.beside)):
        texts = isinstance(names, tuple) and all(isinstance(name, str) and name.strip() for name in names)
        expect(texts and len(set(names)) == len(names), f"{what} as a tuple of different names", repr(names))
    expect(suite.scenarios, "at least one scenario", "none")
    taken = sorted({cls.name for cls in Method.registry.all()} & set(suite.beside))
    expect(not taken, "comparisons that are no methods", ", ".join(taken))
    return ", ".join(suite.scenarios)


def version(subject: SuiteSubject) -> str:
    """There is a version, a whole number from 1 on."""
    given = getattr(subject.cls, "version", None)
    expect(isinstance(given, int) and given >= 1, "`version`, a whole number from 1 on", repr(given))
    return str(given)


def records(subject: SuiteSubject) -> str:
    """Every cell is a list of records under different names, each with the count of what was averaged."""
    counts = []
    for who in _subjects(subject):
        for scenario in subject.suite.scenarios:
            found, cell = subject.suite.run(who, scenario, SEED), f"{who}, {scenario}"
            expect(found and all(isinstance(one, Record) for one in found), f"{cell}: records", repr(found)[:80])
            names = [one.metric for one in found]
            expect(len(set(names)) == len(names), f"{cell}: different names", f"{len(set(names))} of {len(names)}")
            wrong = [one for one in found if one.n < 1 or np.isinf(one.value)]
            expect(not wrong, f"{cell}: a finite number or NaN each, and a count from 1 on", repr(wrong[:1]))
            counts.append(len(found))
    return f"{len(counts)} cells of up to {max(counts)} numbers"


def repeatable(subject: SuiteSubject) -> str:
    """A cell is the same again, from another object."""
    who, scenario = _subjects(subject)[0], subject.suite.scenarios[-1]
    first, again = (_numbers(suite.run(who, scenario, SEED)) for suite in (subject.suite, subject.make()))
    different = [name for name in first if not np.array_equal(first[name], again.get(name, np.inf), equal_nan=True)]
    expect(not different, f"{who}, {scenario}: the same numbers", f"others of {', '.join(different[:3])}")
    return ""


def summary(subject: SuiteSubject) -> str:
    """Finished cells are summed up in a study with a headline."""
    study = subject.suite.summarise(*_tables(subject))
    expect(isinstance(study, Study), "a Study", repr(study)[:80])
    expect(study.headline.strip(), "a headline", repr(study.headline))
    return str(study.headline)


def _tables(subject: SuiteSubject) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Results and cells of the preset's first method and of the comparisons, as a run has them."""
    suite, results, cells = subject.suite, [], []
    for who in _subjects(subject):
        name, hparams = (who, {}) if isinstance(who, str) else (who.name, who.hparams())
        for scenario in suite.scenarios:
            cell = {"cell_id": f"{who}-{scenario}", "suite": suite.name, "method": name, "hparams": json.dumps(hparams)}
            cell |= {"train_shift": scenario, "seed": SEED, "key": str(who)}
            cells.append({**cell, "status": "done", "reason": ""})
            for one in suite.run(who, scenario, SEED):
                results.append({**cell, "eval_shift": "", "metric": one.metric, "value": one.value, "n": one.n})
    return pd.DataFrame(results), pd.DataFrame(cells)


def _subjects(subject: SuiteSubject) -> Sequence[Any]:
    """The first method of the smallest preset that is not skipped, and the comparisons."""
    methods = [parse_method(call) for call in subject.configuration(SMOKE).methods]
    return [*[method for method in methods if subject.suite.skip(method) is None][:1], *subject.suite.beside]


def _numbers(found: list[Record]) -> dict[str, float]:
    return {one.metric: one.value for one in found}


CHECKS = (
    Check(
        "scenarios",
        scenarios,
        'Write `scenarios = ("one", "other")`, and comparisons likewise in `beside`.',
        after=("presets",),
    ),
    Check("version", version, "Write `version = 1`, and raise it when what run computes changes."),
    Check(
        "records",
        records,
        "Return [Record(metric, value, n), ...], each metric once, n how many numbers were averaged.",
        after=("scenarios", "skip"),
        slow=True,
    ),
    Check(
        "repeatable",
        repeatable,
        "Draw every random number from generator(...) of the scenario and the seed.",
        after=("records",),
        slow=True,
    ),
    Check("summary", summary, "Let summarise(results, cells) return a Study.", after=("records",), slow=True),
)
