"""Variance components: closed forms, known truths, and what cannot be told apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.measure.build import build_report
from benchmark.measure.runs.groups import groups_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.table.variance import components, variance
from benchmark.report.types import Variance
from tests.synthetic import METHODS, Trained, write_run


def test_a_table_by_hand() -> None:
    # Rows -1 and 1, columns -2 and 2, and +-0.5 on the diagonals. Mean squares: of seeds 2 x 2 = 4, of prompts
    # 2 x 8 = 16, of the rest 4 x 0.25 / 1 = 1. Hence var a = (4 - 1) / 2, var b = (16 - 1) / 2, var c = 1.
    table = np.array([[-1 - 2 + 0.5, -1 + 2 - 0.5], [1 - 2 - 0.5, 1 + 2 + 0.5]])
    told = components(table)
    assert (told.seed, told.prompt, told.both) == pytest.approx((1.5 / 2, 7.5 / 2, 1 / 4))
    assert told.completion is None
    # With two samples and var d = 0.8, the rest holds 0.8 / 2 of it.
    told = components(table, within=0.8, samples=2)
    assert (told.both, told.completion) == pytest.approx(((1 - 0.4) / 4, 0.8 / 8))
    assert (told.seed, told.prompt) == pytest.approx((1.5 / 2, 7.5 / 2))


def test_one_seed_cannot_tell_prompts_from_pairs() -> None:
    told = components(np.array([[1.0, 3.0]]), within=0.4, samples=2)
    assert told.seed is None and told.both is None
    assert told.prompt == pytest.approx(2 / 2 - 0.4 / 4)
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
        told = components(values.mean(axis=2), float(values.var(axis=2, ddof=1).mean()), samples)
        found.append([getattr(told, name) for name in truth])
    pairs = seeds * prompts
    expected = [0.3 / seeds, 1.0 / prompts, 0.5 / pairs, 2.0 / (pairs * samples)]
    error = np.std(found, axis=0) / np.sqrt(worlds)
    assert (np.abs(np.mean(found, axis=0) - expected) < 4 * error).all()


def variances(folder: Path) -> dict[str, Variance]:
    (runs,) = load_runs([folder])
    (group,) = groups_of(runs)
    found = {key: variance(group, key) for key in dict.fromkeys(group.cells["key"])}
    return {key.split("(")[0]: told for key, told in found.items() if told is not None}


def test_the_noise_of_a_world_is_found_where_it_was_put(tmp_path: Path) -> None:
    """Ungated joy at alpha = 1: sd .05 of training, .1 shared by a prompt's completions, .2 of each completion."""
    dpo = Trained("dpo(beta=0.1)", t=1.0, quality=1.0)
    folder = write_run(
        tmp_path / "run", seeds=12, prompts=150, methods=(METHODS[0], dpo), samples=4, noise=0.2, seed_noise=0.05
    )
    told = variances(folder)["dpo"].components
    pairs = 12 * 150
    assert told["seed"] == pytest.approx(0.05**2 / 12, rel=1.0)
    assert told["prompt"] == pytest.approx(0.1**2 / 150, rel=0.35)
    assert told["completion"] == pytest.approx(0.2**2 / (4 * pairs), rel=0.1)
    assert told["seed x prompt"] is not None and told["seed x prompt"] < 0.2 * 0.2**2 / (4 * pairs)
    assert list(told) == ["seed", "prompt", "seed x prompt", "completion", "reward model"]


def test_the_reward_model_is_half_of_the_squared_gap_of_two_judges(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", methods=METHODS[:3], prompts=40)
    (runs,) = load_runs([folder])
    (group,) = groups_of(runs)
    key = "dpo(beta=0.1)"
    told, last = variance(group, key), group.path(key)[-1]
    means = {kind: group.test.utility[kind][last].mean(axis=(0, 1)) for kind in ("gated", "gated_gold")}
    worst = int(means["gated"].argmin())
    assert told is not None
    gap = means["gated"][worst] - means["gated_gold"][worst]
    assert told.components["reward model"] == pytest.approx(gap**2 / 2)
    assert "one degree of freedom" in told.note and str(group.evaluated[worst]) in told.note


def test_the_note_says_what_is_together_and_what_was_below_zero(tmp_path: Path) -> None:
    quiet = write_run(tmp_path / "quiet", methods=METHODS[:4], prompts=60, seed_noise=0.0)
    told = variances(quiet)
    assert all(
        "seed holds reference policy, pairs, labels, training and sampling" in each.note for each in told.values()
    )
    assert all("one sample per prompt" in each.note and each.components["completion"] is None for each in told.values())
    zeros = [each for each in told.values() if each.components["seed"] == 0.0]
    assert zeros and all("seed: estimated below 0, shown as 0" in each.note for each in zeros)
    (runs,) = load_runs([quiet])
    (group,) = groups_of(runs)
    one = replace(group, cells=group.cells.assign(policy_seed=0))
    assert "all from one reference policy" in getattr(variance(one, "dpo(beta=0.1)"), "note", "")
    several = replace(group, cells=group.cells.assign(policy_seed=group.cells["seed"] % 2))
    assert "reference policy (2)" in getattr(variance(several, "dpo(beta=0.1)"), "note", "")


def test_rows_without_a_seed_have_none_and_one_seed_has_no_part_of_seeds(tmp_path: Path) -> None:
    methods = (*METHODS[:3], Trained("ipo(beta=0.1)", skipped="not here"))
    (group,) = build_report([write_run(tmp_path / "run", seeds=1, prompts=40, methods=methods)], replicates=30).groups
    rows = {row.method: row for row in group.rows}
    assert rows["ipo"].variance is None
    told = rows["sft"].variance
    assert told is not None and told.components["seed"] is None and "one seed" in told.note
