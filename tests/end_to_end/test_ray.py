"""The whole program on Ray: the same numbers as by the local executor, bit for bit."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.end_to_end.conftest import SMALL

pytest.importorskip("ray")
pytestmark = pytest.mark.slow
TIMES = ("seconds", "memory", "step_ratio")  # what no two runs share


def test_a_run_on_ray_has_the_numbers_of_a_local_one(prefshift, finished):
    some = [*SMALL, "--methods", "reference,dpo(beta=0.1)", "--seeds", "1"]
    prefshift(*some, "--executor", "ray", "--workers", "2", "--store", "store-of-ray", "--out", "on-ray")
    ours = pd.read_parquet(prefshift.home / "on-ray" / "results.parquet")
    local = pd.read_parquet(finished / "results.parquet")
    where = ["cell_id", "eval_shift", "metric"]
    both = ours.merge(local, on=where, suffixes=("", "_local"))
    both = both[~both["metric"].str.contains("|".join(TIMES))]
    assert set(both["cell_id"]) == set(ours["cell_id"]) and len(both) > 100
    pd.testing.assert_series_equal(both["value"], both["value_local"], check_names=False, rtol=0, atol=0)


def test_options_of_ray_without_it_are_a_mistake(prefshift):
    done = prefshift("plan", "--ray-address", "auto", status=2)
    assert "--ray-address without --executor ray" in done.stderr
    assert "did you mean" in prefshift("plan", "--executor", "rai", status=2).stderr.lower()
