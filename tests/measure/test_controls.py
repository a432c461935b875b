"""Planted rows and the oracle's choice, in a world whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.measure.build import build_report
from benchmark.measure.controls.oracle import chosen_oracle
from benchmark.measure.controls.planted import planted
from benchmark.measure.runs.arenas import arenas_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.table.comparer import Comparer
from benchmark.report import Behaviour, ControlKind
from tests.synthetic import METHODS, STEPS, Trained, write_run

DPO = METHODS[:5]


def comparer(folder: Path, replicates: int = 300) -> Comparer:
    return Comparer(arenas_of(load_runs([folder])[0])[0], replicates)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Comparer:
    return comparer(write_run(tmp_path_factory.mktemp("world") / "run", prompts=300, seeds=3, seed_noise=0.002))


@pytest.mark.parametrize("lift", [0.02, 0.05, 0.1])
def test_a_planted_row_is_measured_where_it_was_planted(world: Comparer, lift: float) -> None:
    made = planted(world, lift)
    assert made is not None
    values, seed_rows = made
    assert seed_rows == (0, 1, 2)
    assert values[0] == pytest.approx(lift, abs=0.015)  # on prompts that did not set its slope
    assert np.nanstd(values) < 0.02


def test_without_plain_dpo_nothing_can_be_planted(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", prompts=40, methods=(METHODS[0], METHODS[5]))
    assert planted(comparer(run, 60), 0.02) is None


def test_no_slope_gives_more_than_the_completions_hold(world: Comparer) -> None:
    assert planted(world, 0.9) is None


def test_the_oracle_is_chosen_at_its_own_mixture_and_not_at_the_end_of_training(tmp_path: Path) -> None:
    """The middle's utility is .35 + .125 t + lift / 2.25: of two settings the one that went further, at its end."""
    oracles = (Trained("oracle(beta=0.1,at=middle)", t=0.5, lift=0.18), Trained("oracle(beta=1,at=middle)", t=0.1))
    run = write_run(tmp_path / "run", prompts=200, methods=(*DPO, *oracles), noise=0.05)
    chosen = chosen_oracle(comparer(run, 150))
    assert chosen is not None and chosen.candidate.label == "Oracle β=0.1"
    assert chosen.candidate.step == STEPS[-1]
    assert chosen.over.value == pytest.approx(0.18, abs=0.03) and chosen.over.low is not None and chosen.over.low > 0


def test_an_oracle_that_falls_apart_at_the_end_is_judged_where_it_stood(tmp_path: Path) -> None:
    """Its last checkpoint fails the gate throughout in one seed; the checkpoint before it does not."""
    run = write_run(
        tmp_path / "run",
        prompts=150,
        seeds=3,
        noise=0.05,
        spoilt={"oracle(beta=0.1,at=middle)": ("quality", False)},
    )
    (arena,) = build_report([run], replicates=150).arenas
    (control,) = [control for control in arena.controls if control.kind is ControlKind.ORACLE]
    assert control.step == STEPS[-2] and control.behaviour is Behaviour.AS_IT_SHOULD and control.collapsed == ()
    (row,) = [row for row in arena.rows if row.method == "oracle"]
    assert row.collapse is not None and row.collapse.seeds_fallen == ("2",)


def test_every_arena_says_what_a_larger_family_of_dpo_would_change(world: Comparer, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", prompts=200, methods=[replace(method, quality=1.0) for method in METHODS])
    (arena,) = build_report([run], replicates=100).arenas
    assert arena.family is not None and (arena.family.policies, arena.family.halved) == (13, 7)
    # All of DPO lies on one line here, so half of its policies make the same envelope.
    assert arena.family.gain.value == pytest.approx(0.0, abs=0.02)
