"""The same seed of two machines: one draw where their arithmetic is the same or makes no difference, else two."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.measure.build import build_report
from benchmark.measure.runs import draws
from benchmark.measure.runs.draws import Draw
from benchmark.measure.runs.reading import load_runs
from benchmark.report import OtherMachines, SeveralArithmetics, UnlikeRepeats, words
from tests.synthetic import METHODS, Trained, write_run

SMALL: dict[str, Any] = {"prompts": 10}
TABLES = ("cells", "samples", "results", "curves", "pair_rewards")
SPOILT: dict[str, tuple[str, Any]] = {"dpo(beta=0.1)": ("quality", False)}


def with_arithmetic(run: Path, *fingerprints: str, setting: str = "") -> Path:
    """Write into environment.json what a run's stages were made with, and the setting where one is given."""
    environment = json.loads((run / "environment.json").read_text())
    environment["numerics"] = [{"fingerprint": name, "stages": 1} for name in fingerprints]
    if setting:
        environment["config"] = {"numerics": setting}
    (run / "environment.json").write_text(json.dumps(environment))
    return run


def as_seeds(folder: Path, first: int, count: int) -> Path:
    """Of a run the seeds from `first` on, under the numbers 0, 1, ..., with the cell_ids that those have there."""
    cells = pd.read_parquet(folder / "cells.parquet")
    by_place = {(row.method, row.hparams, row.seed): row.cell_id for row in cells.itertuples()}
    names = {
        row.cell_id: by_place[row.method, row.hparams, row.seed - first]
        for row in cells.itertuples()
        if first <= row.seed < first + count
    }
    for name in TABLES:
        table = pd.read_parquet(folder / f"{name}.parquet")
        if "seed" in table:
            table = table[table["seed"].between(first, first + count - 1)]
            table = table.assign(seed=table["seed"] - first)
        if "cell_id" in table:
            table = table[table["cell_id"].isin(names)]
            table = table.assign(cell_id=[names[cell] for cell in table["cell_id"]])
        table.to_parquet(folder / f"{name}.parquet")
    return folder


def two_machines(
    folder: Path, ours: Sequence[Trained] = METHODS[:6], theirs: Sequence[Trained] = METHODS[:6], **changes: Any
) -> tuple[Path, Path, Path]:
    """Seeds 0 and 1 of one machine and of another, and the run of which they are the four seeds."""
    both = [*ours, *(method for method in theirs if method not in ours)]
    whole = write_run(folder / "whole", seeds=4, methods=both, **SMALL, **changes)
    one = as_seeds(write_run(folder / "one", seeds=4, methods=ours, **SMALL, **changes), 0, 2)
    other = as_seeds(write_run(folder / "other", seeds=4, methods=theirs, **SMALL, **changes), 2, 2)
    return with_arithmetic(one, "aaaa"), with_arithmetic(other, "bbbb"), whole


def test_seeds_of_two_arithmetics_are_as_many_draws_as_seeds_of_other_numbers(tmp_path: Path) -> None:
    one, other, whole = two_machines(tmp_path)
    (merged,), (four,) = (build_report(runs, replicates=20).arenas for runs in ([one, other], [whole]))
    assert merged.seeds == 4
    for row, expected in zip(merged.rows, four.rows, strict=True):
        assert (row.key, row.seeds_done, row.runs) == (expected.key, 4, (1, 2))
        for name in ("over_envelope", "gated_over_envelope", "nominal", "worst_case", "kl_to_reference"):
            assert row.metrics[name] == expected.metrics[name], name
    assert merged.samples == four.samples
    (caveat,) = [caveat for caveat in merged.caveats if isinstance(caveat, SeveralArithmetics)]
    assert (caveat.seeds, caveat.draws) == ((0, 1), 4)
    said = words.caveat(caveat)
    assert "seeds 0 and 1" in said and "aaaa in 'one'; bbbb in 'other'" in said and "count as 4 draws" in said
    assert "--seeds 2" in merged.rows[0].command or not merged.rows[0].command


def test_seeds_of_one_arithmetic_count_once_and_the_first_run_counts(tmp_path: Path) -> None:
    one, other, _ = two_machines(tmp_path)
    with_arithmetic(other, "aaaa")
    (merged,), (alone,) = (build_report(runs, replicates=20).arenas for runs in ([one, other], [one]))
    assert merged.seeds == 2 and any(isinstance(caveat, UnlikeRepeats) for caveat in merged.caveats)
    assert not any(isinstance(caveat, SeveralArithmetics) for caveat in merged.caveats)
    for row, expected in zip(merged.rows, alone.rows, strict=True):
        assert row.metrics["nominal"] == expected.metrics["nominal"]


def test_an_arithmetic_that_changes_nothing_is_told_and_makes_no_draw(tmp_path: Path) -> None:
    one, _, _ = two_machines(tmp_path)
    other = with_arithmetic(Path(shutil.copytree(one, tmp_path / "copy")), "cccc")
    results = pd.read_parquet(other / "results.parquet")
    results.assign(value=results["value"] * (1 + 1e-7)).to_parquet(other / "results.parquet")  # rounding
    (runs,) = load_runs([one, other])
    assert sorted(runs.cells["seed"].unique()) == [0, 1] and runs.draw(0) == Draw(0)
    (told,) = [words.caveat(caveat) for caveat in runs.caveats if isinstance(caveat, OtherMachines)]
    assert "numerics: aaaa in 'one'; cccc in 'copy'" in told
    assert not any(isinstance(caveat, SeveralArithmetics) for caveat in runs.caveats)


def test_a_row_is_held_against_the_dpo_of_its_own_arithmetic(tmp_path: Path) -> None:
    one, other, _ = two_machines(tmp_path, ours=METHODS[:6], theirs=(*METHODS[:5], METHODS[6]))
    (merged,), (ours,), (theirs,) = (build_report(r, replicates=20).arenas for r in ([one, other], [one], [other]))
    for method, alone in (("kldpo", ours), ("wdpo", theirs)):
        (row,), (expected,) = ([row for row in arena.rows if row.method == method] for arena in (merged, alone))
        assert row.seeds_done == 2
        assert row.metrics["over_envelope"].value == pytest.approx(expected.metrics["over_envelope"].value, abs=1e-12)
        assert row.comparison is not None and expected.comparison is not None
        difference = expected.comparison.difference.value
        assert row.comparison.difference.value == pytest.approx(difference, abs=1e-12)


def test_a_run_without_a_record_is_of_an_arithmetic_of_its_own(tmp_path: Path) -> None:
    one, other, _ = two_machines(tmp_path)
    with_arithmetic(other)
    (runs,) = load_runs([one, other])
    assert [runs.draw(number).name for number in sorted(runs.cells["seed"].unique())] == [
        "0 (numerics aaaa)", "1 (numerics aaaa)", "0 (numerics unknown)", "1 (numerics unknown)",
    ]  # fmt: skip


def test_the_portable_setting_beside_the_fast_one_is_merged_though_its_cells_have_other_names(tmp_path: Path) -> None:
    one, other, _ = two_machines(tmp_path)
    for run, setting in ((one, "fast"), (other, "portable")):
        with_arithmetic(run, setting, setting=setting)
    for name in TABLES:
        table = pd.read_parquet(other / f"{name}.parquet")
        if "cell_id" in table:
            table.assign(cell_id="x" + table["cell_id"].astype(str)).to_parquet(other / f"{name}.parquet")
    (arena,) = build_report([one, other], replicates=20).arenas
    assert arena.seeds == 4
    told = [words.caveat(caveat) for caveat in arena.caveats if isinstance(caveat, OtherMachines)]
    assert "config.numerics: fast in 'one'; portable in 'other'" in told[0]


def test_a_collapsed_seed_is_named_with_its_arithmetic_where_it_has_several_draws(tmp_path: Path) -> None:
    one, other, _ = two_machines(tmp_path, spoilt=SPOILT)
    (merged,), (alone,) = (build_report(runs, replicates=20).arenas for runs in ([one, other], [other]))
    for arena, name in ((merged, "1 (numerics bbbb)"), (alone, "1")):
        (row,) = [row for row in arena.rows if row.collapse is not None and row.collapse.collapsed]
        assert row.collapse is not None and row.collapse.seeds_fallen == (name,)
        assert f"Seed {name} collapsed." in words.row_verdict(row)


def numbers(cell: str, seed: int, value: float) -> pd.DataFrame:
    row = {"method": cell, "hparams": "{}", "train_shift": "s", "eval_shift": "", "metric": "m"}
    return pd.DataFrame([{**row, "seed": seed, "value": value}])


def table(*rows: tuple[str, int, float]) -> pd.DataFrame:
    return pd.concat([numbers(*row) for row in rows], ignore_index=True)


def test_numbers_of_draws() -> None:
    one = table(("dpo", 0, 1.0), ("dpo", 1, 1.0), ("ipo", 2, 1.0))
    other = table(("dpo", 0, 1.0), ("dpo", 1, 2.0), ("dpo", 2, 1.0), ("dpo", 4, 1.0))
    # seed 0 came out the same, 1 did not, of 2 no cell is in both, 4 is in one only; numbers go on in steps of 5
    assert draws.numbered(["a", "b"], [one, other]) == [{0: 0, 1: 1, 2: 2}, {0: 0, 1: 6, 2: 7, 4: 4}]
    # a third run of the second's arithmetic has its draws, whatever it holds; a fourth came out as the second
    third, fourth = table(("ipo", 1, 5.0)), table(("dpo", 1, 2.0))
    numbered = draws.numbered(["a", "b", "b", "c"], [one, other, third, fourth])
    assert numbered[2] == numbered[1] and numbered[3] == {1: 6}
    told = draws.draws(["a", "b", "b", "c"], numbered)
    assert told == {0: Draw(0), 1: Draw(1, "a"), 6: Draw(1, "b"), 2: Draw(2, "a"), 7: Draw(2, "b"), 4: Draw(4)}


def test_a_number_that_one_side_lacks_is_a_difference() -> None:
    one, other = table(("dpo", 0, float("nan"))), table(("dpo", 0, 1.0))
    assert draws.numbered(["a", "b"], [one, other]) == [{0: 0}, {0: 1}]
    assert draws.numbered(["a", "b"], [one, one]) == [{0: 0}, {0: 0}]


def test_a_run_made_with_several_arithmetics_has_all_their_fingerprints() -> None:
    made = {"numerics": [{"fingerprint": "bb"}, {"fingerprint": "aa"}]}
    assert [draws.fingerprint(environment) for environment in (made, {}, {"numerics": []})] == [
        "aa+bb", "unknown", "unknown",
    ]  # fmt: skip
