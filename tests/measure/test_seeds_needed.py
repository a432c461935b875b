"""How many seeds settle a comparison: closed forms, a simulation, and what no number of seeds can do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmark.measure.build import build_report
from benchmark.measure.statistics.spread import Spread
from benchmark.measure.table.gap import MOST, Gap
from benchmark.measure.table.seeds_needed import settling
from benchmark.report import words
from benchmark.report.rows import POWER
from tests.synthetic import METHODS, write_run


def spread_like(gap: Gap, seeds: int) -> Spread:
    by_seeds = gap.per_seed / seeds
    return Spread(np.array(by_seeds + gap.prompts), np.array(by_seeds), seeds, seeds - 1)


def test_parts_that_seeds_do_and_do_not_shrink() -> None:
    assert Gap.of(0.1, Spread(np.array(5.0), np.array(2.0), 3, 2)) == Gap(0.1, 6.0, 3.0)


def test_without_seed_noise_power_is_that_of_a_normal_mean() -> None:
    gap = Gap(2.8016, 0.0, 1.0)  # 1.96 + 0.8416 deviations
    assert gap.power(2) == pytest.approx(POWER, abs=1e-4)


def test_power_is_that_of_students_test_in_simulation() -> None:
    gap, seeds = Gap(1.0, 1.0, 0.0), 6
    draws = np.random.default_rng(0).normal(1.0, 1.0, (40_000, seeds))
    rejected = stats.ttest_1samp(draws, 0.0, axis=1).pvalue < 0.05
    assert gap.power(seeds) == pytest.approx(rejected.mean(), abs=0.01)


def test_the_least_number_of_seeds_is_the_least() -> None:
    # One deviation at 80% power: the textbook's 10 for a paired t test.
    gap = Gap(1.0, 1.0, 0.0)
    assert gap.seeds() == 10
    assert gap.power(10) >= POWER > gap.power(9)
    half = Gap(0.5, 1.0, 0.0).seeds()
    assert half is not None and half == 34
    assert Gap(0.01, 1.0, 0.0).seeds() is None


def test_prompts_set_a_floor() -> None:
    gap = Gap(1.0, 1.0, 1.0)
    assert gap.seeds() is None and gap.power(MOST) < POWER
    assert gap.prompt_factor() == pytest.approx((1.959964 + 0.841621) ** 2, rel=1e-5)  # 7.85
    sentence = words.seeds_needed(settling("A", "B", gap, spread_like(gap, 3), 200))
    assert (
        "no number of seeds would do it on these 200 prompts" in sentence and "at least 1,570 test prompts" in sentence
    )


@pytest.mark.parametrize(
    ("gap", "seeds", "end"),
    [
        (Gap(1.0, 1.0, 0.0), 3, "80% power at the 5% level takes about 10 seeds."),
        (Gap(0.01, 1.0, 0.0), 3, "takes more than 1,000 seeds."),
        (Gap(5.0, 1.0, 0.0), 5, "settled at the 5% level by the seeds that there are."),
        (Gap(0.0001, 1.0, 1.0), 5, "no number of seeds tells apart what is alike."),
        (Gap(0.0, 0.0, 0.0), 5, "no number of seeds tells apart what is alike."),
    ],
)
def test_sentences(gap: Gap, seeds: int, end: str) -> None:
    sentence = words.seeds_needed(settling("A", "B", gap, spread_like(gap, seeds), 200))
    assert sentence.startswith("A over B: ") and sentence.endswith(end)


def test_an_arena_names_its_two_best_and_one_seed_says_nothing(tmp_path: Path) -> None:
    (arena,) = build_report([write_run(tmp_path / "run", seeds=5, prompts=80)], replicates=150).arenas
    assert words.seeds_needed(arena.seeds_needed).startswith("WDPO over ")
    (one,) = build_report([write_run(tmp_path / "one", seeds=1, prompts=40)], replicates=30).arenas
    (few,) = build_report([write_run(tmp_path / "few", prompts=40, methods=METHODS[:2])], replicates=30).arenas
    for lacking in (one, few):
        assert words.seeds_needed(lacking.seeds_needed).startswith("Fewer than two methods can be ranked")
