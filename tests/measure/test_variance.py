"""Variance components: closed forms, known truths, and what cannot be told apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.measure.build import build_report
from benchmark.measure.runs.arenas import arenas_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.table.variance import components, variance
from benchmark.report import Variance, words
from methods.base import parse_method
from tests.synthetic import METHODS, Trained, write_run


def test_a_table_by_hand() -> None:
    # Rows -1 and 1, columns -2 and 2, and +-0.5 on the diagonals. Mean squares: of seeds 2 x 2 = 4, of prompts
    # 2 x 8 = 16, of the rest 4 x 0.25 / 1 = 1. Hence var a = (4 - 1) / 2, var b = (16 - 1) / 2, var c = 1.
    table = np.array([[-1 - 2 + 0.5, -1 + 2 - 0.5], [1 - 2 - 0.5, 1 + 2 + 0.5]])
    parts = components(table)
    assert (parts.seed, parts.prompt, parts.both) == pytest.approx((1.5 / 2, 7.5 / 2, 1 / 4))
    assert parts.completion is None
    # With two samples and var d = 0.8, the rest holds 0.8 / 2 of it.
    parts = components(table, within=0.8, samples=2)
    assert (parts.both, parts.completion) == pytest.approx(((1 - 0.4) / 4, 0.8 / 8))
    assert (parts.seed, parts.prompt) == pytest.approx((1.5 / 2, 7.5 / 2))


def test_one_seed_cannot_tell_prompts_from_pairs() -> None:
    parts = components(np.array([[1.0, 3.0]]), within=0.4, samples=2)
    assert parts.seed is None and parts.both is None
    assert parts.prompt == pytest.approx(2 / 2 - 0.4 / 4)
    assert components(np.array([[1.0], [3.0]])).prompt is None


def test_known_components_are_found_on_average() -> None:
    rng = np.random.default_rng(0)
    seeds, prompts, samples, worlds = 4, 12, 3, 2000
    truth = {"seed": 0.3, "prompt": 1.0, "both": 0.5, "completion": 2.0}
    found = []
    for _ in range(worlds):
        values = (
            rng.normal(0, 0.3**0.5, (seeds, 1, 1))
            + rng.normal(0, 1.0, (1, prompts, 1))
            + rng.normal(0, 0.5**0.5, (seeds, prompts, 1))
            + rng.normal(0, 2.0**0.5, (seeds, prompts, samples))
        )
        parts = components(values.mean(axis=2), float(values.var(axis=2, ddof=1).mean()), samples)
        found.append([getattr(parts, name) for name in truth])
    pairs = seeds * prompts
    expected = [0.3 / seeds, 1.0 / prompts, 0.5 / pairs, 2.0 / (pairs * samples)]
    error = np.std(found, axis=0) / np.sqrt(worlds)
    assert (np.abs(np.mean(found, axis=0) - expected) < 4 * error).all()


def variances(folder: Path) -> dict[str, Variance]:
    (runs,) = load_runs([folder])
    (arena,) = arenas_of(runs)
    found = {key: variance(arena, key) for key in dict.fromkeys(arena.cells["key"])}
    return {key.split("(")[0]: decomposed for key, decomposed in found.items() if decomposed is not None}


def test_the_noise_of_a_world_is_found_where_it_was_put(tmp_path: Path) -> None:
    """Ungated joy at alpha = 1: sd .05 of training, .1 shared by a prompt's completions, .2 of each completion."""
    dpo = Trained("dpo(beta=0.1)", t=1.0, quality=1.0)
    folder = write_run(
        tmp_path / "run", seeds=12, prompts=150, methods=(METHODS[0], dpo), samples=4, noise=0.2, seed_noise=0.05
    )
    parts = variances(folder)["dpo"].components
    pairs = 12 * 150
    assert parts["seed"] == pytest.approx(0.05**2 / 12, rel=1.0)
    assert parts["prompt"] == pytest.approx(0.1**2 / 150, rel=0.35)
    assert parts["completion"] == pytest.approx(0.2**2 / (4 * pairs), rel=0.1)
    assert parts["seed x prompt"] is not None and parts["seed x prompt"] < 0.2 * 0.2**2 / (4 * pairs)
    assert list(parts) == ["seed", "prompt", "seed x prompt", "completion", "reward model"]


def test_the_reward_model_is_half_of_the_squared_gap_of_two_judges(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", methods=METHODS[:3], prompts=40)
    (runs,) = load_runs([folder])
    (arena,) = arenas_of(runs)
    key = str(parse_method("dpo(beta=0.1)"))
    decomposed, last = variance(arena, key), arena.trajectory(key)[-1]
    means = {kind: arena.test.utility[kind][last].mean(axis=(0, 1)) for kind in ("gated", "gated_gold")}
    worst = int(means["gated"].argmin())
    assert decomposed is not None
    gap = means["gated"][worst] - means["gated_gold"][worst]
    assert decomposed.components["reward model"] == pytest.approx(gap**2 / 2)
    assert decomposed.worst_shift == str(arena.evaluated[worst])
    assert any("one degree of freedom" in note for note in words.variance_notes(decomposed))


def test_the_notes_say_what_is_together_and_what_was_below_zero(tmp_path: Path) -> None:
    quiet = write_run(tmp_path / "quiet", methods=METHODS[:4], prompts=60, seed_noise=0.0)
    made = variances(quiet)
    for each in made.values():
        assert (each.policies, each.samples, each.components["completion"]) == (None, 1, None)
        notes = words.variance_notes(each)
        assert "seed holds reference policy, pairs, labels, training and sampling together" in notes
        assert "one sample per prompt: seed x prompt holds what completions add" in notes
    zeros = [each for each in made.values() if each.components["seed"] == 0.0]
    assert zeros and all("seed: estimated below 0, shown as 0" in words.variance_notes(each) for each in zeros)
    (runs,) = load_runs([quiet])
    (arena,) = arenas_of(runs)
    for policies, seeds, note in ((1, 1, "all from one reference policy"), (2, 2, "reference policy (2)")):
        from_policies = replace(arena, cells=arena.cells.assign(policy_seed=arena.cells["seed"] % seeds))
        one = variance(from_policies, str(parse_method("dpo(beta=0.1)")))
        assert one is not None and one.policies == policies and note in "; ".join(words.variance_notes(one))


def test_rows_without_a_seed_have_none_and_one_seed_has_no_part_of_seeds(tmp_path: Path) -> None:
    methods = (*METHODS[:3], Trained("ipo(beta=0.1)", skipped="not here"))
    (arena,) = build_report([write_run(tmp_path / "run", seeds=1, prompts=40, methods=methods)], replicates=30).arenas
    rows = {row.method: row for row in arena.rows}
    assert rows["ipo"].variance is None
    decomposed = rows["sft"].variance
    assert decomposed is not None and decomposed.components["seed"] is None and decomposed.seeds == 1
