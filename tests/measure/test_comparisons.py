"""Comparisons with plain DPO, Holm's correction, and ranks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.measure.build import build_report
from benchmark.measure.runs.groups import groups_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.statistics.bootstrap import ONE_SEED
from benchmark.measure.statistics.spread import Spread
from benchmark.measure.table.comparer import Judge
from benchmark.measure.table.comparisons import Contest, comparisons, default_dpo, holm, rankable, words
from benchmark.report.types import Comparison, Estimate, Group, Row
from tests.synthetic import METHODS, Trained, write_run

DPO = "dpo(beta=0.1)"
# 1 and 2 stand 0.15 over the envelope, 3 on it; the worst case of a lift L at t is 0.35 - 0.2 t + L.
RANKED = (
    *METHODS[:5],
    Trained("wdpo(beta=0.1,rho=1)", t=0.6, lift=0.15),
    Trained("wdpo(beta=0.1,rho=2)", t=0.6, lift=0.15),
    Trained("kldpo(beta=0.1,tau=0.1)", t=0.6),
    Trained("oracle(beta=0.1,at=middle)", t=0.5, lift=0.18),
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Group:
    methods = [replace(method, quality=1.0) for method in RANKED]
    folder = write_run(
        tmp_path_factory.mktemp("ranks") / "run", seeds=5, methods=methods, noise=0.05, seed_noise=0.003, samples=2
    )
    return build_report([folder], replicates=600).groups[0]


def by_label(group: Group) -> dict[str, Row]:
    return {row.label: row for row in group.rows}


def judge_of(folder: Path, replicates: int = 300) -> Judge:
    (runs,) = load_runs([folder])
    return Judge(groups_of(runs)[0], replicates)


def test_holm_by_hand() -> None:
    # Sorted .01, .02, .03, .5, times 4, 3, 2, 1: .04, .06, .06, .5.
    assert holm([0.03, 0.5, 0.01, 0.02]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([]) == [] and holm([0.04]) == [0.04]


def test_against_dpo_by_closed_forms(told: Group) -> None:
    rows = by_label(told)
    assert rows["DPO β=0.1"].comparison is None
    # DPO ends at t = 1 with joy 0.15; KLDPO at t = 0.6 with 0.23; WDPO with 0.38, where sadness is 0.6 and no less.
    for label, worst in (("KLDPO τ=0.1", 0.23), ("WDPO ρ=1", 0.38), ("DPO β=0.3", 0.19), ("Reference", 0.35)):
        comparison = rows[label].comparison
        assert comparison is not None and comparison.against == DPO and comparison.difference.value is not None
        assert comparison.difference.value == pytest.approx(worst - 0.15, abs=0.015)
        assert comparison.verdict == "better" and comparison.difference.n == 5


def test_p_agrees_with_the_interval_and_holm_with_p(told: Group) -> None:
    found = [row.comparison for row in told.rows if row.comparison is not None]
    assert len(found) == len(told.rows) - 1  # DPO's other betas, baselines and controls are among them
    p_values = [comparison.p for comparison in found if comparison.p is not None]
    assert [comparison.p_holm for comparison in found] == holm(p_values)
    for comparison in found:
        low, high = comparison.difference.low, comparison.difference.high
        assert low is not None and high is not None and comparison.p is not None
        assert (comparison.p < 0.05) == (low > 0 or high < 0)


def test_a_row_like_dpo_is_not_separable_and_a_worse_one_is_worse(tmp_path: Path) -> None:
    like, worse = Trained("cdpo(beta=0.1)", t=1.0), Trained("ipo(beta=0.1)", t=1.0, lift=-0.1)
    folder = write_run(tmp_path / "run", seeds=5, methods=(*METHODS[:3], like, worse))
    judge = judge_of(folder)
    keys = {key.split("(")[0]: key for key in judge.group.cells["key"]}
    found = comparisons(judge, list(keys.values()))
    assert found[keys["cdpo"]].verdict == "not separable" and found[keys["ipo"]].verdict == "worse"


def test_adding_a_row_changes_no_other_difference_and_only_holm(tmp_path: Path) -> None:
    few, many = (
        judge_of(write_run(tmp_path / name, methods=methods))
        for name, methods in (("few", METHODS[:6]), ("many", METHODS))
    )
    keys = list(dict.fromkeys(few.group.cells["key"]))
    before, after = comparisons(few, keys), comparisons(many, list(dict.fromkeys(many.group.cells["key"])))
    assert set(before) < set(after)
    for key, comparison in before.items():
        assert (after[key].difference, after[key].p) == (comparison.difference, comparison.p)


def test_the_difference_is_paired(tmp_path: Path) -> None:
    """A row that is DPO's own copy differs from it by nothing, and by no noise."""
    folder = write_run(tmp_path / "run", methods=METHODS[:4])
    judge = judge_of(folder)
    seeds = (0, 1, 2)
    dpo = default_dpo(judge.group)
    assert dpo == DPO
    values = judge.worst_case(dpo, seeds) - judge.worst_case(dpo, seeds)
    assert not values.any() and judge.worst_case(dpo, seeds).std() > 0


def test_one_seed_is_not_compared_and_says_so(tmp_path: Path) -> None:
    (group,) = build_report([write_run(tmp_path / "run", seeds=1, prompts=60)], replicates=60).groups
    row = by_label(group)["WDPO"]
    assert row.comparison is not None and row.comparison.verdict == "not compared"
    assert row.comparison.p is None and row.comparison.p_holm is None
    assert row.comparison.difference.value is not None and ONE_SEED in row.comparison.difference.note
    assert all(other.rank is None for other in group.rows)


def test_without_a_common_seed_there_is_no_number(tmp_path: Path) -> None:
    methods = (*METHODS[:2], replace(METHODS[2], failed_seeds=(0,)), Trained("ipo(beta=0.1)", failed_seeds=(1, 2)))
    judge = judge_of(write_run(tmp_path / "run", methods=methods))
    (key,) = {key for key in judge.group.cells["key"] if key.startswith("ipo")}
    comparison = comparisons(judge, [key])[key]
    assert comparison.difference.value is None and "no seed in common" in comparison.difference.note
    without = judge_of(write_run(tmp_path / "other", methods=METHODS[:2]))
    assert comparisons(without, [key]) == {}


def test_rows_that_cannot_be_told_apart_share_a_rank(told: Group) -> None:
    rows = by_label(told)
    assert rows["WDPO ρ=1"].rank == rows["WDPO ρ=2"].rank == 1
    assert {rows["KLDPO τ=0.1"].rank, rows["SFT"].rank} <= {3, 4}  # both WDPO are better
    unranked = {label for label, row in rows.items() if row.rank is None}
    assert unranked == {"Reference", "Oracle", "DPO β=0.1", "DPO β=0.3", "DPO β=1"}


def test_a_winner_is_beyond_the_interval() -> None:
    spread = Spread(np.array(1.0), np.array(0.0), 3)  # the interval is 1.96 to either side
    assert [Contest(gap, spread).winner for gap in (2.0, 1.9, -1.9, -2.0)] == [0, -1, -1, 1]
    assert Contest(2.0, Spread(np.array(1.0), np.array(0.0), 1)).winner == -1


def test_ranked_are_methods_and_baselines_by_over_envelope(told: Group) -> None:
    ranked = rankable(told.rows)
    values = [row.metrics["over_envelope"].value for row in ranked]
    assert values == sorted(values, key=lambda value: -(value or 0.0)) and len(ranked) == 4


def test_words_say_only_what_differs() -> None:
    difference = Estimate(0.1, 0.05, 0.15, 5)
    better = Comparison(DPO, difference, 0.001, 0.0131, "better")
    assert words(better) == " Worst case better than plain DPO's at its default setting (Holm p = .013)."
    assert "Holm p < .001" in words(replace(better, p_holm=1e-5, verdict="worse"))
    assert words(None) == words(replace(better, verdict="not separable")) == ""
