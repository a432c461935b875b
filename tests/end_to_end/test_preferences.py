"""From a jsonl of labelled pairs to a page: the path of docs/bring-your-own-preferences.md, as a user goes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "preferences.jsonl"
SMALL = [
    "--suite", "preferences", "--preset", "smoke", "--methods", "reference,dpo,dpo(beta=1),gr_dpo,best_of_n",
    "--seeds", "2", "--offline", "--set", f"suite.data_file={EXAMPLE}",
    "--set", "suite.scratch.width=32", "--set", "suite.scratch.heads=1", "--set", "suite.scratch.layers=1",
]  # fmt: skip
GROUPS = ("newcomer", "old_hand")


@pytest.fixture(scope="module")
def finished(prefshift):
    prefshift(*SMALL, "--out", "preferences")
    return prefshift.home / "preferences"


@pytest.fixture(scope="module")
def samples(finished):
    cells = pd.read_parquet(finished / "cells.parquet")[["cell_id", "method", "hparams", "seed"]]
    return pd.read_parquet(finished / "samples.parquet").merge(cells, on="cell_id")


def results(finished, method, metric, shift=""):
    table = pd.read_parquet(finished / "results.parquet")
    rows = table[(table["method"] == method) & (table["metric"] == metric) & (table["eval_shift"].str.contains(shift))]
    return rows["value"].to_numpy()


def test_the_guide_shows_the_example_and_its_format():
    guide = (ROOT / "docs" / "bring-your-own-preferences.md").read_text()
    for line in guide.split("```json\n")[1].split("```")[0].strip().splitlines():
        assert json.loads(line).keys() == {"prompt", "chosen", "rejected", "group"}
    assert f"inspect examples/{EXAMPLE.name}" in guide


def test_inspect_and_plan_say_what_is_to_come(prefshift):
    inspected = prefshift("inspect", str(EXAMPLE)).stdout
    assert "480 rows" in inspected and "old_hand" in inspected
    planned = prefshift("plan", *SMALL).stdout
    assert "judged_pairs" in planned and "labelled_pairs" in planned and "unknown" not in planned


def test_the_reference_orders_nothing(samples):
    reference = samples[samples["method"] == "reference"]
    for group in GROUPS:
        assert set(reference[group].dropna()) == {0.5} and reference[group].isna().any()
    assert reference["kl"].isna().all() and reference["completion"].str.contains("no preference").all()


def test_every_number_follows_from_the_pairs(finished, samples):
    test = samples[(samples["method"] == "dpo") & (samples["split"] == "test") & (samples["seed"] == 0)]
    test = test[test["hparams"] == test["hparams"].iloc[0]]
    last = test[test["step"] == test["step"].max()]
    means = [last[group].mean() for group in GROUPS]  # each on the pairs that it labelled
    beta = json.loads(last["hparams"].iloc[0])["beta"]
    table = pd.read_parquet(finished / "results.parquet")
    mine = table[table["cell_id"] == last["cell_id"].iloc[0]].set_index(["metric", "eval_shift"])["value"]
    trained = mine["nominal"].index[0]
    assert "fractions=0.9/0.1" in trained and beta > 0
    mixed = 0.9 * means[0] + 0.1 * means[1]
    assert mine["nominal", trained] == pytest.approx(mixed)
    assert mine["preference_accuracy", trained] == pytest.approx(mixed)
    assert mine["worst_group_accuracy", ""] == pytest.approx(min(means))
    assert mine["worst_case", ""] == pytest.approx(min(means))  # the corners are evaluated


def test_training_moves_towards_the_group_that_labels(finished):
    of_largest = results(finished, "dpo", "preference_accuracy", r"fractions=1/0\)")
    assert (of_largest > 0.6).all()
    assert (results(finished, "dpo", "implicit_margin", r"fractions=1/0\)") > 0).all()
    assert (results(finished, "dpo", "worst_group_accuracy") < of_largest).all()
    errors = results(finished, "dpo", "calibration_error")
    assert ((errors >= 0) & (errors <= 1)).all() and len(errors)
    assert np.isfinite(results(finished, "gr_dpo", "worst_group_loss")).all()


def test_the_text_of_a_pair_is_what_the_policy_prefers(samples):
    trained = samples[samples["method"] == "gr_dpo"]
    assert trained["completion"].str.contains(r" \| preferred by \d+\.\d\d nats to: ").mean() > 0.99


def test_no_prompt_trains_and_judges(samples):
    by_split = samples.groupby("split")["prompt"].agg(set)
    assert not by_split["validation"] & by_split["test"]
    assert 100 < len(by_split["validation"] | by_split["test"]) < 200  # of 480, 144 expected


def test_the_page_works_without_a_divergence(finished):
    page = (finished / "site" / "index.html").read_text()
    assert "NaN" not in page.split("<script")[0] and "nothing is sampled in this suite" in page
    board = pd.read_csv(finished / "leaderboard.csv").set_index("key")
    assert board["kl_to_reference"].isna().all() and board["gated_kl_saving"].isna().all()
    assert board["win_rate"].isna().all()  # no pair was put to both groups
    assert board.loc[board["method"] == "dpo", "gated_nominal"].notna().all()
    assert board.loc[board["method"] == "gr_dpo", "length_controlled_accuracy"].notna().all()
    facts = json.loads((finished / "environment.json").read_text())
    assert facts["labelling"] == {"kind": "people's own"} and "480 rows" in facts["suite_facts"]["data"]


def test_what_draws_completions_is_skipped_with_its_reason(finished):
    cells = pd.read_parquet(finished / "cells.parquet").set_index("method")
    assert set(cells.loc["best_of_n", "status"]) == {"skipped"}
    assert "no completion is drawn" in cells.loc["best_of_n", "reason"].iloc[0]


def test_what_changes_how_labels_come_is_skipped_since_people_gave_them(prefshift):
    groups = f"annotator_groups(groups={'/'.join(GROUPS)},fractions=0.9/0.1)"
    for shift in (f"label_noise(of={groups},rate=0.2)", f"response_source(of={groups},chosen=off)"):
        planned = " ".join(prefshift("plan", *SMALL, "--train-shifts", shift).stdout.split())
        assert "labels are people's own" in planned and "trained_policy" not in planned
