"""Verdicts from numbers alone, and their sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.measure.runs.names import rerun_command
from benchmark.measure.table.comparer import estimate_over
from benchmark.measure.table.verdict import control_caveats, row_verdict, seed_caveats
from benchmark.report import (
    Absent,
    Arena,
    Caveat,
    Conflict,
    ConflictKind,
    Controls,
    Estimate,
    FewSeeds,
    NegativeControlClears,
    NoNegativeControl,
    NoPositiveControl,
    PositiveControlsFail,
    Row,
    Verdict,
    controls,
    missing,
    words,
)


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
        verdict=row_verdict("done", over),
    )


def arena(rows: list[Row], caveats: tuple[Caveat, ...] = (), seeds: int = 5) -> Arena:
    nothing = Conflict(ConflictKind.NOT_MEASURED)
    return Arena("s", "t", "t", seeds, nothing, None, caveats, (), (), tuple(rows), (), linear=False)


CLEARS, TIES, BELOW = (Estimate(0.18, 0.09, 0.31, 5), Estimate(0.02, -0.03, 0.04, 5), Estimate(-0.1, -0.2, -0.05, 5))
WIN, EDGE = missing(Absent.NOMINAL_WIN, 5, empty_share=1.0), missing(Absent.EDGE, 5, empty_share=0.6)


@pytest.mark.parametrize(
    ("over", "verdict", "sentence"),
    [
        (CLEARS, "clears", "Clears the DPO envelope by +0.180 [+0.090, +0.310]."),
        (
            TIES,
            "does_not_clear",
            "No more than early-stopped DPO: not separable from the envelope (+0.020 [−0.030, +0.040]).",
        ),
        (BELOW, "does_not_clear", "No more than early-stopped DPO: below the envelope (−0.100 [−0.200, −0.050])."),
        (Estimate(0.18, 0.09, 0.31, 1), "one_seed", "cannot be judged over seeds"),
        (WIN, "nominal_win", "a nominal win"),
        (EDGE, "edge", "no worst case to compare. 60% of replicates empty."),
        (missing(Absent.NO_OTHER_DPO), "not_judged", "Not judged: no other plain DPO run to compare with."),
        (Estimate(0.18, 0.09, 0.31, 5, empty_share=0.39), "clears", "39% of replicates empty."),
    ],
)
def test_verdicts(over: Estimate, verdict: str, sentence: str) -> None:
    assert row("m", over).verdict == verdict and sentence in words.row_verdict(row("m", over))


def test_an_interval_that_touches_zero_does_not_clear() -> None:
    assert row_verdict("done", Estimate(0.1, 0.0, 0.2, 5)) is Verdict.DOES_NOT_CLEAR
    assert row("m", replace(CLEARS, n=1)).outcome() is Verdict.NOT_JUDGED


def test_a_row_without_a_finished_seed_says_what_became_of_it() -> None:
    lost = replace(row("m", None), status="failed", reason="killed", verdict=row_verdict("failed", None))
    assert lost.verdict is Verdict.FAILED and words.row_verdict(lost) == "Failed: killed"


def test_clearing_with_the_gate_alone_is_said() -> None:
    gated_only = row("m", CLEARS)
    gated_only.metrics["over_envelope"] = TIES
    assert "Without the language gate it does not (+0.020 [−0.030, +0.040])." in words.row_verdict(gated_only)


def sweep(inner: Estimate) -> list[Row]:
    return [
        row(f"DPO {beta}", over, "dpo", "baseline", beta) for beta, over in ((0.1, CLEARS), (0.3, inner), (1.0, CLEARS))
    ]


def test_controls_that_behave_need_no_words_and_the_ends_of_the_sweep_are_not_controls() -> None:
    assert control_caveats([row("oracle", CLEARS, "oracle", "positive control"), *sweep(TIES)]) == ()


def test_controls_that_fail_or_are_missing_are_named() -> None:
    caveats = control_caveats([row("oracle", TIES, "oracle", "positive control"), *sweep(CLEARS)])
    assert caveats == (PositiveControlsFail(("oracle",), every=True), NegativeControlClears("DPO 0.3"))
    assert [words.caveat(caveat).split(",")[0] for caveat in caveats] == [
        "Controls fail: oracle",
        "Controls fail: DPO 0.3",
    ]
    assert controls(caveats) is Controls.FAIL
    assert control_caveats([row("m", CLEARS)]) == (NoPositiveControl(), NoNegativeControl())
    assert controls((NoNegativeControl(),)) is Controls.NOT_ALL_JUDGED
    assert control_caveats([row("m", None)]) == () and controls(()) is Controls.BEHAVE


def test_headline_counts_everyone_once() -> None:
    rows = [row("A", CLEARS), row("B", TIES), row("C", BELOW), row("D", WIN)]
    assert words.headline(arena(rows)) == (
        "A clears the DPO envelope; B and C are no more than early-stopped DPO; D reaches a nominal utility that DPO "
        "does not (5 seeds; controls behave)."
    )
    assert words.headline(arena(rows[1:2], (NegativeControlClears("x"),))) == (
        "No method clears the DPO envelope: B is no more than early-stopped DPO (5 seeds; controls fail, so this is "
        "not evidence)."
    )
    assert "cannot be judged over seeds" in words.headline(arena(rows, seeds=1))


def test_headline_of_many_rows_names_the_first_and_counts_the_others() -> None:
    sentence = words.headline(arena([row(name, TIES) for name in "ABCDEFGH"]))
    assert sentence.startswith("No method clears the DPO envelope: A, B, C, D and 4 others are no more than")
    assert "E stands at the edge of DPO's nominal utilities" in words.headline(arena([row("E", EDGE)]))


def test_headline_of_controls_alone_says_so_and_one_that_fails_is_named() -> None:
    rows = [row("Knowing", CLEARS, "gr_dpo", "positive control"), row("oracle", TIES, "oracle", "positive control")]
    caveats = control_caveats(rows)
    assert caveats[0] == PositiveControlsFail(("oracle",), every=False)
    assert words.caveat(caveats[0]).startswith("A positive control fails: oracle, which knows more than a method does,")
    assert words.headline(arena(rows, caveats)) == (
        "Only controls were trained here: Knowing clears the DPO envelope; oracle is no more than early-stopped DPO "
        "(5 seeds; not all controls behave)."
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


@pytest.mark.parametrize(("empties", "kind"), [(39, Absent.NOMINAL_WIN), (30, Absent.EDGE)])
def test_a_win_that_is_empty_in_some_replicates_only_is_at_the_edge(empties: int, kind: Absent) -> None:
    # one seed: one third of the 121 resamples are replicates of everything, all 40 of them at the end
    values = np.full(121, 0.1)
    values[0], values[121 - empties :] = np.nan, np.nan
    over = estimate_over(values, 1)
    assert over.absent is kind and over.empty_share == empties / 40


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
