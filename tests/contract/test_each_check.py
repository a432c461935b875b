"""Every check against a plug-in, or a trainer, that breaks its promise: no check passes whatever comes."""

from __future__ import annotations

import ast
from dataclasses import dataclass

import pytest

from benchmark.contract import batch, families, formula, labels, plugin, shifts, training, weighing
from benchmark.contract.check import Check, Outcome
from benchmark.contract.runner import run_check, run_checks
from benchmark.contract.subjects import MethodSubject, classes_in, subject_of
from benchmark.contract.workers import WorkerError
from benchmark.contract.worlds import Worlds
from benchmark.pipeline.kinds import read_config
from methods import Method, PairwiseMethod
from methods.dpo import DPO
from shifts import Rewards, Shift
from shifts.alpha_mixture import AlphaMixture

from . import broken_labels, broken_methods, broken_shifts  # noqa: F401  which note what they break
from .breaking import BROKEN_METHODS, BROKEN_SHIFTS
from .conftest import ROOT

WORLDS = Worlds(read_config)
METHOD_ROOMS = (plugin.CHECKS, formula.CHECKS, weighing.CHECKS, batch.CHECKS, training.CHECKS, training.ALL_METHODS)
METHOD_CHECKS = {check.name: check for checks in METHOD_ROOMS for check in checks}
SHIFT_CHECKS = {check.name: check for check in (*shifts.CHECKS, *labels.CHECKS, *families.CHECKS)}
CASES = [(check, cls) for check, classes in BROKEN_METHODS.items() for cls in classes]


@pytest.mark.parametrize(("check", "cls"), CASES, ids=[cls.name for _, cls in CASES])
def test_a_broken_method_is_caught_by_the_check_that_is_about_it(check, cls, make_lab, monkeypatch):
    monkeypatch.setitem(Method.registry._classes, cls.name, cls)
    broken_methods.HiddenState.hidden = 0.0
    result = run_check(METHOD_CHECKS[check], subject_of(cls, make_lab, WORLDS))
    assert result.outcome is Outcome.FAIL and result.got
    assert result.expected != "no error", result.got  # the promise fails, not the fixture


def test_an_import_of_the_benchmark_is_caught(tmp_path, make_lab, forgotten):
    source = '''
"""A method that loads a model by itself."""

from dataclasses import dataclass

from methods.dpo import DPO


@dataclass(frozen=True)
class Importing(DPO):
    """DPO."""

    name = "broken_importing"

    def pair_losses(self, batch):
        from transformers import AutoModel

        return super().pair_losses(batch)
'''
    (tmp_path / "importing.py").write_text(source)
    (cls,) = classes_in(tmp_path / "importing.py")
    result = run_check(METHOD_CHECKS["imports"], subject_of(cls, make_lab, WORLDS))
    assert result.outcome is Outcome.FAIL and result.got == "transformers in line 16 of importing.py"
    assert result.expected == "imports of `methods` and `benchmark.core` alone"
    assert result.change.startswith("In place of transformers: the verbs of the job")


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("from benchmark.measure.rows import Row", "what `from shifts import ...` offers"),
        ("from benchmark import report", "what `from shifts import ...` offers"),
        ("import methods.dpo", "what the benchmark hands over"),
        ("from torch import Tensor", ""),
        ("from benchmark.core.seeds import generator", ""),
        ("from shifts.blends import Blend", ""),
    ],
)
def test_a_shift_that_looks_above_its_floor_is_told_where_to_look(line, instead, tmp_path, make_lab, forgotten):
    source = f'''
"""A family of one objective."""

from dataclasses import dataclass

from shifts import Shift


@dataclass(frozen=True)
class Plain(Shift):
    """a: what is rewarded."""

    name = "broken_plain"

    a: str

    def utility(self, rewards):
        {line}

        return rewards[self.a]
'''
    (tmp_path / "plain.py").write_text(source)
    (cls,) = classes_in(tmp_path / "plain.py")
    result = run_check(SHIFT_CHECKS["imports"], subject_of(cls, make_lab, WORLDS))
    assert result.outcome is (Outcome.FAIL if instead else Outcome.PASS)
    assert instead in result.change and ("in line 18 of plain.py" in result.got or not instead)


@pytest.mark.parametrize("family", ["methods", "shifts"])
def test_every_file_of_a_family_stands_on_core_alone(family):
    for file in (ROOT / family).glob("*.py"):
        above = [name for name, _ in plugin._imported(ast.parse(file.read_text())) if plugin._is_above(name, family)]
        assert not above, f"{family}/{file.name} imports {', '.join(above)}"


def told(cls, check, make_lab, monkeypatch):
    """What a broken method is told to change."""
    monkeypatch.setitem(Method.registry._classes, cls.name, cls)
    return run_check(METHOD_CHECKS[check], subject_of(cls, make_lab, WORLDS)).change


def test_ties_extremes_and_types_are_answered_with_what_to_change(make_lab, monkeypatch):
    assert "ball_weights(losses, solve)" in told(broken_methods.HardestAlone, "permutation", make_lab, monkeypatch)
    assert "EQUAL = 1e-5" in told(broken_methods.HardestAlone, "permutation", make_lab, monkeypatch)
    assert "place in the batch" in told(broken_methods.FirstComeFirst, "permutation", make_lab, monkeypatch)
    assert "exp(x.clamp(max=20))" in told(broken_methods.Naive, "finite", make_lab, monkeypatch)
    assert "dtype=torch.float64" in told(broken_methods.SinglePrecision, "state", make_lab, monkeypatch)


@pytest.mark.parametrize("check", ["micro-batches", "padding"])
def test_a_trainer_that_minds_how_the_batch_is_cut_is_caught(check, make_lab, monkeypatch):
    lab, right = make_lab(), make_lab().step

    def wrong(method, micro, padding=0):
        slip = 1.0 + 1e-3 * (micro < 64 or padding > 0)
        return {name: slip * gradient for name, gradient in right(method, micro, padding).items()}

    monkeypatch.setattr(lab, "step", wrong)
    result = run_check(METHOD_CHECKS[check], MethodSubject(DPO(), make_lab))
    assert result.outcome is Outcome.FAIL and "off by" in result.got


def test_workers_that_take_another_step_or_none_are_caught(make_lab, monkeypatch):
    lab, subject = make_lab(), MethodSubject(DPO(), make_lab)
    whole = lab.whole(DPO())
    monkeypatch.setattr(lab.workers, "step", lambda call: {name: 2 * gradient for name, gradient in whole.items()})
    assert run_check(METHOD_CHECKS["workers"], subject).outcome is Outcome.FAIL

    def failing(call):
        raise WorkerError("RuntimeError: no such tensor")

    monkeypatch.setattr(lab.workers, "step", failing)
    assert run_check(METHOD_CHECKS["workers"], subject).got == "RuntimeError: no such tensor"


def test_every_check_of_a_method_can_fail():
    elsewhere = {"imports", "micro-batches", "padding", "workers"}
    assert set(METHOD_CHECKS) == {*BROKEN_METHODS, *elsewhere}


def test_what_builds_on_a_failed_check_is_held_back():
    def fails(subject):
        """No."""
        raise ValueError("no")

    def passes(subject):
        """Yes."""
        return "fine"

    checks = [
        Check("first", fails),
        Check("second", passes, after=("first",)),
        Check("third", passes),
        Check("fourth", passes, after=("third", "second")),
    ]
    results = list(run_checks(checks, None))
    assert [one.outcome for one in results] == [Outcome.FAIL, Outcome.HELD_BACK, Outcome.PASS, Outcome.HELD_BACK]
    assert results[1].detail == results[3].detail == "builds on 'first', which failed"


def test_a_method_that_crashes_is_told_the_line(make_lab):
    @dataclass(frozen=True)
    class Crashing(PairwiseMethod):
        """Divides by nothing."""

        name = "broken_crashing"

        def pair_losses(self, batch):
            raise ZeroDivisionError("by nothing")

    del Method.registry._classes["broken_crashing"]
    result = run_check(METHOD_CHECKS["pure"], subject_of(Crashing, make_lab, WORLDS))
    assert result.got.startswith("ZeroDivisionError in line ") and result.got.endswith("test_each_check.py: by nothing")


SHIFT_CASES = [(check, cls) for check, classes in BROKEN_SHIFTS.items() for cls in classes]


@pytest.mark.parametrize(("check", "cls"), SHIFT_CASES, ids=[cls.name for _, cls in SHIFT_CASES])
def test_a_broken_shift_is_caught_by_the_check_that_is_about_it(check, cls, make_lab, monkeypatch):
    monkeypatch.setitem(Shift.registry._classes, cls.name, cls)
    result = run_check(SHIFT_CHECKS[check], subject_of(cls, make_lab, WORLDS))
    assert result.outcome is Outcome.FAIL and result.expected != "no error"


def test_every_check_of_a_shift_can_fail():
    assert set(SHIFT_CHECKS) == {*BROKEN_SHIFTS, "imports"}


def test_every_check_says_what_to_change_or_finds_out():
    finds_out = {"imports"}  # what to use in place of what was imported
    assert {name for name, check in {**METHOD_CHECKS, **SHIFT_CHECKS}.items() if not check.change} == finds_out


def test_rewards_for_the_checks_reach_both_ends_of_their_ranges():
    point = AlphaMixture("joy", "fear")
    columns = Rewards(shifts.made_up(point, shifts.RANGES))
    for name, (low, high) in shifts.RANGES.items():
        assert (columns[name].min(), columns[name].max()) == (low, high)
