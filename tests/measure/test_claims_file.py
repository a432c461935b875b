"""The file of claims: every name in it exists, and mistakes in it are named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmark.core.errors import UserError
from benchmark.measure.claims import read_catalogue
from benchmark.measure.claims.catalogue import FILE, DifferenceCheck, MetricCheck, StudyCheck, StudyDifferenceCheck
from benchmark.studies.loglinear import summary as rates
from benchmark.studies.toy_3d import summary as toy
from benchmark.suites.analytic import AnalyticSuite
from methods import Method
from shifts import Shift


def test_names_in_the_file_exist() -> None:
    methods = {cls.name for cls in Method.registry.all()}
    shifts = {cls.name for cls in Shift.registry.all()}
    metrics = {"toy_3d": toy.METRICS, "loglinear": rates.METRICS}
    for claim in read_catalogue().claims:
        for check in claim.checks:
            for name in (getattr(check, "method", None), getattr(check, "against", None)):
                assert name is None or name in methods, claim.id
            if isinstance(check, MetricCheck | DifferenceCheck):
                assert check.where.shift is None or check.where.shift in shifts, claim.id
            if isinstance(check, StudyCheck | StudyDifferenceCheck):
                scenarios = AnalyticSuite.registry.get(check.suite).scenarios
                assert check.metric in metrics[check.suite], claim.id
                for scenario in (check.scenario, getattr(check, "against_scenario", None)):
                    assert scenario is None or scenario in scenarios, claim.id


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("metric: fall, method: dpo", "metric: fal, method: dpo", r"claim 'dpo-falls', checks\.0.*metric: Input"),
        ("kind: metric, metric: fall", "kind: matric, metric: fall", r"claim 'dpo-falls', checks\.0.*'matric'"),
        ("id: kldpo-level", "id: wdpo-level", "two claims have the id 'wdpo-level'"),
        ("paper: yan\n    source: \"first", "paper: yann\n    source: \"first", "Did you mean 'yan'"),
        ("claimed: below, where: &convex", "claim: below, where: &convex", "claimed: Field required"),
        ("scenario: chosen_on_rejected_on, against_scenario: chosen_off_rejected_on", "scenario: chosen_on_rejected_on",
         "give one of `against` and `against_scenario`"),
        ("papers:", "papers: [", "cannot be read as claims"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file_are_named(old: str, new: str, words: str, tmp_path: Path) -> None:
    text = FILE.read_text()
    assert old in text
    file = Path(shutil.copy(FILE, tmp_path / "claims.yaml"))
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=words):
        read_catalogue(file)
