"""Verdicts from numbers alone, and their sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.measure.controls.judged import behaviour, inner_dpo
from benchmark.measure.runs.names import rerun_command
from benchmark.measure.statistics.spread import Spread
from benchmark.measure.table.comparer import estimate_over
from benchmark.measure.table.verdict import seed_caveats, to_decide, verdict_of
from benchmark.report import (
    Absent,
    Arena,
    Behaviour,
    Collapse,
    Conflict,
    ConflictKind,
    Control,
    ControlKind,
    Controls,
    Estimate,
    FewSeeds,
    Judging,
    Row,
    ToDecide,
    Verdict,
    missing,
    standing,
    words,
)

MARGIN = 0.02


def row(label: str, over: Estimate | None, method: str = "kldpo", role: str = "method", beta: float = 0.1) -> Row:
    return Row(
        key=label,
        method=method,
        hparams={"beta": beta},
        label=label,
        role=role,
        robust=True,  # type: ignore[arg-type]
        summary="",
        paper="",
        status="done",
        reason="",
        seeds_done=5,
        seeds_planned=5,
        metrics={} if over is None else {"gated_over_envelope": over},
        verdict=verdict_of("done", over, MARGIN),
    )


def arena(rows: list[Row], controls: tuple[Control, ...] | None = None, seeds: int = 5) -> Arena:
    nothing = Conflict(ConflictKind.NOT_MEASURED)
    made = Arena("s", "t", "t", seeds, nothing, None, (), (), (), tuple(rows), (), linear=False)
    return replace(made, controls=BEHAVING if controls is None else controls)


CLEARS, OPEN, LESS, BELOW = (
    Estimate(0.18, 0.09, 0.31, 5),
    Estimate(0.02, -0.03, 0.06, 5),
    Estimate(0.001, -0.012, 0.014, 5),
    Estimate(-0.1, -0.2, -0.05, 5),
)
WIN, EDGE = missing(Absent.NOMINAL_WIN, 5, empty_share=1.0), missing(Absent.EDGE, 5, empty_share=0.6)


def control(kind: ControlKind, over: Estimate, label: str = "", truth: float | None = None) -> Control:
    return Control(kind, label or kind.value, behaviour(kind, verdict_of("done", over, MARGIN)), over, truth=truth)


BEHAVING = (control(ControlKind.ORACLE, CLEARS), control(ControlKind.LEFT_OUT, LESS))


@pytest.mark.parametrize(
    ("over", "verdict", "sentence"),
    [
        (CLEARS, "clears", "Clears the DPO envelope by +0.180 [+0.090, +0.310]."),
        (
            OPEN,
            "cannot_tell",
            "Cannot tell from the DPO envelope: +0.020 [−0.030, +0.060]. A lift of up to +0.060 is compatible.",
        ),
        (LESS, "does_not", "Does not clear the DPO envelope: +0.001 [−0.012, +0.014], less than the margin."),
        (BELOW, "does_not", "Lies below the DPO envelope: −0.100 [−0.200, −0.050]."),
        (Estimate(0.18, 0.09, 0.31, 1), "one_seed", "cannot be judged over seeds"),
        (WIN, "nominal_win", "a nominal win"),
        (EDGE, "edge", "no worst case to compare. 60% of replicates empty."),
        (missing(Absent.NO_OTHER_DPO), "not_judged", "Not judged: no other plain DPO run to compare with."),
        (Estimate(0.18, 0.09, 0.31, 5, empty_share=0.39), "clears", "39% of replicates empty."),
    ],
)
def test_verdicts(over: Estimate, verdict: str, sentence: str) -> None:
    assert row("m", over).verdict == verdict and sentence in words.row_verdict(row("m", over))


def test_an_interval_that_touches_zero_does_not_clear_and_one_that_touches_the_margin_is_not_equivalent() -> None:
    assert verdict_of("done", Estimate(0.1, 0.0, 0.2, 5), MARGIN) is Verdict.CANNOT_TELL
    assert verdict_of("done", Estimate(0.01, -0.01, 0.02, 5), MARGIN) is Verdict.CANNOT_TELL
    assert verdict_of("done", Estimate(0.01, 0.005, 0.015, 5), MARGIN) is Verdict.CLEARS  # small, and there
    assert row("m", replace(CLEARS, n=1)).outcome() is Verdict.NOT_JUDGED


def test_a_row_clears_only_if_it_does_after_the_correction() -> None:
    assert verdict_of("done", CLEARS, MARGIN, p_holm=0.04) is Verdict.CLEARS
    assert verdict_of("done", CLEARS, MARGIN, p_holm=0.06) is Verdict.CANNOT_TELL
    said = words.row_verdict(replace(row("m", CLEARS), p_holm=0.06, verdict=Verdict.CANNOT_TELL))
    assert said.startswith("Cannot tell from the DPO envelope: +0.180 [+0.090, +0.310] (p = .060 after correction")


def test_what_it_takes_to_decide_by_the_normal_quantiles() -> None:
    # Prompts alone: a lift of d is seen with 80% power if its deviation is d / (1.960 + 0.842).
    reach = 1.959964 + 0.841621
    prompts_alone = Spread(np.array((2 * MARGIN / reach) ** 2), np.array(0.0), 3, 2)
    assert to_decide(MARGIN, prompts_alone, 100) == ToDecide(prompts=401)  # twice the deviation: four times as many
    seeds = to_decide(
        MARGIN, Spread(np.array((2 * MARGIN / reach) ** 2), np.array((2 * MARGIN / reach) ** 2), 5, 4), 100
    )
    assert seeds.prompts is None and seeds.seeds is not None and 20 <= seeds.seeds <= 23  # 4 x 5, and Student's t
    assert prompts_alone.detectable(0.05, 0.8) == pytest.approx(2 * MARGIN, rel=1e-5)


def test_seeds_that_collapsed_are_named() -> None:
    fallen = replace(row("m", CLEARS), collapse=Collapse(("3",), 5, ()))
    assert words.row_verdict(fallen).endswith(" Seed 3 collapsed.")
    assert words.headline(arena([fallen])).endswith(" Collapsed: seed 3 of m.")


def test_a_method_that_breaks_the_contract_says_so_first() -> None:
    broken = replace(row("m", CLEARS), broken=("gradients",))
    assert words.row_verdict(broken).startswith("Breaks the contract of a method (gradients)")
    assert words.not_ranked(broken) == "it breaks the contract of a method"


def test_a_row_without_a_finished_seed_says_what_became_of_it() -> None:
    lost = replace(row("m", None), status="failed", reason="killed", verdict=verdict_of("failed", None, MARGIN))
    assert lost.verdict is Verdict.FAILED and words.row_verdict(lost) == "Failed: killed"


def test_clearing_with_the_gate_alone_is_said() -> None:
    gated_only = row("m", CLEARS)
    gated_only.metrics["over_envelope"] = OPEN
    assert "Without the language gate it does not (+0.020 [−0.030, +0.060])." in words.row_verdict(gated_only)


def test_the_ends_of_the_sweep_and_other_learning_rates_are_no_controls() -> None:
    rows = [row(f"DPO {beta}", CLEARS, "dpo", "baseline", beta) for beta in (1.0, 0.1, 0.3)]
    other_rate = replace(rows[2], label="fast", hparams={"beta": 0.5, "rate": 2.0})
    assert [inner.label for inner in inner_dpo([*rows, other_rate])] == ["DPO 0.3"]


@pytest.mark.parametrize(
    ("kind", "over", "does"),
    [
        (ControlKind.ORACLE, CLEARS, Behaviour.AS_IT_SHOULD),
        (ControlKind.ORACLE, OPEN, Behaviour.CANNOT_TELL),
        (ControlKind.INFORMED, LESS, Behaviour.FAILS),
        (ControlKind.LEFT_OUT, CLEARS, Behaviour.FAILS),
        (ControlKind.LEFT_OUT, Estimate(0.05, -0.105, 0.205, 5), Behaviour.CANNOT_TELL),
        (ControlKind.LEFT_OUT, BELOW, Behaviour.AS_IT_SHOULD),
        (ControlKind.LEFT_OUT, WIN, Behaviour.NOT_JUDGED),
        (ControlKind.LEFT_OUT, EDGE, Behaviour.NOT_JUDGED),
        (ControlKind.PLANTED, CLEARS, Behaviour.AS_IT_SHOULD),
    ],
)
def test_what_a_control_does(kind: ControlKind, over: Estimate, does: Behaviour) -> None:
    assert control(kind, over).behaviour is does


def test_controls_stand_as_their_gravest_does_and_say_so() -> None:
    oracle, left_out = BEHAVING
    unsure, failing = control(ControlKind.LEFT_OUT, OPEN, "DPO 0.3"), control(ControlKind.LEFT_OUT, CLEARS, "DPO 0.3")
    lost_oracle = control(ControlKind.ORACLE, LESS, "Oracle")
    cases = (
        (BEHAVING, Controls.BEHAVE, ""),
        ((oracle, unsure), Controls.CANNOT_TELL, "A negative control cannot tell: DPO 0.3"),
        ((oracle, failing), Controls.FAIL, "Controls fail: DPO 0.3, plain DPO, clears"),
        (
            (lost_oracle, left_out),
            Controls.FAIL,
            "Controls fail: Oracle, which knows more than a method does, does not",
        ),
        ((oracle, lost_oracle, left_out), Controls.SOME_FAIL, "A positive control fails: Oracle"),
        ((oracle,), Controls.NOT_ALL_JUDGED, "No negative control was judged"),
        ((left_out,), Controls.NOT_ALL_JUDGED, "No positive control was judged"),
        (
            (oracle, control(ControlKind.LEFT_OUT, EDGE)),
            Controls.NOT_ALL_JUDGED,
            "No negative control was judged: left",
        ),
        (
            (control(ControlKind.ORACLE, OPEN, "Oracle"), left_out),
            Controls.CANNOT_TELL,
            "A positive control cannot tell",
        ),
    )
    for controls, expected, sentence in cases:
        assert standing(controls) is expected
        said = words.control_sentences(arena([row("m", CLEARS)], controls))
        assert said[0].startswith(sentence) if sentence else said == []


def test_planted_lifts_judge_no_run_and_those_that_were_not_seen_are_named() -> None:
    planted = (control(ControlKind.PLANTED, OPEN, truth=0.02), control(ControlKind.PLANTED, CLEARS, truth=0.05))
    assert standing((*BEHAVING, *planted)) is Controls.BEHAVE
    (said,) = words.control_sentences(arena([row("m", CLEARS)], (*BEHAVING, *planted)))
    assert said == "A planted lift of +0.020 was not seen: this run cannot tell a lift of that size from none."
    assert [words.control_label(one) for one in planted] == ["planted +0.020", "planted +0.050"]
    assert [words.control_outcome(one) for one in planted] == ["not seen", "seen"]


def test_headline_counts_everyone_once() -> None:
    rows = [row("A", CLEARS), row("B", OPEN), row("C", BELOW), row("D", WIN)]
    assert words.headline(arena(rows)) == (
        "A clears the DPO envelope; C does not clear it; one cannot tell of B (lifts up to +0.060 are compatible); D "
        "reaches a nominal utility that DPO does not (5 seeds; controls behave)."
    )
    judged = replace(
        arena(rows[1:2], (control(ControlKind.LEFT_OUT, CLEARS),)), judging=Judging(MARGIN, 1, 0.05, 0.8, 0.043)
    )
    assert words.headline(judged) == (
        "No method is shown to clear the DPO envelope; one cannot tell of B (lifts up to +0.060 are compatible) "
        "(5 seeds; a lift of +0.043 would be seen in 80% of runs; controls fail, so this is not evidence)."
    )
    assert "cannot be judged over seeds" in words.headline(arena(rows, seeds=1))


def test_headline_of_many_rows_names_the_first_and_counts_the_others() -> None:
    sentence = words.headline(arena([row(name, LESS) for name in "ABCDEFGH"]))
    assert sentence.startswith("No method is shown to clear the DPO envelope; A, B, C, D and 4 others do not clear it")
    assert "E stands at the edge of DPO's nominal utilities" in words.headline(arena([row("E", EDGE)]))


def test_headline_of_controls_alone_says_so() -> None:
    rows = [row("Knowing", CLEARS, "gr_dpo", "positive control"), row("oracle", LESS, "oracle", "positive control")]
    controls = (control(ControlKind.INFORMED, CLEARS), control(ControlKind.ORACLE, LESS), BEHAVING[1])
    assert words.headline(arena(rows, controls)) == (
        "Only controls were trained here: Knowing clears the DPO envelope; oracle does not clear it (5 seeds; not all "
        "controls behave)."
    )


def lost(label: str, status: str, reason: str, role: str = "method") -> Row:
    return replace(row(label, None, role=role), status=status, reason=reason)  # type: ignore[arg-type]


def test_headline_says_that_every_cell_failed_and_why() -> None:
    failing = [lost(name, "failed", "out of memory") for name in "ABC"]
    assert words.headline(arena(failing, seeds=0)) == "Every cell failed: A, B and C failed (out of memory)."
    both = [*failing[:1], lost("D", "skipped", "needs groups")]
    assert words.headline(arena(both, seeds=0)) == (
        "Every cell failed or was skipped: A failed (out of memory); D skipped (needs groups)."
    )
    baseline = row("DPO", missing(Absent.NO_OTHER_DPO), "dpo", "baseline")
    assert words.headline(arena([baseline])) == "No method was run beside the baselines."
    assert words.headline(arena([baseline, *failing[:1]])) == "No method finished: A failed (out of memory)."


@pytest.mark.parametrize(
    ("empties", "sample", "kind"),
    [(39, True, Absent.NOMINAL_WIN), (30, True, Absent.EDGE), (1, False, Absent.EDGE), (0, False, None)],
)
def test_empty_programmes_stand_at_the_edge(empties: int, sample: bool, kind: Absent | None) -> None:
    # one seed: one third of the 121 resamples are replicates of everything, all 40 of them at the end
    values = np.full(121, 0.1)
    values[121 - empties :] = np.nan
    values[0] = np.nan if sample else 0.1
    over = estimate_over(values, 1)
    assert over.absent is kind and over.empty_share == empties / 40  # more than one in fifty are too many


def test_where_one_half_answers_there_is_no_nominal_win() -> None:
    values = np.full(121, np.nan)
    assert estimate_over(values, 1, beyond=np.ones(121, dtype=bool)).absent is Absent.NOMINAL_WIN
    assert estimate_over(values, 1, beyond=np.zeros(121, dtype=bool)).absent is Absent.EDGE


def test_few_seeds_are_said() -> None:
    assert seed_caveats(5) == seed_caveats(0) == () and seed_caveats(3) == (FewSeeds(3),)
    assert words.caveat(FewSeeds(3)).startswith("3 seeds") and words.caveat(FewSeeds(1)).startswith("One seed only")


def test_every_kind_of_absence_has_words() -> None:
    for kind in Absent:
        assert words.absence(missing(kind)) not in ("", "not measured")
    assert words.note(missing(Absent.FAILED, reason="killed")) == "failed: killed"
    assert words.note(Estimate(0.1, n=1, against="dpo")) == "against dpo; n = 1 seed: no interval over seeds"


def test_signs_are_printed_and_zero_has_none() -> None:
    assert [words.signed(value) for value in (0.0304, -0.0306, -0.0001)] == ["+0.030", "−0.031", "0.000"]


def test_the_command_of_a_row_keeps_the_settings_of_the_run() -> None:
    command = "python run_all.py --suite grammar --methods a,b --preset=full --seeds=9"
    assert rerun_command(command, "dpo(beta=1)", "s", [0, 1]) == (
        "python run_all.py --suite grammar --preset=full --methods 'dpo(beta=1)' --train-shifts s --seeds 2"
    )
