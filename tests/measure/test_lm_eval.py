"""Scores on lm-eval's tasks: intervals by hand, differences to the reference, what stands for a group, and claims."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.measure.build import build_report
from benchmark.measure.statistics.questions import estimate_over_seeds_and_questions
from benchmark.report import Absent, ClaimVerdict, Report, Row, words
from benchmark.report.flat import leaderboard_rows
from tests.synthetic import METHODS, write_run

T2 = 4.302652729911275  # Student's 97.5% point at 2 degrees of freedom
Z = 1.959963984540054
SHOWN = [
    {"task": "choices", "metric": "acc", "higher_is_better": True},
    {"task": "answers", "metric": "exact_match", "higher_is_better": True},
    {"task": "texts", "metric": "word_perplexity", "higher_is_better": False},
]


def test_the_interval_holds_seeds_and_questions() -> None:
    """Scores .4, .5, .6: s = T2 * .1 / sqrt(3); standard errors .03, .04, .05: q = Z * sqrt(.005 / 3)."""
    made = estimate_over_seeds_and_questions(np.array([0.4, 0.5, 0.6]), np.array([0.03, 0.04, 0.05]))
    half = np.hypot(T2 * 0.1 / np.sqrt(3), Z * np.sqrt(0.005 / 3))
    assert (made.value, made.low, made.high, made.n) == pytest.approx((0.5, 0.5 - half, 0.5 + half, 3))


def test_without_spread_or_with_one_seed_questions_are_left() -> None:
    """More seeds that agree do not narrow what other questions would change."""
    for values in (np.array([0.5]), np.full(9, 0.5), np.array([0.5, np.nan])):
        made = estimate_over_seeds_and_questions(values, np.full(len(values), 0.02))
        assert made.high == pytest.approx(0.5 + Z * 0.02)


def test_an_unknown_standard_error_leaves_no_interval_and_no_seed_no_number() -> None:
    made = estimate_over_seeds_and_questions(np.array([0.4, 0.6]), np.array([0.1, np.nan]))
    assert made.value == 0.5 and made.low is None and made.high is None and made.n == 2
    assert estimate_over_seeds_and_questions(np.full(2, np.nan), np.full(2, np.nan)).value is None


def held_to_tasks(folder: Path) -> Path:
    """A run whose methods score, at seed s: choices .5 + .1 s (DPO .2 more), answers .3, and IFEval as a paper claims;
    its KLDPO lacks `answers` at seed 2."""
    write_run(folder, methods=(METHODS[0], METHODS[2], METHODS[5]), prompts=40)
    table = pd.read_parquet(folder / "results.parquet")
    cells = pd.read_parquet(folder / "cells.parquet")
    identity = ["suite", "method", "hparams", "train_shift", "seed", "cell_id"]
    rows = []
    for cell in cells[identity].to_dict("records"):
        seed, method = cell["seed"], cell["method"]
        scores = {
            "choices/acc": (0.5 + 0.1 * seed + 0.2 * (method == "dpo"), 0.04, 100),
            "choices/acc_norm": (0.4, 0.04, 100),
            "answers/exact_match,strict": (0.3, 0.03, 50),
            "answers/exact_match,loose": (0.9, 0.03, 50),
            "texts/word_perplexity": (12.0, None, 10),
            "leaderboard_ifeval/prompt_level_strict_acc": (0.5 + 0.1 * (method == "kldpo"), 0.02, 541),
        }
        for name, (value, stderr, n) in scores.items():
            if (method, seed) == ("kldpo", 2) and name.startswith("answers"):
                continue
            for end, number in (("", value), ("_stderr", stderr)):
                if number is not None:
                    rows.append({**cell, "eval_shift": "", "metric": f"lm_eval/{name}{end}", "value": number, "n": n})
    pd.concat([table, pd.DataFrame(rows)], ignore_index=True).to_parquet(folder / "results.parquet")
    environment = json.loads((folder / "environment.json").read_text())
    (folder / "environment.json").write_text(json.dumps({**environment, "lm_eval": SHOWN}))
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build_report([held_to_tasks(tmp_path_factory.mktemp("tasks") / "run")], replicates=30)


def rows_of(report: Report) -> dict[str, Row]:
    return {row.method: row for row in report.arenas[0].rows}


def test_scores_come_in_lm_evals_order_and_say_what_was_asked_for(report: Report) -> None:
    scores = rows_of(report)["dpo"].tasks
    assert [(score.task, score.metric, score.asked) for score in scores] == [
        ("choices", "acc", True),
        ("choices", "acc_norm", False),
        ("answers", "exact_match,strict", True),  # of several filters the first
        ("answers", "exact_match,loose", False),
        ("texts", "word_perplexity", True),
        ("leaderboard_ifeval", "prompt_level_strict_acc", False),
    ]
    assert [score.questions for score in scores] == [100, 100, 50, 50, 10, 541]
    assert scores[0].value.value == pytest.approx(0.8)  # .7, .8, .9


def test_a_difference_is_paired_with_the_reference_of_the_same_seed(report: Report) -> None:
    rows = rows_of(report)
    difference = rows["dpo"].tasks[0].difference
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.2, 0.2, 0.2))  # seeds cancel
    assert all(score.difference.absent is Absent.IS_REFERENCE for score in rows["reference"].tasks)


def test_the_column_is_the_mean_of_first_metrics_where_more_is_better(report: Report) -> None:
    """Choices .5, .6, .7 and answers .3: means .4, .45, .5, each with a standard error of sqrt(.04^2 + .03^2) / 2."""
    reference = rows_of(report)["reference"].metrics["lm_eval"]
    half = np.hypot(T2 * 0.05 / np.sqrt(3), Z * 0.025)
    assert (reference.value, reference.high, reference.n) == pytest.approx((0.45, 0.45 + half, 3))
    kldpo = rows_of(report)["kldpo"].metrics["lm_eval"]
    assert kldpo.n == 2 and kldpo.value == pytest.approx(0.425)  # the seed that lacks a task has no mean
    flat = leaderboard_rows(report).set_index("method")
    assert flat.loc["reference", "lm_eval"] == pytest.approx(0.45)


def test_table_1_is_judged_where_its_tasks_are_there_and_says_how_to_run_them_elsewhere(report: Report) -> None:
    by_id = {claim.id: claim for claim in report.claims}
    assert by_id["kldpo-ifeval"].verdict is ClaimVerdict.REPRODUCED
    assert "IFEval" in words.claim_measured(by_id["kldpo-ifeval"])
    assert by_id["kldpo-bbh"].verdict is ClaimVerdict.NOT_RUN_HERE
    assert words.claim_measured(by_id["kldpo-bbh"]).endswith("--set eval.lm_eval.tasks=[leaderboard_bbh]")


def test_a_run_without_tasks_has_none_and_says_so(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", methods=(METHODS[0], METHODS[2]), prompts=40)
    row = rows_of(build_report([folder], replicates=30))["dpo"]
    assert row.tasks == () and row.metrics["lm_eval"].absent is Absent.NO_TASKS
