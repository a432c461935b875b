"""Baselines that are made from others, from rewards, or from candidates, through the whole program."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.end_to_end.conftest import SMALL

pytestmark = pytest.mark.slow

# Best of n comes first: it must not be taken for the reference, which is not trained either.
METHODS = "best_of_n(n=4),reference,dpo(beta=0.1),dpo_early_stop(fraction=0.5),mixture,rewarded_soups,modpo,kto,rloo"


@pytest.fixture(scope="module")
def run(prefshift):
    """The folder of a run of every baseline."""
    prefshift(*SMALL, "--methods", METHODS, "--seeds", "1", "--out", "baselines")
    return prefshift.home / "baselines"


@pytest.fixture(scope="module")
def results(run):
    """Numbers by method, metric and evaluation shift."""
    return pd.read_parquet(run / "results.parquet").set_index(["method", "metric", "eval_shift"])["value"]


def test_every_baseline_is_done_and_on_the_page(run):
    cells = pd.read_parquet(run / "cells.parquet").set_index("method")
    assert len(cells) == 9 and set(cells["status"]) == {"done"}
    page = (run / "site" / "index.html").read_text()
    assert all(f"{name}(" in page for name in cells.index if name != "reference")


def test_early_stop_is_dpos_own_checkpoint(run):
    samples = pd.read_parquet(run / "samples.parquet")
    cells = pd.read_parquet(run / "cells.parquet").set_index("method")["cell_id"]
    dpo, stopped = (samples[samples["cell_id"] == cells[name]] for name in ("dpo", "dpo_early_stop"))
    step = dpo["step"].min()
    assert step == dpo["step"].max() / 2 == stopped["step"].max()
    ours, theirs = (part[part["step"] == step]["completion"].tolist() for part in (stopped, dpo))
    assert ours == theirs


def test_best_of_n_has_a_path_a_stated_divergence_and_no_probes(run, results):
    train = "alpha_mixture(a=joy,b=sadness,alpha=0.1,kind=convex)"
    path = [results["best_of_n", f"reward@{n}", train] for n in (1, 2, 4)]
    assert path == sorted(path) and path[2] > path[0]
    kl = [results["best_of_n", f"kl_to_reference@{n}", ""] for n in (1, 2, 4)]
    assert kl == pytest.approx([0.0, 0.19314718, 0.63629436])
    metrics = set(results["best_of_n"].index.get_level_values("metric"))
    assert not {name for name in metrics if name.startswith("logp_")} and "preference_accuracy" not in metrics
    assert not {"train_seconds", "step_ratio_to_dpo"} & metrics
    assert results["reference", "win_rate", train] == 0.5  # against itself


def test_a_soup_costs_what_its_parts_cost_and_keeps_their_steps(run, prefshift):
    seconds = pd.read_parquet(run / "cells.parquet").set_index("method").loc["rewarded_soups", "train_seconds"]
    store = prefshift.home / ".cache" / "prefshift"
    made = {meta.parent: json.loads(meta.read_text()) for meta in store.glob("trained_policy/*/artefact.json")}
    (soup,) = (folder for folder, told in made.items() if told["label"] == "rewarded_soups")
    parts = [store / path for name, path in made[soup]["inputs"].items() if name.startswith("part-")]
    of_parts = [json.loads((part / "cost.json").read_text())["train_seconds"] for part in parts]
    assert len(parts) == 2 and seconds > sum(of_parts)  # and a moment for the averaging
    assert len(list(soup.glob("step-*"))) == 2 and not (soup / "curve.parquet").exists()
