"""Three methods that are wrong on purpose: each is caught, by the one check that is about its mistake."""

from __future__ import annotations

import re

import pytest

from benchmark.cli import main
from benchmark.contract.check import Outcome
from benchmark.contract.runner import run_checks
from benchmark.contract.subjects import class_of, location, subjects_of
from benchmark.contract.suite import LabOnDemand, checks_for, start_workers
from benchmark.contract.worlds import Worlds
from benchmark.pipeline.kinds import read_config

from .conftest import ROOT, WRONG

CAUGHT = {  # by file: the check that fails, what it expected, what it got, and the line of the class
    "wrong_sign": (
        "direction",
        "wrong_sign(beta=0.1): every chosen completion pushed up",
        r"pushes of \[-0.05(, -0.05)+\]",
        13,
    ),
    "secret_batch_mean": (
        "own pair",
        "the loss of pair(s) [4] of 6 without the others 0.",
        r"0\.\d+, off by 0\.\d+",
        13,
    ),
    "detached_factor": (
        "gradient",
        "d losses / d (chosen, rejected) by finite differences at [",
        r"-?0\.\d+, off by 0\.\d+",
        13,
    ),
}


@pytest.fixture(scope="module")
def subjects(make_lab, forgotten_module):
    """The three and the example of the README, by file; the two workers take all their steps in one launch."""
    files = {name: WRONG / f"{name}.py" for name in CAUGHT} | {"mild_dpo": ROOT / "examples" / "mild_dpo.py"}
    found = {
        name: subject
        for name, file in files.items()
        for subject in subjects_of(str(file), make_lab, Worlds(read_config))
    }
    start_workers(list(found.values()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", CAUGHT)
def test_a_wrong_method_fails_one_check_and_is_told_why(name, subjects):
    check, expected, got, line = CAUGHT[name]
    results = {result.check.name: result for result in run_checks(checks_for(subjects[name]), subjects[name])}
    assert [name for name, result in results.items() if result.outcome is Outcome.FAIL] == [check]
    assert expected in results[check].expected
    assert re.search(got, results[check].got)
    assert location(class_of(subjects[name])) == f"{WRONG / name}.py:{line}"


@pytest.mark.slow
def test_the_example_of_the_readme_holds_to_the_contract(subjects):
    subject = subjects["mild_dpo"]
    outcomes = {result.check.name: result.outcome for result in run_checks(checks_for(subject), subject)}
    assert Outcome.FAIL not in outcomes.values() and Outcome.HELD_BACK not in outcomes.values()
    assert outcomes["workers"] is outcomes["micro-batches"] is outcomes["resume"] is Outcome.PASS


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CAUGHT, "mild_dpo"])
def test_the_command_says_so_in_its_exit_status_and_in_words(name, subjects, make_lab, monkeypatch, capsys):
    class Shared(LabOnDemand):
        """The world of these tests, so that nothing is started again."""

        __call__ = staticmethod(make_lab)

    monkeypatch.setattr("benchmark.contract.suite.LabOnDemand", Shared)
    file = ROOT / "examples" / "mild_dpo.py" if name == "mild_dpo" else WRONG / f"{name}.py"
    status, printed = main(["check", str(file)]), capsys.readouterr().out
    assert "train_runtime" not in printed and "Traceback" not in printed
    if name == "mild_dpo":
        assert status == 0 and "FAIL" not in printed
        assert re.search(r"pass +workers", printed)
        assert re.search(r"skipped +limits +the class states no limits\(\)\.", printed)
        return
    check, expected, got, line = CAUGHT[name]
    assert status == 1 and len(re.findall("FAIL  ", printed)) == 1
    assert re.search(rf"FAIL +{check} ", printed)
    assert re.search(r"expected .*" + re.escape(expected), printed)
    assert re.search(r"got +.*" + got, printed)
    assert re.search(rf"at +\S*{name}\.py:{line}\n", printed)
