"""What makes a selection honest: nothing gained among equals, its noise in the interval, blind to what is tested."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.data import Floats
from benchmark.measure.build import build_report
from benchmark.measure.runs.arenas import ArenaData, SplitArrays
from benchmark.measure.selection import RULES, selections
from benchmark.measure.selection.pool import Pool
from benchmark.measure.selection.rules import Rule
from benchmark.measure.selection.seen import Seen
from benchmark.measure.selection.select import selected, taken
from benchmark.measure.statistics.envelope import BOTH_WAYS, ONE_WAY, Fold, Means, over_envelope
from benchmark.measure.table.comparer import Comparer
from tests.measure.test_radius import write_curves
from tests.measure.test_selection import DPO, FAST, LIFTED, chosen, comparer_of, seen
from tests.synthetic import Trained, write_run

# The winner's curse


def best_of_noise(select_on: int, by: str, folds: tuple[Fold, ...], equals: int = 12) -> float:
    """Mean over_envelope of the best of candidates that all stand on the DPO line at (0.6, 0.3), measured with noise.

    DPO is the reference (0.4, 0.4) and a policy at (0.8, 0.2), known exactly. The truth is 0 whatever is chosen.
    """
    rng, trials = np.random.default_rng(2), 4000
    line = np.tile([[0.4, 0.4], [0.8, 0.2]], (trials, 1, 1))
    dpo = Means(line, line[:, :, 0], np.zeros((trials, 2)))
    noisy = [np.array([0.6, 0.3]) + rng.normal(0, 0.03, (trials, equals, 2)) for _ in range(2)]
    halves = [Means(utility, utility[:, :, 0], np.zeros((trials, equals))) for utility in noisy]
    seen_half = halves[select_on]
    choice = chosen(by, seen(seen_half.nominal, seen_half.kl, tested=seen_half.utility))
    over = over_envelope([dpo, dpo], [taken(half, choice) for half in halves], folds)
    assert not np.isnan(over).any()
    return float(over.mean())


@pytest.mark.parametrize("by", ["nominal", "oracle"])
def test_the_best_of_equals_gains_nothing_where_it_was_not_chosen(by: str) -> None:
    """12 equals with a deviation of 0.03: the best is 1.6 deviations up, 0.049, where it was chosen.

    By nominal reward that is worth half, for the DPO line falls by 0.5 per unit; both ways average it with the truth.
    One standard error of the mean is 0.03 sqrt(1.25 / 4000) = 0.0005.
    """
    curse = 1.63 * 0.03 * (0.5 if by == "nominal" else 1.0)
    assert best_of_noise(0, by, ONE_WAY) == pytest.approx(0.0, abs=0.002)
    assert best_of_noise(0, by, BOTH_WAYS) == pytest.approx(curse / 2, abs=0.003)
    assert best_of_noise(1, by, ONE_WAY) == pytest.approx(curse, abs=0.003)


def test_the_noise_of_choosing_is_in_the_interval(tmp_path: Path) -> None:
    """At alpha = 0.55 the settings are equal: t = 0.8 gives 0.424, t = 0.4 with a lift of 0.074 gives 0.424. So each
    replicate takes one or the other, and the nominal reward, 0.658 or 0.504, is as uncertain as the choice."""
    kldpo = (Trained(FAST, t=0.8, quality=1.0), Trained(LIFTED, t=0.4, lift=0.074, quality=1.0))
    methods = [replace(method, quality=1.0) for method in (*DPO, *kldpo)]
    comparer = comparer_of(write_run(tmp_path / "run", prompts=200, methods=methods, noise=0.1, seed_noise=0.005))
    (choice,) = (each for each in selections(comparer) if (each.rule, each.method) == ("held_out_shifts", "kldpo"))
    nominal = choice.metrics["gated_nominal"]
    assert 0.3 < choice.share < 0.98
    assert nominal.low is not None and nominal.low < 0.53
    assert nominal.high is not None and nominal.high > 0.63
    (report,) = build_report([tmp_path / "run"], replicates=200).arenas
    for row in (row for row in report.rows if row.method == "kldpo"):
        alone = row.metrics["gated_nominal"]
        assert alone.low is not None and alone.high is not None
        assert alone.high - alone.low < 0.5 * (nominal.high - nominal.low)


# Obliviousness


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Comparer:
    kldpo = (Trained(FAST, t=0.6), Trained(LIFTED, t=0.5, lift=0.05))
    folder = write_run(tmp_path_factory.mktemp("noisy") / "run", seeds=2, prompts=30, methods=(*DPO, *kldpo))
    write_curves(folder)
    return comparer_of(folder, replicates=100)


def test_a_choice_is_judged_against_the_envelope_one_way(noisy: Comparer) -> None:
    pool = Pool.of(noisy, "kldpo")
    choice = pool.choose(RULES["nominal"])
    assert not isinstance(choice, str)
    method = [taken(half, choice) for half in pool.halves]
    one_way, both = (over_envelope(noisy.envelope(pool.seed_rows), method, folds)[0] for folds in (ONE_WAY, BOTH_WAYS))
    assert selected(pool, RULES["nominal"]).metrics["gated_over_envelope"].value == pytest.approx(one_way)
    assert abs(one_way - both) > 1e-3


def scrambled(values: Floats, seed: int) -> Floats:
    """The same numbers, each policy's in the place of another; what is NaN for one is for all here."""
    return np.random.default_rng(seed).permutation(values, axis=0)


def without_test_prompts(arena: ArenaData) -> ArenaData:
    test: SplitArrays = arena.test
    return replace(
        arena,
        test=replace(
            test,
            utility={kind: scrambled(values, 1) for kind, values in test.utility.items()},
            nominal={kind: scrambled(values, 2) for kind, values in test.nominal.items()},
            sampled={kind: scrambled(values, 3) for kind, values in test.sampled.items()},
            kl=scrambled(test.kl, 4),
            means={name: scrambled(values, 5) for name, values in test.means.items()},
        ),
    )


def without_test_shifts(arena: ArenaData) -> ArenaData:
    utility = {kind: scrambled(values, 6) for kind, values in arena.validation.utility.items()}
    return replace(arena, validation=replace(arena.validation, utility=utility))


def taken_by(rule: str, comparer: Comparer, arena: ArenaData) -> list[int]:
    choice = Pool.of(Comparer(arena, comparer.replicates), "kldpo").choose(RULES[rule])
    assert not isinstance(choice, str), choice
    return choice.taken.tolist()


@pytest.mark.parametrize("rule", [name for name, rule in RULES.items() if not rule.ceiling])
def test_no_rule_but_a_ceiling_depends_on_test_prompts_or_test_shifts(noisy: Comparer, rule: str) -> None:
    before = taken_by(rule, noisy, noisy.arena)
    assert taken_by(rule, noisy, without_test_prompts(noisy.arena)) == before
    assert taken_by(rule, noisy, without_test_shifts(noisy.arena)) == before
    assert taken_by(rule, noisy, without_test_shifts(without_test_prompts(noisy.arena))) == before


def test_utilities_under_test_shifts_reach_a_ceiling_alone(noisy: Comparer) -> None:
    reached = []

    def note(seen: Seen) -> str:
        reached.append(seen.tested is not None)
        return "nothing"

    for ceiling in (False, True):
        Pool.of(noisy, "kldpo").choose(Rule("spy", "", note, ceiling))
    assert reached == [False, True]


def test_the_ceiling_depends_on_test_shifts_and_not_on_test_prompts(noisy: Comparer) -> None:
    before = taken_by("oracle", noisy, noisy.arena)
    assert taken_by("oracle", noisy, without_test_prompts(noisy.arena)) == before
    assert taken_by("oracle", noisy, without_test_shifts(noisy.arena)) != before


def test_the_rules_do_look_at_what_they_are_said_to_look_at(noisy: Comparer) -> None:
    validation = noisy.arena.validation
    others = {
        "nominal": {"nominal": {kind: scrambled(values, 7) for kind, values in validation.nominal.items()}},
        "held_out_shifts": {"held_out": scrambled(validation.held_out, 7)},
        "matched_kl": {"kl": scrambled(validation.kl, 7)},
    }
    for rule, arrays in others.items():
        arena = replace(noisy.arena, validation=replace(validation, **arrays))  # type: ignore[arg-type]
        assert taken_by(rule, noisy, arena) != taken_by(rule, noisy, noisy.arena), rule


def test_a_validation_shift_that_a_run_evaluates_is_not_selected_on(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", seeds=2, prompts=8, methods=DPO)
    assert [shift.position() for shift in comparer_of(folder).arena.validation_shifts] == pytest.approx(
        [0.05, 0.15, 0.25, 0.35, 0.45, 0.55]
    )
    environment = (folder / "environment.json").read_text()
    (folder / "environment.json").write_text(environment.replace("alpha=0.5,", "alpha=0.55,"))
    arena = comparer_of(folder).arena
    assert [shift.position() for shift in arena.validation_shifts] == pytest.approx([0.05, 0.15, 0.25, 0.35, 0.45])
    assert arena.validation.held_out.shape[-1] == 5 and arena.test.held_out.shape[-1] == 0
