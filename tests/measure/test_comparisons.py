"""Comparisons with plain DPO, Holm's correction, and ranks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.measure.build import build_report
from benchmark.measure.runs.arenas import arenas_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.statistics.spread import Spread
from benchmark.measure.table.comparer import Comparer
from benchmark.measure.table.comparisons import Contest, comparisons, default_dpo, holm, rankable
from benchmark.report import Absent, Arena, Comparison, Estimate, Row, words
from methods.base import parse_method
from tests.synthetic import METHODS, Trained, write_run

DPO = str(parse_method("dpo(beta=0.1)"))
# 1 and 2 stand 0.15 over the envelope, 3 on it; the worst case of a lift L at t is 0.35 - 0.2 t + L.
RANKED = (
    *METHODS[:5],
    Trained("wdpo(beta=0.1,rho=1)", t=0.6, lift=0.15),
    Trained("wdpo(beta=0.1,rho=2)", t=0.6, lift=0.15),
    Trained("kldpo(beta=0.1,tau=0.1)", t=0.6),
    Trained("oracle(beta=0.1,at=middle)", t=0.5, lift=0.18),
)


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Arena:
    methods = [replace(method, quality=1.0) for method in RANKED]
    folder = write_run(
        tmp_path_factory.mktemp("ranks") / "run", seeds=5, methods=methods, noise=0.05, seed_noise=0.003, samples=2
    )
    return build_report([folder], replicates=600).arenas[0]


def by_label(arena: Arena) -> dict[str, Row]:
    return {row.label: row for row in arena.rows}


def comparer_of(folder: Path, replicates: int = 300) -> Comparer:
    (runs,) = load_runs([folder])
    return Comparer(arenas_of(runs)[0], replicates)


def test_holm_by_hand() -> None:
    # Sorted .01, .02, .03, .5, times 4, 3, 2, 1: .04, .06, .06, .5.
    assert holm([0.03, 0.5, 0.01, 0.02]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([]) == [] and holm([0.04]) == [0.04]


def test_against_dpo_by_closed_forms(ranked: Arena) -> None:
    rows = by_label(ranked)
    assert rows["DPO β=0.1"].comparison is None
    # DPO ends at t = 1 with joy 0.15; KLDPO at t = 0.6 with 0.23; WDPO with 0.38, where sadness is 0.6 and no less.
    for label, worst in (("KLDPO τ=0.1", 0.23), ("WDPO ρ=1", 0.38), ("DPO β=0.3", 0.19), ("Reference", 0.35)):
        comparison = rows[label].comparison
        assert comparison is not None and comparison.against == DPO and comparison.difference.value is not None
        assert comparison.difference.value == pytest.approx(worst - 0.15, abs=0.015)
        assert comparison.verdict == "better" and comparison.difference.n == 5


def test_p_agrees_with_the_interval_and_holm_with_p(ranked: Arena) -> None:
    found = [row.comparison for row in ranked.rows if row.comparison is not None]
    assert len(found) == len(ranked.rows) - 1  # DPO's other betas, baselines and controls are among them
    p_values = [comparison.p for comparison in found if comparison.p is not None]
    assert [comparison.p_holm for comparison in found] == holm(p_values)
    for comparison in found:
        low, high = comparison.difference.low, comparison.difference.high
        assert low is not None and high is not None and comparison.p is not None
        assert (comparison.p < 0.05) == (low > 0 or high < 0)


def test_a_row_like_dpo_is_not_separable_and_a_worse_one_is_worse(tmp_path: Path) -> None:
    like, worse = Trained("cdpo(beta=0.1)", t=1.0), Trained("ipo(beta=0.1)", t=1.0, lift=-0.1)
    folder = write_run(tmp_path / "run", seeds=5, methods=(*METHODS[:3], like, worse))
    comparer = comparer_of(folder)
    keys = {key.split("(")[0]: key for key in comparer.arena.cells["key"]}
    found = comparisons(comparer, list(keys.values()))
    assert found[keys["cdpo"]].verdict == "cannot tell" and found[keys["ipo"]].verdict == "worse"


def test_adding_a_row_changes_no_other_difference_and_only_holm(tmp_path: Path) -> None:
    few, many = (
        comparer_of(write_run(tmp_path / name, methods=methods))
        for name, methods in (("few", METHODS[:6]), ("many", METHODS))
    )
    keys = list(dict.fromkeys(few.arena.cells["key"]))
    before, after = comparisons(few, keys), comparisons(many, list(dict.fromkeys(many.arena.cells["key"])))
    assert set(before) < set(after)
    for key, comparison in before.items():
        assert (after[key].difference, after[key].p) == (comparison.difference, comparison.p)


def test_the_difference_is_paired(tmp_path: Path) -> None:
    """A row that is DPO's own copy differs from it by nothing, and by no noise."""
    folder = write_run(tmp_path / "run", methods=METHODS[:4])
    comparer = comparer_of(folder)
    seed_rows = (0, 1, 2)
    dpo = default_dpo(comparer.arena)
    assert dpo == DPO
    values = comparer.gated_worst_case(dpo, seed_rows) - comparer.gated_worst_case(dpo, seed_rows)
    assert not values.any() and comparer.gated_worst_case(dpo, seed_rows).std() > 0


def test_one_seed_is_not_compared_and_says_so(tmp_path: Path) -> None:
    (arena,) = build_report([write_run(tmp_path / "run", seeds=1, prompts=60)], replicates=60).arenas
    row = by_label(arena)["WDPO"]
    assert row.comparison is not None and row.comparison.verdict == "not compared"
    assert row.comparison.p is None and row.comparison.p_holm is None
    assert row.comparison.difference.value is not None and row.comparison.difference.n == 1
    assert all(other.rank is None for other in arena.rows)


def test_without_a_common_seed_there_is_no_number(tmp_path: Path) -> None:
    methods = (*METHODS[:2], replace(METHODS[2], failed_seeds=(0,)), Trained("ipo(beta=0.1)", failed_seeds=(1, 2)))
    comparer = comparer_of(write_run(tmp_path / "run", methods=methods))
    (key,) = {key for key in comparer.arena.cells["key"] if key.startswith("ipo")}
    comparison = comparisons(comparer, [key])[key]
    assert comparison.difference.absent is Absent.NO_SEED_WITH_DPO
    without = comparer_of(write_run(tmp_path / "other", methods=METHODS[:2]))
    assert comparisons(without, [key]) == {}


def test_rows_that_cannot_be_told_apart_share_a_rank(ranked: Arena) -> None:
    rows = by_label(ranked)
    assert rows["WDPO ρ=1"].rank == rows["WDPO ρ=2"].rank == 1
    assert {rows["KLDPO τ=0.1"].rank, rows["SFT"].rank} <= {3, 4}  # both WDPO are better
    unranked = {label for label, row in rows.items() if row.rank is None}
    assert unranked == {"Reference", "Oracle", "DPO β=0.1", "DPO β=0.3", "DPO β=1"}


def test_a_winner_is_beyond_the_interval() -> None:
    spread = Spread(np.array(1.0), np.array(0.0), 3, 2)  # the interval is 1.96 to either side
    assert [Contest(gap, spread).winner for gap in (2.0, 1.9, -1.9, -2.0)] == [0, -1, -1, 1]
    assert Contest(2.0, Spread(np.array(1.0), np.array(0.0), 1, 0)).winner == -1


def test_ranked_are_methods_and_baselines_by_over_envelope(ranked: Arena) -> None:
    values = [row.metrics["gated_over_envelope"].value for row in rankable(ranked.rows)]
    assert values == sorted(values, key=lambda value: -(value or 0.0)) and len(values) == 4


def test_words_say_only_what_differs() -> None:
    difference = Estimate(0.1, 0.05, 0.15, 5)
    better = Comparison(DPO, difference, 0.001, 0.0131, "better")
    said = words.against_dpo
    assert said(better) == " Worst case better than default DPO's (p = .013, Holm)."
    assert "(p < .001, Holm)" in said(replace(better, p_holm=1e-5, verdict="worse"))
    assert said(None) == said(replace(better, verdict="cannot tell")) == ""
