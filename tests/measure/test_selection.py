"""Selection rules in worlds whose best candidate is known, and what choosing does to the numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmark.core.data import Floats
from benchmark.describe import listing
from benchmark.measure.build import build_report
from benchmark.measure.runs.arenas import arenas_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.selection import RULES, selections
from benchmark.measure.selection.rules import KL_BUDGET
from benchmark.measure.selection.seen import Candidate, Choice, Radii, Seen
from benchmark.measure.selection.select import most_often, taken
from benchmark.measure.statistics.bootstrap import replicates_of
from benchmark.measure.statistics.envelope import Means
from benchmark.measure.table.comparer import Comparer
from benchmark.pipeline.text.tables import _training_pairs
from benchmark.report import Absent, Arena, MorePolicies, NothingTaken, Selected, UnequalPolicies, words
from tests.measure.test_radius import write_curves
from tests.synthetic import METHODS, Trained, write_run

FAST = "kldpo(beta=0.1,tau=0.1)"
LIFTED = "kldpo(beta=0.1,tau=2)"
DPO = METHODS[:5]  # with the reference and SFT
ALONE = "reward_blend(weights=joy:1)"  # a family of one point


def comparer_of(folder: Path, replicates: int = 200) -> Comparer:
    (runs,) = load_runs([folder])
    (arena,) = arenas_of(runs)
    return Comparer(arena, replicates)


def seen(nominal: Floats, kl: Floats, held_out: Floats | None = None, tested: Floats | None = None) -> Seen:
    """A world of arrays: one candidate per column, the last of which is a last checkpoint."""
    rows, count = nominal.shape
    candidates = [Candidate(f"m{place}", f"M{place}", 8, True, place) for place in range(count)]
    unknown = np.full(rows, np.nan)
    shifts = np.zeros((rows, count, 0)) if held_out is None else held_out
    return Seen(candidates, nominal, kl, shifts, Radii(unknown, unknown, np.full((rows, count), np.nan), False), tested)


def chosen(rule: str, world: Seen) -> Choice:
    choice = RULES[rule].choose(world)
    assert not isinstance(choice, NothingTaken)
    return choice


# The best candidate, by hand. Share f of the training of (t, L) gives, at alpha, with T = f t and l = f L,
#     J_alpha = 0.35 + T (0.45 - 0.65 alpha) + l (alpha - (1 - alpha) / 9),     KL = 6 T^2 + 4 l.


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Selected]:
    """KLDPO with two settings: t = 0.8 on the DPO line, and t = 0.75 with a lift of 0.1; next to no noise."""
    kldpo = (Trained(FAST, t=0.8, quality=1.0), Trained(LIFTED, t=0.75, lift=0.1, quality=1.0))
    methods = [replace(method, quality=1.0) for method in (*DPO, *kldpo)]
    folder = write_run(
        tmp_path_factory.mktemp("quiet") / "run", seeds=2, prompts=400, methods=methods, noise=0.004, seed_noise=0.0
    )
    write_curves(folder)
    choices = selections(comparer_of(folder))
    return {each.rule: each for each in choices if each.method == "kldpo"}


@pytest.mark.parametrize(
    ("rule", "key", "step"),
    [
        # J at 0.1 rises with T alone: 0.658 at t = 0.8 against 0.639.
        ("nominal", FAST, 128),
        # The worst validation shift is 0.55: 0.424 on the line, 0.469 with the lift.
        ("held_out_shifts", LIFTED, 128),
        # KL 2.16 at T = 0.6 is too much, and 2.2 with the lift; T = 0.4 is the furthest of the others (0.96 nats).
        ("matched_kl", FAST, 64),
        # Alpha = 1 falls with f on the line and with the lift: 0.35 - 0.2 T + l, least loss at the first checkpoint.
        ("oracle", LIFTED, 32),
    ],
)
def test_each_rule_takes_the_candidate_that_is_best_by_hand(
    quiet: dict[str, Selected], rule: str, key: str, step: int
) -> None:
    choice = quiet[rule]
    assert (choice.key, choice.step, choice.candidates, words.selection_note(choice)) == (key, step, 8, "")
    assert choice.share > 0.9 and choice.ceiling == (rule == "oracle")


def test_what_is_chosen_is_judged_on_test_prompts_by_its_closed_form(quiet: dict[str, Selected]) -> None:
    nominal, shifted = quiet["nominal"].metrics, quiet["held_out_shifts"].metrics
    values = {name: estimate.value for name, estimate in shifted.items()}
    assert values["gated_worst_case"] == pytest.approx(0.35 - 0.2 * 0.75 + 0.1, abs=2e-3)
    assert values["gated_nominal"] == pytest.approx(0.35 + 0.385 * 0.75, abs=2e-3)
    assert values["kl_to_reference"] == pytest.approx(6 * 0.75**2 + 0.4, rel=0.05)
    assert values["gated_over_envelope"] == pytest.approx(0.1, abs=2e-3)  # the lift
    assert nominal["gated_over_envelope"].value == pytest.approx(0.0, abs=2e-3)
    assert all(estimate.low is not None and estimate.n == 2 for estimate in shifted.values())


def test_the_radius_rules_take_the_nearest_in_logarithm_at_the_last_checkpoint(quiet: dict[str, Selected]) -> None:
    # Var l is 0.125 at the end: tau = 0.1 implies 6.25 nats, tau = 2 implies 0.0156; their geometric middle is 0.31.
    # 512 pairs call for 3.84 / 1024 = 0.0038 nats. Rewards are so alike that labels are coins: 48% disagree, 0.45.
    for rule, key in (("data_driven_radius", FAST), ("chi_square_radius", LIFTED)):
        choice = quiet[rule]
        assert (choice.key, choice.step, choice.candidates, choice.share) == (key, 128, 2, 1.0)
        note = words.selection_note(choice)
        assert "nats by disagreement (48% of training labels), 0.0038 nats by the chi-square quantile" in note
        assert note.endswith("settings imply KLDPO τ=0.1 6.2, KLDPO τ=2 0.016")


def test_a_larger_disagreement_calls_for_a_larger_radius() -> None:
    world = seen(np.zeros((3, 2)), np.zeros((3, 2)))
    implied = np.tile([0.02, 2.0], (3, 1))  # the geometric middle is 0.2, which is 2 e^2 at e = 0.316
    radii = Radii(np.array([0.3, 0.31, 0.33]), np.full(3, 10.0), implied, True)
    np.testing.assert_array_equal(chosen("data_driven_radius", replace(world, radii=radii)).taken, [0, 0, 1])
    # 3.84 / 20 = 0.192 nats; with the third radius at a seventh of that, the nearest is the first.
    np.testing.assert_array_equal(chosen("chi_square_radius", replace(world, radii=radii)).taken, [0, 0, 0])
    partly = replace(radii, implied=np.tile([np.nan, 2.0], (3, 1)))
    choice = chosen("data_driven_radius", replace(world, radii=partly))
    assert choice.candidates == 1 and choice.taken.tolist() == [1, 1, 1]
    assert choice.radius is not None and (choice.radius.settings, choice.radius.unknown) == ((("M1", 2.0),), 1)


def test_rules_that_cannot_be_applied_say_why() -> None:
    world = seen(np.ones((3, 2)), np.full((3, 2), KL_BUDGET + 0.1))
    known = replace(world.radii, disagreement=np.full(3, 0.2), pairs=np.full(3, 100.0))
    reasons = {rule: RULES[rule].choose(world) for rule in RULES if rule not in ("nominal", "oracle")}
    assert reasons == {
        "held_out_shifts": NothingTaken.NO_VALIDATION_SHIFTS,
        "matched_kl": NothingTaken.NONE_WITHIN_BUDGET,
        "data_driven_radius": NothingTaken.NO_TRAINING_PAIRS,
        "chi_square_radius": NothingTaken.PAIRS_NOT_COUNTED,
    }
    assert RULES["data_driven_radius"].choose(replace(world, radii=known)) is NothingTaken.NO_BALL
    unrecorded = replace(world, radii=replace(known, balls=True))
    assert RULES["data_driven_radius"].choose(unrecorded) is NothingTaken.LOSSES_NOT_RECORDED


def test_every_reason_for_taking_nothing_has_words() -> None:
    for kind in NothingTaken:
        assert words.selection_note(Selected("r", "", False, "m", 1, nothing=kind, budget=2.0))
    short = Selected("r", "", False, "m", 1, nothing=NothingTaken.NONE_WITHIN_BUDGET, budget=2.0)
    assert words.selection_note(short) == "no policy of this method within 2 nats of the reference"


def test_the_budget_is_kept_and_is_no_penalty_below_it() -> None:
    rng = np.random.default_rng(0)
    nominal, kl = rng.normal(size=(500, 6)), rng.uniform(0.5, 6.0, (500, 6))
    kl[0], kl[:, 5] = 1.0, np.nan  # a KL that is not known is within no budget
    choice = chosen("matched_kl", seen(nominal, kl))
    for row, place in enumerate(choice.taken):
        within = np.flatnonzero(kl[row] <= KL_BUDGET)
        assert place == (within[nominal[row, within].argmax()] if len(within) else -1)
    lacking = (replicates_of(choice.taken) == -1).mean()
    assert 0 < lacking < 1 and choice.lacking == lacking


def test_where_nothing_is_taken_numbers_are_missing() -> None:
    means = Means(np.ones((2, 3, 1)), np.ones((2, 3)), np.ones((2, 3)))
    one = taken(means, Choice(np.array([2, -1]), 3))
    for values in (one.utility[:, 0, 0], one.nominal[:, 0], one.kl[:, 0]):
        np.testing.assert_array_equal(values, [1.0, np.nan])


def test_the_most_frequent_choice_and_its_share() -> None:
    def choice(sample: int, *replicates: int) -> Choice:
        return Choice(np.array([sample, *[9] * 2 * len(replicates), *replicates]), 3)

    assert most_often(choice(0, 2, 2, 1, 2)) == (2, 0.75)
    assert most_often(choice(1, 0, 1, 0, 1)) == (1, 0.5)  # of equals, the sample's own
    assert most_often(choice(1, -1, -1, -1, 0)) == (0, 0.25)
    assert most_often(choice(1, -1)) == (1, 0.0)


# In the report


def test_every_method_has_every_rule_and_plain_dpo_is_the_envelope(arena: Arena) -> None:
    methods = {row.method for row in arena.rows} - {"reference"}
    assert {(choice.rule, choice.method) for choice in arena.selections} == {(r, m) for r in RULES for m in methods}
    keys = {row.key for row in arena.rows}
    for choice in arena.selections:
        assert (
            choice.key in keys and set(choice.metrics or {}) >= {"gated_over_envelope", "kl_to_reference"}
        ) or choice.nothing
        over = (choice.metrics or {}).get("gated_over_envelope")
        if over is not None and choice.method == "dpo":
            assert over.value is None and over.absent is Absent.MAKES_ENVELOPE
            assert choice.candidates == 12 and choice.metrics["gated_nominal"].value is not None


def test_a_method_without_a_common_seed_is_not_selected(tmp_path: Path) -> None:
    kldpo = (Trained(FAST, failed_seeds=(0,)), Trained(LIFTED, failed_seeds=(1,)), Trained("wdpo", failed_seeds=(0, 1)))
    comparer = comparer_of(write_run(tmp_path / "run", seeds=2, prompts=8, methods=(*DPO, *kldpo)), replicates=20)
    choices = [each for each in selections(comparer) if each.method in ("kldpo", "wdpo")]
    assert {(each.method, each.key, each.nothing) for each in choices} == {("kldpo", "", NothingTaken.NO_COMMON_SEED)}


def test_without_plain_dpo_there_is_no_envelope_and_the_other_columns_stand(tmp_path: Path) -> None:
    comparer = comparer_of(write_run(tmp_path / "run", seeds=2, prompts=8, methods=[Trained(FAST)]), replicates=20)
    choice = next(each for each in selections(comparer) if each.rule == "nominal")
    assert choice.metrics["gated_over_envelope"].absent is Absent.NO_DPO
    assert choice.metrics["gated_nominal"].value is not None


def test_unequal_numbers_of_candidates_are_a_caveat(tmp_path: Path) -> None:
    more = [Trained(f"kldpo(tau={tau})") for tau in (0.1, 0.3, 1, 3)]
    folder = write_run(tmp_path / "run", seeds=2, prompts=8, methods=(*DPO, *more, Trained("wdpo"), Trained("cdpo")))
    (arena,) = build_report([folder], replicates=20).arenas
    flattered, unequal = (caveat for caveat in arena.caveats if isinstance(caveat, MorePolicies | UnequalPolicies))
    assert (flattered, unequal) == (MorePolicies((("kldpo", 16),), 12), UnequalPolicies((("kldpo", 16),), 4))
    assert "kldpo (16) may choose from more policies than plain DPO has (12)" in words.caveat(flattered)
    assert words.caveat(unequal).endswith("16 of kldpo; 4 of every other method.")


def test_equal_numbers_are_no_caveat(arena: Arena) -> None:
    assert not [caveat for caveat in arena.caveats if isinstance(caveat, MorePolicies | UnequalPolicies)]


def test_the_rules_are_listed_in_a_line_each() -> None:
    lines = listing("selection").splitlines()
    assert [line.split()[0] for line in lines] == list(RULES)
    assert {"nominal", "held_out_shifts", "matched_kl", "data_driven_radius", "oracle"} <= set(RULES)


def test_the_number_of_pairs_is_that_of_the_whole_set(tmp_path: Path) -> None:
    pd.DataFrame({"first_chosen": np.ones(3000, dtype=bool)}).to_parquet(tmp_path / "pair_rewards.parquet")
    made = SimpleNamespace(done=lambda store: True, folder=lambda store: tmp_path)
    missing = SimpleNamespace(done=lambda store: False)
    counts = [
        _training_pairs(SimpleNamespace(stages=stages), None) for stages in ({"pairs": made}, {"pairs": missing}, {})
    ]  # type: ignore[arg-type]
    assert counts[0] == 3000 and np.isnan(counts[1:]).all()


def test_a_family_without_validation_shifts_is_selected_by_the_other_rules(tmp_path: Path) -> None:
    comparer = comparer_of(
        write_run(tmp_path / "run", seeds=2, prompts=8, methods=DPO, train_shift=ALONE), replicates=20
    )
    by_rule = {each.rule: each for each in selections(comparer) if each.method == "dpo"}
    assert (
        comparer.arena.validation_shifts == ()
        and by_rule["held_out_shifts"].nothing is NothingTaken.NO_VALIDATION_SHIFTS
    )
    assert by_rule["held_out_shifts"].metrics is None and by_rule["nominal"].metrics["gated_nominal"].value is not None
