"""Diagnostics along training, the rule of collapse, and training curves, in a world whose numbers are known."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.measure.build import build_report
from benchmark.report import Arena, Row, words
from tests.synthetic import METHODS, STEPS, write_run

FEW = [METHODS[0], METHODS[2], METHODS[5]]  # reference, DPO, KLDPO


def rows_of(folder: Path) -> dict[str, Row]:
    (arena,) = build_report([folder], replicates=20).arenas
    return {row.method: row for row in arena.rows}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", seeds=2, prompts=110, methods=FEW)


def of(arena: Arena, method: str) -> Row:
    return next(row for row in arena.rows if row.method == method)


def test_points_of_a_row_start_at_the_reference(arena: Arena) -> None:
    row, reference = of(arena, "wdpo"), of(arena, "reference")
    assert [point.step for point in row.diagnostics] == [0, *STEPS]
    start, last = row.diagnostics[0], row.diagnostics[-1]
    assert start.kl == 0 and last.kl == pytest.approx(row.metrics["kl_to_reference"].value)
    for kind, end in {"chosen": -2.0, "rejected": -6.0, "unseen": -3.0, "heldout": -2.5}.items():
        changes = [point.values[f"logp_{kind}"] for point in row.diagnostics]
        assert changes == pytest.approx([end * step / 128 for step in (0, *STEPS)])
    ratios = [point.values["gradient_ratio"] for point in row.diagnostics]
    assert ratios == pytest.approx([0.5 + 4 / np.log(10) * step / 128 for step in (0, *STEPS)])
    for name in ("entropy", "eos_rate", "distinct_2", "longest_repeat", "length", "nominal", "gold_nominal"):
        assert start.values[name] == reference.diagnostics[0].values[name] is not None
        assert last.values[name] is not None and last.values[name] != start.values[name]
    for name, metric in {"length": "length", "eos_rate": "eos_rate", "nominal": "nominal"}.items():
        assert last.values[name] == pytest.approx(row.metrics[metric].value)


def test_trajectories_say_what_the_records_say(arena: Arena) -> None:
    """Learned and gold nominal reward of every checkpoint, found from the samples and again from results.parquet."""
    for row in arena.rows:
        points = {point.step: point.values for point in row.diagnostics}
        for checkpoint in row.trajectory:
            assert checkpoint.nominal == pytest.approx(points[checkpoint.step]["nominal"])
            assert checkpoint.gold_nominal == pytest.approx(points[checkpoint.step]["gold_nominal"])
            assert checkpoint.nominal != pytest.approx(checkpoint.gold_nominal, abs=1e-9)


def test_the_reference_is_one_point_without_training_pairs(arena: Arena) -> None:
    (point,) = of(arena, "reference").diagnostics
    assert (point.step, point.kl) == (0, pytest.approx(0.0))
    assert point.values["logp_chosen"] is None and point.values["gradient_ratio"] is None
    assert of(arena, "reference").collapse is None and of(arena, "reference").training is None


def test_what_was_not_recorded_is_missing(small: Path) -> None:
    """Of one of two seeds, of a policy whose probabilities are not known, and of a run without the reference."""
    results = pd.read_parquet(small / "results.parquet")
    unknown = results["metric"].str.startswith(("logp_", "gradient_ratio")) & (results["method"] == "dpo")
    one_seed = (results["metric"] == "entropy@64") & (results["method"] == "kldpo") & (results["seed"] == 1)
    results[~unknown & ~one_seed & (results["method"] != "reference")].to_parquet(small / "results.parquet")
    rows = rows_of(small)
    assert {point.values["logp_chosen"] for point in rows["dpo"].diagnostics} == {None}
    by_step = {point.step: point.values for point in rows["kldpo"].diagnostics}
    assert by_step[64]["entropy"] is None and by_step[96]["entropy"] is not None
    assert by_step[0]["entropy"] is None and by_step[0]["logp_chosen"] == 0 and by_step[0]["gradient_ratio"] is not None
    assert rows["dpo"].collapse is None  # there is no reference to hold it against


def test_a_policy_that_moved_little_has_not_collapsed(arena: Arena) -> None:
    for row in arena.rows:
        if row.method != "reference":
            assert row.collapse is not None and not row.collapse.collapsed
            assert words.collapse(row.collapse).startswith("Not collapsed: at the worst seed")
            assert words.collapse(row.collapse).count("least") == 4


@pytest.mark.parametrize(
    ("column", "value", "term"),
    [
        ("quality", False, "quality 0.00 (least 0.5)"),
        ("ended", False, "EOS rate 0.00 (least 0.1)"),
        ("entropy", 0.1, "entropy per token 0.01 (least 0.1)"),
        ("completion", "the sun the sun the sun", "distinct-2 0.0"),
    ],
)
def test_one_collapsed_seed_is_found_and_counted(tmp_path: Path, column: str, value: object, term: str) -> None:
    """The second seed of DPO is spoilt at its last checkpoint before the numbers of the run are made."""
    folder = write_run(tmp_path / "run", seeds=2, prompts=110, methods=FEW, spoilt={"dpo(beta=0.1)": (column, value)})
    rows = rows_of(folder)
    collapse = rows["dpo"].collapse
    assert collapse is not None and collapse.collapsed and (collapse.seeds_fallen, collapse.seeds) == (("1",), 2)
    assert words.collapse(collapse).startswith("Collapsed in 1 of 2 seeds (seed 1)") and term in words.collapse(
        collapse
    )
    assert rows["kldpo"].collapse is not None and not rows["kldpo"].collapse.collapsed


def test_a_row_without_a_finished_seed_has_nothing_to_show(tmp_path: Path) -> None:
    methods = [*FEW[:2], replace(FEW[2], failed_seeds=(0, 1))]
    row = rows_of(write_run(tmp_path / "run", seeds=2, prompts=110, methods=methods))["kldpo"]
    assert (row.diagnostics, row.collapse, row.training, row.adversarial) == ((), None, None, ())


def test_terms_that_are_not_known_are_said_to_be(small: Path) -> None:
    results = pd.read_parquet(small / "results.parquet")
    results[~results["metric"].str.startswith("entropy")].to_parquet(small / "results.parquet")
    collapse = rows_of(small)["dpo"].collapse
    assert collapse is not None and not collapse.collapsed and "entropy per token not known" in words.collapse(collapse)


def test_training_curves_are_means_over_seeds_in_blocks(arena: Arena) -> None:
    curve = of(arena, "wdpo").training
    assert curve is not None and len(curve.steps) == 60 and curve.steps[-1] == 128
    # 128 steps in 60 blocks: eight of three steps, then of two. Seeds are 0, .01 and .02 apart.
    assert curve.steps[:2] == (3, 6) and curve.steps[8] == 26
    assert curve.values["loss"][0] == pytest.approx(0.7 - 0.4 * 2 / 128 + 0.01)
    assert curve.values["loss"][-1] == pytest.approx(0.7 - 0.4 * 127.5 / 128 + 0.01)


def test_a_column_with_holes_is_left_out_and_few_steps_stay_as_they_are(small: Path) -> None:
    curves = pd.read_parquet(small / "curves.parquet")
    curves = curves[curves["step"] <= 5].assign(rare=np.where(curves["step"][curves["step"] <= 5] == 1, 1.0, np.nan))
    curves.to_parquet(small / "curves.parquet")
    curve = rows_of(small)["dpo"].training
    assert curve is not None and curve.steps == (1, 2, 3, 4, 5) and list(curve.values) == ["loss"]
    (small / "curves.parquet").unlink()
    assert rows_of(small)["dpo"].training is None


def test_versions_of_a_row(small: Path, tmp_path: Path) -> None:
    assert rows_of(small)["dpo"].versions == {}  # the synthetic run made nothing
    other = Path(shutil.copytree(small, tmp_path / "other"))
    cells = pd.read_parquet(other / "cells.parquet")
    cells["versions"] = np.where(
        cells["seed"] == 0, '{"torch": "2.13", "trl": "1.16"}', '{"torch": "2.14", "trl": "1.16"}'
    )
    cells.to_parquet(other / "cells.parquet")
    assert rows_of(other)["dpo"].versions == {"torch": "2.13, 2.14", "trl": "1.16"}
