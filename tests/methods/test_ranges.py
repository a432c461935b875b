"""Search ranges: a paper's own values can be found by whoever searches."""

from __future__ import annotations

from dataclasses import fields

import pytest

from benchmark.core.hyperparameters import Choice, Interval
from methods.base import Method

# method, hyper-parameter, values of its paper (arXiv:2502.01930 where none is named)
PAPERS = [
    ("dpo", "beta", [0.01, 0.1]),
    ("kldpo", "tau", [0.005, 0.01, 0.05, 0.1, 0.5, 0.75, 1.0, 5.0]),
    ("kldpo_released", "tau", [0.005, 0.01, 0.05, 0.1, 0.5, 0.75, 1.0, 5.0]),
    ("wdpo", "rho", [0.005, 0.01, 50.0, 75.0, 100.0]),
    ("dpo_early_stop", "fraction", [2 / 8]),
    ("flex_dpo", "beta_chosen", [0.1]),  # 2406.07327
    ("flex_dpo", "beta_rejected", [0.08]),
    ("beta_dpo", "alpha", [0.6]),  # 2407.08639
    ("rebel", "beta", [2000.0]),  # 1 / eta of the release of 2509.19104 per unit of reward, at a sharpness of 20
    ("kl_rebel", "tau", [0.1, 40.0]),  # the same release; 0.1 per squared unit of reward is 40 there
    ("chi2_rebel", "rho", [0.01, 0.5]),
    ("w_rebel", "rho", [0.01, 0.5]),
    ("ns_dpo", "gamma", [0.3, 0.5, 0.7, 0.9, 0.93, 0.95, 0.97, 0.99, 1.0]),  # 2407.18676, its experiments' settings
    ("holder_dpo", "gamma", [2.0]),  # 2505.17859
    ("gr_dpo", "eta", [0.1, 0.32]),  # the release of 2405.20304, in our unit
]


@pytest.mark.parametrize(("name", "field", "values"), PAPERS, ids=lambda value: str(value))
def test_the_papers_own_values_are_searched(name, field, values):
    (searched,) = (one.metadata["range"] for one in fields(Method.registry.get(name)) if one.name == field)
    assert [value for value in values if not searched.low <= value <= searched.high] == []


@pytest.mark.parametrize("cls", Method.registry.all(), ids=lambda cls: cls.name)
def test_defaults_are_searched_and_ranges_are_legal(cls):
    for field in fields(cls):
        searched = field.metadata.get("range")
        if isinstance(searched, Interval):
            assert searched.low <= field.default <= searched.high, field.name
            assert searched.allows(searched.low) and searched.allows(searched.high), field.name
        elif isinstance(searched, Choice):
            assert field.default in searched.options, field.name
