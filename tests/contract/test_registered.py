"""Every registered method and shift holds to the whole contract."""

from __future__ import annotations

import pytest

from benchmark.contract.check import Outcome
from benchmark.contract.runner import run_checks
from benchmark.contract.subjects import subjects_of
from benchmark.contract.suite import checks_for, start_workers
from benchmark.contract.worlds import Worlds
from benchmark.pipeline.kinds import read_config
from methods import Method
from shifts import Shift

WORLDS = Worlds(read_config)  # not asked: suites have tests of their own
NAMES = [cls.name for cls in (*Method.registry.all(), *Shift.registry.all())]


@pytest.fixture(scope="module")
def subjects(make_lab):
    """All of them by name. The two workers take all their steps in one launch, beside the other checks."""
    found = {name: subject for name in NAMES for subject in subjects_of(name, make_lab, WORLDS)}
    start_workers(list(found.values()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_contract_holds(name, subjects):
    results = list(run_checks(checks_for(subjects[name]), subjects[name]))
    broken = [f"{r.check.name}: expected {r.expected}, got {r.got}" for r in results if r.outcome is Outcome.FAIL]
    assert not broken, "\n".join(broken)
    assert any(result.outcome is Outcome.PASS for result in results)
