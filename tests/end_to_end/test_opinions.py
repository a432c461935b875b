"""From a survey file to a page: the suite of finite answers, run as a user runs it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tests.end_to_end.conftest import ON_TASKS
from tests.harness.emotion_tasks import write_tasks

pytestmark = pytest.mark.slow
THINGS = ("tax", "school", "road", "army", "press", "trade", "water", "court")
SMALL = [
    "--suite", "opinions", "--preset", "smoke", "--methods", "reference,dpo,dpo(beta=1),gr_dpo,best_of_n,modpo",
    "--seeds", "2", "--offline", "--set", "suite.train_pairs=128", "--set", "training.batch_size=32",
    "--set", "suite.scratch.width=32", "--set", "suite.scratch.heads=1", "--set", "suite.scratch.layers=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def finished(prefshift, tmp_path_factory):
    """Group a likes every plan, group b none; a third of the questions was put to a alone."""
    file = tmp_path_factory.mktemp("survey") / "survey.jsonl"
    rows = []
    for number in range(90):
        question = f"Do you like plan {number} for the {THINGS[number % 8]} ?"
        selections = {"a": [0.8, 0.15, 0.05]} | ({"b": [0.1, 0.8, 0.1]} if number % 3 else {})
        rows.append({"question": question, "options": ["Yes", "No", "Do not know"], "selections": selections})
    file.write_text("\n".join(map(json.dumps, rows)))
    prefshift(*SMALL, "--set", f"suite.data_file={file}", "--out", "opinions")
    return prefshift.home / "opinions"


def results(finished, method, metric, shift=""):
    table = pd.read_parquet(finished / "results.parquet")
    rows = table[(table["method"] == method) & (table["metric"] == metric) & (table["eval_shift"].str.contains(shift))]
    return rows["value"].to_numpy()


def test_every_number_of_the_reference_follows_from_its_answers(finished):
    assert (results(finished, "reference", "kl_to_reference") == 0).all()
    samples, cells = (pd.read_parquet(finished / f"{name}.parquet") for name in ("samples", "cells"))
    cell = cells[(cells["method"] == "reference") & (cells["seed"] == 0)]["cell_id"].iloc[0]
    test = samples[(samples["cell_id"] == cell) & (samples["split"] == "test")]
    assert test["b"].isna().any() and test["a"].notna().all()
    for group in ("a", "b"):
        assert results(finished, "reference", f"reward_{group}")[0] == pytest.approx(test[group].mean())
    mixed = 0.9 * test["a"].mean() + 0.1 * test["b"].mean()  # each group on the questions that it was asked
    assert results(finished, "reference", "nominal")[0] == pytest.approx(mixed)


def test_training_moves_towards_the_group_that_labels(finished):
    assert (results(finished, "dpo", "reward_a") > results(finished, "reference", "reward_a").mean()).all()
    accuracy = results(finished, "dpo", "preference_accuracy", r"fractions=1/0\)")
    assert (accuracy > 0.5).all() and (results(finished, "dpo", "worst_group_accuracy") < accuracy).all()
    assert np.isfinite(results(finished, "gr_dpo", "worst_group_loss")).all()


def test_what_draws_completions_or_needs_all_rewards_is_skipped_with_its_reason(finished):
    cells = pd.read_parquet(finished / "cells.parquet").set_index("method")
    assert set(cells.loc["best_of_n", "status"]) == {"skipped"}
    assert "finite set of answers" in cells.loc["best_of_n", "reason"].iloc[0]
    assert "not all were asked" in cells.loc["modpo", "reason"].iloc[0]


def test_the_page_says_what_it_can_and_shows_the_answers(finished):
    page = (finished / "site" / "index.html").read_text()
    assert "Yes" in page and "NaN" not in page.split("<script")[0]
    claims = pd.read_csv(finished / "leaderboard.csv")
    assert claims.loc[claims["method"] == "dpo", "gated_feasible_lift"].isna().all()


def test_a_suite_of_answers_is_held_to_tasks_of_lm_eval_too(prefshift, finished, tmp_path):
    file = json.loads((finished / "environment.json").read_text())["config"]["suite"]["data_file"]
    where = ["--set", f"suite.data_file={file}", "--set", f"eval.lm_eval.include_path={write_tasks(tmp_path)}"]
    prefshift(*SMALL, *where, *ON_TASKS, "--methods", "reference,gr_dpo,best_of_n", "--seeds", "1", "--out", "asked")
    run = prefshift.home / "asked"
    assert len(results(run, "gr_dpo", "lm_eval/emotion_choices/acc")) == 1
    assert len(results(run, "best_of_n", "lm_eval/emotion_choices/acc")) == 0  # it was skipped


def test_a_utility_that_is_no_weighted_sum_is_refused_before_anything_runs(prefshift, finished):
    shift = "alpha_mixture(a=a,b=b,alpha=0.5,kind=geometric)"
    file = json.loads((finished / "environment.json").read_text())["config"]["suite"]["data_file"]
    done = prefshift("plan", *SMALL, "--train-shifts", shift, "--set", f"suite.data_file={file}", status=2)
    assert "not linear in its rewards" in " ".join(done.stderr.split())
