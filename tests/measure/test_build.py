"""From a run folder to the report, in a world whose truth is known."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.measure.build import build_report
from benchmark.report import (
    METRICS,
    Absent,
    Arena,
    Behaviour,
    ControlKind,
    FewSeeds,
    Row,
    Verdict,
    words,
)
from benchmark.report.flat import leaderboard_rows
from benchmark.report.words.estimates import ONE_SEED
from tests.synthetic import METHODS, TRAIN, Trained, write_run

NOT_JUDGED = Behaviour.NOT_JUDGED


def by_label(arena: Arena) -> dict[str, Row]:
    return {row.label: row for row in arena.rows}


def value(row: Row, metric: str) -> float:
    number = row.metrics[metric].value
    assert number is not None
    return number


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """Rows of a world with next to no noise, where every completion passes the gate."""
    methods = [replace(method, quality=1.0) for method in METHODS]
    folder = write_run(
        tmp_path_factory.mktemp("quiet") / "run", seeds=2, prompts=150, methods=methods, noise=0.004, seed_noise=0.0
    )
    return by_label(build_report([folder], replicates=50).arenas[0])


def test_what_is_over_the_envelope_is_found_to_be_over_it_by_that_much(quiet: dict[str, Row]) -> None:
    assert value(quiet["WDPO"], "gated_over_envelope") == pytest.approx(0.1, abs=2e-3)
    assert value(quiet["Oracle"], "gated_over_envelope") == pytest.approx(0.18, abs=2e-3)
    assert value(quiet["WDPO"], "over_envelope") == pytest.approx(0.1, abs=2e-3)


def test_what_is_an_early_stopped_dpo_is_found_to_be_one(quiet: dict[str, Row]) -> None:
    for label in ("KLDPO τ=0.1", "SFT", "DPO β=0.3", "DPO β=1"):
        assert value(quiet[label], "gated_over_envelope") == pytest.approx(0.0, abs=2e-3)


def test_the_strongest_dpo_has_no_rival_once_it_is_left_out(quiet: dict[str, Row]) -> None:
    row = quiet["DPO β=0.1"]
    over = row.metrics["gated_over_envelope"]
    assert (over.value, over.absent, over.empty_share) == (None, Absent.NOMINAL_WIN, 1.0)
    assert row.verdict is Verdict.NOMINAL_WIN and "nominal win" in words.row_verdict(row)


def test_closed_forms_of_the_other_columns(quiet: dict[str, Row]) -> None:
    row, dpo = quiet["KLDPO τ=0.1"], quiet["DPO β=0.1"]
    joy, sadness = 0.35 - 0.2 * 0.6, 0.35 + 0.45 * 0.6
    nominal = 0.1 * joy + 0.9 * sadness
    for gate in ("", "gated_"):  # every completion passes it
        assert value(row, f"{gate}nominal") == pytest.approx(nominal, abs=1e-3)
        assert value(row, f"{gate}worst_case") == pytest.approx(joy, abs=1e-3)
        assert value(row, f"{gate}robustness_gap") == pytest.approx(nominal - joy, abs=1e-3)
        assert value(row, f"{gate}auc") == pytest.approx((joy + sadness) / 2, abs=1e-3)  # linear, a symmetric grid
        assert value(row, f"{gate}price") == pytest.approx(value(dpo, f"{gate}nominal") - nominal, abs=1e-3)
    assert value(row, "kl_to_reference") == pytest.approx(6 * 0.6**2, rel=0.05)
    # t = 0.6 is a checkpoint of DPO at beta 0.3 (0.8 x 3/4), and KL is convex in t: nothing is saved or wasted.
    assert value(row, "gated_kl_saving") == pytest.approx(0.0, abs=0.15)
    assert value(row, "step_ratio_to_dpo") == pytest.approx(1.0, abs=0.11)
    assert value(row, "preference_accuracy") == pytest.approx(0.705)


def test_roles_order_and_labels(arena: Arena) -> None:
    assert [(row.label, row.role) for row in arena.rows if row.role != "baseline"] == [
        ("WDPO", "method"),
        ("KLDPO τ=0.1", "method"),
        ("Oracle", "positive control"),
        ("DPO β=0.3", "negative control"),
    ]
    assert {row.label for row in arena.rows if row.role == "baseline"} == {"Reference", "SFT", "DPO β=0.1", "DPO β=1"}
    roles = [row.role for row in arena.rows]
    assert roles == sorted(roles, key=["method", "baseline", "positive control", "negative control"].index)
    assert [row.robust for row in arena.rows] == [row.role == "method" for row in arena.rows]
    wdpo = by_label(arena)["WDPO"]
    assert wdpo.paper.startswith("arXiv:2502.01930") and wdpo.summary
    assert wdpo.key == "wdpo(beta=0.1,rho=1,form=sqrt,solver=auto)"


def test_the_headline_of_an_arena(tmp_path: Path) -> None:
    (arena,) = build_report([write_run(tmp_path / "run", seeds=5)], replicates=600).arenas
    assert arena.judging is not None and arena.judging.least is not None and arena.judging.rows == 3
    assert words.headline(arena) == (
        f"WDPO clears the DPO envelope; KLDPO τ=0.1 does not clear it (5 seeds; a lift of "
        f"{words.signed(arena.judging.least)} would be seen in 80% of runs; controls behave)."
    )


def test_words_of_the_arena(arena: Arena) -> None:
    assert "(3 seeds; a lift of +" in words.headline(arena)
    assert words.headline(arena).endswith("; controls cannot tell).")
    assert words.conflict(arena).startswith("Conflict: under joy annotators")
    assert arena.linear and arena.train_label == "0.1 joy + 0.9 sadness"
    assert [shift.label for shift in arena.eval_shifts][:3] == ["0", "0.1", "0.2"]
    assert [shift.name for shift in arena.eval_shifts if shift.is_training] == [TRAIN]


def test_every_row_has_every_metric_a_curve_a_trajectory_and_a_command(arena: Arena) -> None:
    for row in arena.rows:
        assert set(row.metrics) == {metric.name for metric in METRICS}
        assert row.curve is not None and len(row.curve.gated) == len(arena.eval_shifts) == 11
        assert row.curve.gated[0].low is not None and row.curve.gated[0].low <= row.curve.gated[0].value
        assert [point.step for point in row.trajectory] == ([0] if row.method == "reference" else [32, 64, 96, 128])
        command = shlex.split(row.command)
        assert command[command.index("--methods") + 1] == row.key and command[command.index("--seeds") + 1] == "3"


def test_missing_numbers_say_why(arena: Arena) -> None:
    for row in arena.rows:
        for estimate in row.metrics.values():
            assert (estimate.value is None) == (estimate.absent is not None)


def test_the_last_point_of_a_trajectory_is_the_row_itself(arena: Arena) -> None:
    row = by_label(arena)["WDPO"]
    assert row.curve is not None
    assert row.trajectory[-1].gated_utilities == pytest.approx([point.value for point in row.curve.gated])
    assert row.trajectory[-1].kl == pytest.approx(value(row, "kl_to_reference"))


def test_samples_answer_the_same_prompts(arena: Arena) -> None:
    assert len(arena.samples) == 12
    for prompt in arena.samples:
        assert [completion.row for completion in prompt.completions] == [row.key for row in arena.rows]
        assert all(completion.text and set(completion.gold) == {"joy", "sadness"} for completion in prompt.completions)


def test_the_order_of_rows_in_the_files_does_not_matter(run: Path, arena: Arena, tmp_path: Path) -> None:
    shuffled = Path(shutil.copytree(run, tmp_path / "shuffled"))
    table = pd.read_parquet(run / "samples.parquet")
    table.sample(frac=1, random_state=0).to_parquet(shuffled / "samples.parquet")
    (shuffled_arena,) = build_report([shuffled], replicates=300).arenas
    for row, other in zip(arena.rows, shuffled_arena.rows, strict=True):
        for metric, before in row.metrics.items():
            after = other.metrics[metric]
            assert (after.value, after.low, after.high) == pytest.approx((before.value, before.low, before.high))


def test_adding_a_method_changes_no_value_of_another_and_only_the_intervals_that_are_shared(
    arena: Arena, tmp_path: Path
) -> None:
    methods = (*METHODS, Trained("kldpo(beta=0.1,tau=0.3)", t=0.8))
    folder = write_run(tmp_path / "more", prompts=120, methods=methods)
    more = {row.key: row for row in build_report([folder], replicates=300).arenas[0].rows}
    for row in arena.rows:
        for name, number in row.metrics.items():
            other = more[row.key].metrics[name]
            if name in ("gated_over_envelope", "over_envelope"):
                assert (other.value, other.absent) == (number.value, number.absent)
            elif name != "gated_worst_case_regret":  # against the best row of the table
                assert other == number


def test_a_failed_seed_leaves_the_others_and_a_failed_or_skipped_method_says_why(tmp_path: Path) -> None:
    methods = (
        *METHODS[:5],
        Trained("kldpo(beta=0.1,tau=0.1)", failed_seeds=(1,)),
        Trained("wdpo(beta=0.1,rho=1)", failed_seeds=(0, 1, 2)),
        Trained("oracle(beta=0.1,at=middle)", skipped="no such mixture"),
    )
    folder = write_run(tmp_path / "run", prompts=40, methods=methods)
    (arena,) = build_report([folder], replicates=100).arenas
    rows = {row.method: row for row in arena.rows}
    assert (rows["kldpo"].status, rows["kldpo"].seeds_done, rows["kldpo"].seeds_planned) == ("done", 2, 3)
    assert rows["kldpo"].reason == "seed 1 failed: out of memory at step 12"
    assert rows["kldpo"].metrics["gated_over_envelope"].n == 2 and rows["kldpo"].metrics["gated_price"].n == 2
    assert (rows["wdpo"].status, rows["wdpo"].reason) == ("failed", "out of memory at step 12")
    assert rows["wdpo"].metrics == {} and rows["wdpo"].curve is None and rows["wdpo"].trajectory == ()
    assert rows["oracle"].verdict is Verdict.SKIPPED
    assert words.row_verdict(rows["oracle"]) == "Skipped: no such mixture"
    assert [control.behaviour for control in arena.controls if control.kind is ControlKind.ORACLE] == [NOT_JUDGED]
    flat = leaderboard_rows(build_report([folder], replicates=100)).set_index("method")
    assert np.isnan(flat.loc["wdpo", "nominal"]) and flat.loc["oracle", "status"] == "skipped"


def test_a_run_in_which_everything_failed_still_has_its_rows(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", prompts=10, methods=[Trained("dpo(beta=0.1)")], seeds=2)
    cells = pd.read_parquet(folder / "cells.parquet").assign(status="failed", reason="killed")
    cells.to_parquet(folder / "cells.parquet")
    (arena,) = build_report([folder], replicates=50).arenas
    assert [(row.status, row.reason, row.verdict) for row in arena.rows] == [("failed", "killed", Verdict.FAILED)]
    assert words.row_verdict(arena.rows[0]) == "Failed: killed" and arena.samples == ()
    assert words.headline(arena) == "Every cell failed: DPO failed (killed)."


def test_one_seed_is_never_judged_over_seeds(tmp_path: Path) -> None:
    (arena,) = build_report([write_run(tmp_path / "run", seeds=1, prompts=60)], replicates=100).arenas
    row = by_label(arena)["WDPO"]
    assert all(words.note(row.metrics[name]) == ONE_SEED for name in ("nominal", "gated_over_envelope"))
    assert row.verdict is Verdict.ONE_SEED and "cannot be judged over seeds" in words.row_verdict(row)
    assert "cannot be judged over seeds" in words.headline(arena)
    assert row.metrics["train_seconds"].low is None
    assert FewSeeds(1) in arena.caveats


def test_controls_that_fail_are_written_on_the_arena(tmp_path: Path) -> None:
    methods = (
        *METHODS[:3],
        Trained("dpo(beta=0.3)", t=0.8, lift=0.15),
        *METHODS[4:7],
        Trained("oracle(beta=0.1,at=middle)", t=0.5),
    )
    (arena,) = build_report([write_run(tmp_path / "run", methods=methods)], replicates=200).arenas
    assert [sentence.split(",")[0] for sentence in words.control_sentences(arena)[:2]] == [
        "Controls fail: Oracle",
        "Controls fail: DPO β=0.3",
    ]
    assert "controls fail, so this is not evidence" in words.headline(arena)


def test_several_samples_of_a_prompt_are_averaged(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", seeds=2, prompts=30, samples=3)
    (arena,) = build_report([folder], replicates=50).arenas
    table = pd.read_parquet(folder / "samples.parquet")
    cells = pd.read_parquet(folder / "cells.parquet")
    mine = table[table["cell_id"].isin(cells.loc[cells["method"] == "wdpo", "cell_id"]) & (table["split"] == "test")]
    mine = mine[mine["step"] == 128]
    row = by_label(arena)["WDPO"]
    gated = np.where(mine["quality"], 0.1 * mine["joy"] + 0.9 * mine["sadness"], 0.0)
    assert value(row, "gated_nominal") == pytest.approx(gated.mean())
    assert value(row, "nominal") == pytest.approx((0.1 * mine["joy"] + 0.9 * mine["sadness"]).mean())
    medians = mine.groupby("cell_id")["kl"].quantile(0.5, interpolation="lower")  # of each seed
    assert value(row, "kl_median") == pytest.approx(medians.mean())


def test_two_training_shifts_are_two_arenas_and_the_table_has_a_row_for_each(run: Path, tmp_path: Path) -> None:
    other = "alpha_mixture(a=joy,b=sadness,alpha=0.3,kind=geometric)"
    folder = write_run(tmp_path / "other", prompts=40, methods=METHODS[:5], train_shift=other)
    report = build_report([run, folder], replicates=50)
    assert [arena.train_shift for arena in report.arenas] == [TRAIN, other]
    assert [arena.linear for arena in report.arenas] == [True, False]
    table = leaderboard_rows(report)
    assert len(table) == 8 + 5 and {"nominal", "gated_nominal_low", "nominal_high", "n", "verdict", "sentence"} <= set(
        table.columns
    )
    assert report.suites == {"synthetic": {"data": "synthetic, truth known in closed form", "reward scale": "[0, 1]"}}
    assert len(report.provenance) == 2 and "50 replicates" in words.settings(report.settings)["Intervals"]


def test_a_method_that_is_not_installed_here_still_has_its_row(run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    cells = pd.read_parquet(folder / "cells.parquet")
    cells.loc[cells["method"] == "wdpo", "method"] = "their_own"
    cells.to_parquet(folder / "cells.parquet")
    (arena,) = build_report([folder], replicates=50).arenas
    assert by_label(arena)["their_own β=0.1 ρ=1 form=sqrt solver=auto"].role == "method"
