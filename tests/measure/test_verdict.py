"""Sentences, from numbers alone."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.measure.runs.names import rerun_command
from benchmark.measure.table.comparer import EDGE, EMPTY, estimate_over
from benchmark.measure.table.verdict import control_caveats, headline, outcome, row_verdict, seed_caveats, signed
from benchmark.report.types import Estimate, Row


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
        metrics={} if over is None else {"over_envelope": over},
    )


CLEARS, TIES, BELOW = (Estimate(0.18, 0.09, 0.31, 5), Estimate(0.02, -0.03, 0.04, 5), Estimate(-0.1, -0.2, -0.05, 5))


@pytest.mark.parametrize(
    ("over", "words"),
    [
        (CLEARS, "Clears the DPO envelope by +0.180 [+0.090, +0.310]."),
        (TIES, "No more than early-stopped DPO: not separable from the envelope (+0.020 [−0.030, +0.040])."),
        (BELOW, "No more than early-stopped DPO: below the envelope (−0.100 [−0.200, −0.050])."),
        (Estimate(0.18, 0.09, 0.31, 1), "cannot be judged over seeds"),
        (Estimate(None, n=5, note=EMPTY), "a nominal win"),
        (Estimate(None, n=5, note=f"{EDGE}; 60% of replicates empty"), "At the edge of the nominal rewards that DPO"),
        (Estimate(None, note="no other plain DPO run to compare with"), "Not judged: no other plain DPO run"),
        (Estimate(0.18, 0.09, 0.31, 5, "39% of replicates empty"), "39% of replicates empty."),
    ],
)
def test_verdicts(over: Estimate, words: str) -> None:
    assert words in row_verdict(row("m", over))


def test_an_interval_that_touches_zero_does_not_clear() -> None:
    assert outcome(Estimate(0.1, 0.0, 0.2, 5), 5) == "does not"
    assert outcome(CLEARS, 1) == "unknown"


def test_clearing_with_the_gate_alone_is_said() -> None:
    gated_only = row("m", CLEARS)
    gated_only.metrics["over_envelope_ungated"] = TIES
    assert "Without the language gate it does not (+0.020 [−0.030, +0.040])." in row_verdict(gated_only)


def sweep(inner: Estimate) -> list[Row]:
    return [
        row(f"DPO {beta}", over, "dpo", "baseline", beta) for beta, over in ((0.1, CLEARS), (0.3, inner), (1.0, CLEARS))
    ]


def test_controls_that_behave_need_no_words_and_the_ends_of_the_sweep_are_not_controls() -> None:
    assert control_caveats([row("oracle", CLEARS, "oracle", "positive control"), *sweep(TIES)]) == ()


def test_controls_that_fail_or_are_missing_are_named() -> None:
    positive, negative = control_caveats([row("oracle", TIES, "oracle", "positive control"), *sweep(CLEARS)])
    assert positive.startswith("Controls fail: oracle") and negative.startswith("Controls fail: DPO 0.3")
    assert len(control_caveats([row("m", CLEARS)])) == 2
    assert control_caveats([row("m", None)]) == ()


def test_headline_counts_everyone_once() -> None:
    rows = [row("A", CLEARS), row("B", TIES), row("C", BELOW), row("D", Estimate(None, n=5, note=EMPTY))]
    assert headline(rows, (), 5) == (
        "A clears the DPO envelope; B and C are no more than early-stopped DPO; D reaches a nominal reward that DPO "
        "does not (5 seeds; controls behave)."
    )
    assert headline(rows[1:2], ("Controls fail: x",), 5) == (
        "No method clears the DPO envelope: B is no more than early-stopped DPO (5 seeds; controls fail, so this is "
        "not evidence)."
    )
    assert "cannot be judged over seeds" in headline(rows, (), 1)
    assert headline([], (), 5) == "No method has finished yet."


def test_headline_of_many_rows_names_the_first_and_counts_the_others() -> None:
    told = headline([row(name, TIES) for name in "ABCDEFGH"], (), 5)
    assert told.startswith("No method clears the DPO envelope: A, B, C, D and 4 others are no more than")
    assert "E stands at the edge of DPO's nominal rewards" in headline(
        [row("E", Estimate(None, n=5, note=EDGE))], (), 5
    )


def test_headline_of_controls_alone_says_so_and_one_that_fails_is_named() -> None:
    rows = [row("Told", CLEARS, "gr_dpo", "positive control"), row("oracle", TIES, "oracle", "positive control")]
    (caveat, _) = control_caveats(rows)
    assert caveat.startswith("A positive control fails: oracle, which knows more than a method does, does not clear")
    assert headline(rows, (caveat,), 5) == (
        "Only controls were trained here: Told clears the DPO envelope; oracle is no more than early-stopped DPO "
        "(5 seeds; not all controls behave)."
    )


@pytest.mark.parametrize(("empties", "words"), [(39, EMPTY), (30, EDGE)])
def test_a_win_that_is_empty_in_some_replicates_only_is_at_the_edge(empties: int, words: str) -> None:
    # one seed: one third of the 121 resamples are replicates of everything, all 40 of them at the end
    values = np.full(121, 0.1)
    values[0], values[121 - empties :] = np.nan, np.nan
    assert estimate_over(values, 1).note.startswith(words)


def test_few_seeds_are_said() -> None:
    assert seed_caveats(5) == () and "3 seeds" in seed_caveats(3)[0] and "One seed" in seed_caveats(1)[0]


def test_signs_are_printed_and_zero_has_none() -> None:
    assert (signed(0.0304), signed(-0.0306), signed(-0.0001)) == ("+0.030", "−0.031", "0.000")


def test_the_command_of_a_row_keeps_the_settings_of_the_run() -> None:
    command = "python run_all.py --suite grammar --methods a,b --preset=full --seeds=9"
    told = rerun_command(command, "dpo(beta=1)", "s", [0, 1])
    assert told == "python run_all.py --suite grammar --preset=full --methods 'dpo(beta=1)' --train-shifts s --seeds 2"
