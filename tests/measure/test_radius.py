"""Radii from training pairs, and the radius of a setting held against the method's own weights and penalty."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.measure.runs.arenas import ArenaData, arenas_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.selection.pool import candidates_of
from benchmark.measure.selection.radius import chi_square_radius, disagreement_radius, implied_radius
from benchmark.measure.selection.training import disagreement, training_radii
from methods.base import PairwiseMethod, parse_method
from tests.synthetic import METHODS, Trained, write_run

LOSSES = torch.tensor(np.random.default_rng(0).normal(0.7, 0.3, 20_000))
VARIANCE = np.array([float(LOSSES.var(correction=0))])
UNKNOWN = np.array([math.nan])


def implied(call: str, variance: np.ndarray = VARIANCE, gradient: np.ndarray = UNKNOWN) -> float | None:
    method = parse_method(call)
    found = implied_radius(method.name, method.hparams(), variance, gradient)
    return None if found is None else float(found[0])


def weights(call: str) -> torch.Tensor:
    method = parse_method(call)
    assert isinstance(method, PairwiseMethod)
    return method.pair_weights(LOSSES, None)  # type: ignore[arg-type]  # no field of the batch is read


def kl(p: torch.Tensor) -> float:
    """KL(p || uniform), nats."""
    return float((p * (p * len(p)).clamp_min(1e-300).log()).sum())


def test_the_ball_of_the_chi_square_radius_reaches_the_ends_of_a_95_percent_interval() -> None:
    # mean l + sqrt(2 r Var l) = mean l + 1.96 sd / sqrt(n)
    for pairs in (100, 2048):
        assert math.sqrt(2 * chi_square_radius(np.array(pairs))) == pytest.approx(1.959964 / math.sqrt(pairs), rel=1e-6)


def test_the_disagreement_radius_is_pinskers() -> None:
    # Moving a mass of e = 0.2 from half of the pairs to the other half: TV 0.2 and KL just above 2 x 0.04.
    p = torch.cat([torch.full((500,), 0.7 / 500), torch.full((500,), 0.3 / 500)]).double()
    radius = float(disagreement_radius(np.array(0.2)))
    assert radius == pytest.approx(0.08)
    assert radius < kl(p) < 1.04 * radius


@pytest.mark.parametrize("call", ["kldpo(tau=3)", "kldpo(tau=6)", "kl_rebel(tau=3)"])
def test_a_temperature_stands_for_the_kl_of_its_weights(call: str) -> None:
    assert implied(call) == pytest.approx(kl(weights(call)), rel=0.01)


def test_a_radius_stands_for_itself() -> None:
    for call in ("kldpo_ball(rho=0.01)", "chi2_dpo(rho=0.01)", "chi2_rebel(rho=0.01)"):
        assert implied(call, UNKNOWN) == 0.01
        assert kl(weights(call)) == pytest.approx(0.01, rel=0.05)


def test_a_total_variation_stands_for_the_least_kl_that_holds_it() -> None:
    p = weights("tv_dpo(rho=0.2)")
    assert 0.5 * float((p - 1 / len(p)).abs().sum()) == pytest.approx(0.2, rel=0.01)
    assert implied("tv_dpo(rho=0.2)", UNKNOWN) == pytest.approx(2 * 0.2**2) and kl(p) >= 2 * 0.2**2


@pytest.mark.parametrize("call", ["wdpo(rho=0.2,form=sqrt)", "wdpo(rho=0.2,form=squared)", "w_rebel(rho=0.2)"])
def test_a_penalty_stands_for_the_ball_that_adds_as_much(call: str) -> None:
    gradient = 1.7
    penalty = parse_method(call).input_penalty(torch.full((8,), gradient**2))  # type: ignore[attr-defined]
    radius = implied(call, gradient=np.array([gradient]))
    assert radius is not None
    assert math.sqrt(2 * radius * VARIANCE[0]) == pytest.approx(float(penalty))


def test_what_is_no_ball_has_no_radius_and_what_was_not_recorded_is_not_known() -> None:
    for call in ("dpo", "dr_dpo", "cdpo", "kldpo_released(tau=1)"):
        assert implied(call) is None
    for earlier in ({"tau": None, "rho": 0.1, "form": "normalised"}, {"tau": 1.0, "rho": None, "form": "released"}):
        assert implied_radius("kldpo", earlier, VARIANCE, UNKNOWN) is None
    for call in ("kldpo(tau=1)", "wdpo(rho=1)"):
        found = implied(call, UNKNOWN)
        assert found is not None and math.isnan(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    methods = (*METHODS[:3], Trained("kldpo(tau=0.1)"), Trained("kldpo(tau=2)"), Trained("wdpo(rho=1)"))
    return write_run(tmp_path / "run", seeds=2, prompts=8, methods=methods)


def write_curves(folder: Path, steps: int = 40, leave_out: str = "none") -> None:
    """Losses with a deviation of 0.3 + 0.1 seed and gradients of 2 in the last tenth, and 9 of everything before it."""
    cells = pd.read_parquet(folder / "cells.parquet")
    end = np.arange(1, steps + 1) > 0.9 * steps
    curves = [
        pd.DataFrame(
            {
                "cell_id": cell["cell_id"],
                "step": np.arange(1, steps + 1),
                "loss_std": np.where(end, 0.3 + 0.1 * cell["seed"], 9.0),
                "input_gradient_rms": np.where(end, 2.0, 9.0) if cell["method"] == "wdpo" else np.nan,
            }
        ).sample(frac=1, random_state=0)
        for cell in cells.to_dict("records")
        if cell["method"] not in ("reference", leave_out)
    ]
    pd.concat(curves).to_parquet(folder / "curves.parquet")


def arena_of(folder: Path) -> ArenaData:
    (runs,) = load_runs([folder])
    (arena,) = arenas_of(runs)
    return arena


def test_implied_radii_of_a_run_by_hand(folder: Path) -> None:
    write_curves(folder)
    arena, rows = arena_of(folder), np.array([[0.5, 0.5], [1.0, 0.0]])  # the sample; a replicate with seed 0 alone
    candidates = candidates_of(arena, "kldpo")
    radii = training_radii(arena, candidates, (0, 1), rows)
    # Var l is (0.09 + 0.16) / 2 = 0.125, and 0.09 of seed 0: over 2 x 0.1^2 = 0.02 and 2 x 2^2 = 8.
    last = [candidate.last for candidate in candidates]
    assert last == [False, False, False, True] * 2
    np.testing.assert_allclose(radii.implied[:, last], [[0.125 / 0.02, 0.125 / 8], [0.09 / 0.02, 0.09 / 8]])
    assert np.isnan(radii.implied[:, np.logical_not(last)]).all() and radii.balls
    np.testing.assert_array_equal(radii.pairs, [512, 512])
    wasserstein = training_radii(arena, candidates_of(arena, "wdpo"), (0, 1), rows)
    np.testing.assert_allclose(wasserstein.implied[:, -1], [4 / 0.25, 4 / 0.18])  # (1 x 2)^2 / (2 Var l)


def test_what_a_run_did_not_record_is_nan(folder: Path) -> None:
    pd.read_parquet(folder / "cells.parquet").drop(columns="pairs").to_parquet(folder / "cells.parquet")
    (folder / "pair_rewards.parquet").unlink()
    arena = arena_of(folder)
    radii = training_radii(arena, candidates_of(arena, "kldpo"), (0, 1), np.array([[0.5, 0.5]]))
    assert np.isnan(radii.pairs).all() and np.isnan(radii.disagreement).all() and np.isnan(radii.implied).all()
    assert radii.balls and not training_radii(arena, candidates_of(arena, "dpo"), (0, 1), np.array([[0.5, 0.5]])).balls


def test_disagreement_by_hand(folder: Path) -> None:
    """Utilities 0.1 joy + 0.9 sadness. Seed 0: one label of four against it, and one tie; seed 1: both against it."""
    table = pd.DataFrame(
        {
            "train_shift": arena_of(folder).cells["train_shift"].iloc[0],
            "seed": [0, 0, 0, 0, 1, 1],
            "first_joy": [1.0, 0.0, 0.0, 0.5, 0.0, 0.0],
            "first_sadness": [0.0, 1.0, 1.0, 0.5, 1.0, 0.3],
            "second_joy": [0.0, 0.0, 0.0, 0.5, 0.0, 0.0],
            "second_sadness": [1.0, 0.0, 0.0, 0.5, 0.0, 0.4],
            "first_chosen": [False, True, False, True, False, True],
        }
    )
    table.sample(frac=1, random_state=1).to_parquet(folder / "pair_rewards.parquet")
    radii = disagreement(arena_of(folder))
    assert radii.to_dict() == {0: 1.5 / 4, 1: 1.0}
