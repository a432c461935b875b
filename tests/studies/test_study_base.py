"""Which methods an analytic suite takes, intervals over seeds, and presets."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.measure.analytic.intervals import over_seeds
from benchmark.pipeline.config import PRESETS
from benchmark.pipeline.kinds import build_matrix, read_config
from benchmark.report import Absent, words
from benchmark.suites.analytic import AnalyticSuite
from methods import Method
from methods.base import parse_method

SUITES = [cls.name for cls in AnalyticSuite.registry.all()]


def test_both_suites_are_registered():
    assert SUITES == ["loglinear", "toy_3d"]


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("reference", "is not trained"),
        ("best_of_n", "is not trained"),
        ("kto", "not trained by a loss on pairs"),
        ("rloo", "not trained by a loss on pairs"),
        ("modpo", "needs rewards or a shift"),
        ("oracle", "changes how training runs"),
        ("dpo_early_stop", "changes how training runs (train)"),
        ("gr_dpo", "has no annotator groups"),
        ("wdpo(solver=perturbation)", "differentiates the penalty exactly"),
    ],
)
@pytest.mark.parametrize("suite", SUITES)
def test_what_cannot_run_is_skipped_with_a_reason(suite, call, reason):
    cls = AnalyticSuite.registry.get(suite)
    assert reason in cls(cls.Settings()).skip(parse_method(call))


def test_a_moving_objective_has_no_optimum_but_can_be_followed():
    loglinear, toy = (AnalyticSuite.registry.get(name) for name in SUITES)
    method = Method.registry.get("beta_dpo").make()
    assert "no optimum" in loglinear(loglinear.Settings()).skip(method)
    assert toy(toy.Settings()).skip(method) is None


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("suite", SUITES)
def test_no_preset_holds_a_method_that_is_skipped(suite, preset):
    matrix = build_matrix(read_config(suite, preset), "none")
    assert not [cell for cell in matrix.cells if cell.skipped]
    assert {cell.train_shift for cell in matrix.cells} == set(matrix.suite.scenarios)


def test_settings_seeds_and_hyper_parameters_count_and_other_methods_do_not():
    def keys(*settings: str, methods: str = "dpo", seeds: int = 1) -> set[str]:
        config = read_config("toy_3d", "smoke", None, settings, {"methods": methods, "seeds": seeds})
        return {cell.cell_id for cell in build_matrix(config, "none").cells if cell.name == "dpo"}

    plain = keys()
    assert len(plain) == 4 and keys(methods="kldpo,dpo") == plain < keys(seeds=2)
    for other in (keys("suite.epochs=61"), keys(methods="dpo(beta=0.2)")):
        assert not plain & other


def test_the_interval_over_seeds_is_students():
    # mean 2, standard deviation 1, 3 seeds: half-width t(0.975, 2 degrees) / sqrt(3) = 4.3027 / 1.7321
    estimate = over_seeds([1.0, 2.0, 3.0, float("nan")])
    assert (estimate.value, estimate.n) == (2.0, 3)
    assert estimate.high - 2 == pytest.approx(4.30265 / np.sqrt(3), rel=1e-5) == 2 - estimate.low
    one = over_seeds([1.5])
    assert (one.value, one.low, one.high) == (1.5, None, None) and one.n == 1
    none = over_seeds([float("nan")], Absent.NOT_RUN)
    assert none.value is None and none.absent is Absent.NOT_RUN


def test_numbers_in_sentences():
    said = words.plain_interval
    assert said(over_seeds([-1.0, -1.0])) == "−1.00 [−1.00, −1.00]" and said(over_seeds([0.5]), signs=True) == "+0.50"
