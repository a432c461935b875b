"""The first picture and the order of rows, and what stands where there is no number."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.report import METRICS, RANK, TO_DPO, Absent, Comparison, Estimate, Verdict, missing
from leaderboard.order import in_order
from leaderboard.page import render
from leaderboard.palette import Palette
from leaderboard.picture import picture
from leaderboard.tables import STILL, cell, is_still
from leaderboard.views import arena_view
from tests.leaderboard.reports import LONG, arena, failed, report, row, rows

HEADLINE = METRICS[0]


def test_rows_stand_by_the_headline_and_those_without_it_last() -> None:
    numbers = [item.metrics[HEADLINE.name].value for item in in_order(rows()) if item.metrics]
    known = [value for value in numbers if value is not None]
    assert known == sorted(known, reverse=True) and numbers[len(known) :] == [None]
    assert [item.label for item in in_order(rows())][-3:] == ["KLDPO tau=1", "CVaR", "GR-DPO"]
    assert in_order(reversed(rows()))[-3:] == in_order(rows())[-3:]


def test_rows_that_tie_or_have_no_number_keep_the_reports_order() -> None:
    tied = [row(f"m(x={place})", str(place), Estimate(0.1), 0.5, 0.4, 1) for place in range(3)]
    without = [row(f"n(x={place})", str(place), missing(Absent.EDGE), 0.5, 0.4, 1) for place in range(2)]
    skipped = failed("s", "S", "skipped", "why")
    assert in_order([skipped, *without, *tied]) == (*tied, *without, skipped)


def test_points_and_bars_stand_where_their_numbers_do() -> None:
    made = picture(rows())
    assert made is not None
    first, one_seed, winning = (made.marks[rows()[place].key] for place in (0, 8, 4))
    assert first.at is not None and first.low is not None and first.high is not None
    scale = (first.high - first.low) / (0.175 - 0.111)  # percent per unit of utility
    assert first.at - made.zero == pytest.approx(0.141 * scale, abs=0.2)
    assert {text: place for place, text in made.ticks}["+0.1"] - made.zero == pytest.approx(0.1 * scale, abs=0.2)
    assert (one_seed.low, one_seed.high) == (None, None)
    assert winning.at is None
    drawn = [x for mark in made.marks.values() for x in (mark.at, mark.low, mark.high) if x is not None]
    assert 0 < min(drawn) < max(drawn) < 100 and all(0 <= place <= 100 for place, _ in made.ticks)


@pytest.mark.parametrize("width", [1e-5, 0.3, 7.0, 4e4])
def test_the_axis_has_a_few_round_numbers(width: float) -> None:
    made = picture([row("x", "X", Estimate(0.0, -width, width, 3), 0.5, 0.4, 1)])
    assert made is not None and 3 <= len(made.ticks) <= 8 and len({text for _, text in made.ticks}) == len(made.ticks)
    assert (50.0, "0") in [(place, text.rstrip("0.") or "0") for place, text in made.ticks]


def test_without_a_finished_row_there_is_no_picture() -> None:
    assert picture([failed("x", "X", "failed", "why")]) is None and picture([]) is None


def test_the_picture_and_the_table_hold_the_same_rows_in_the_same_order() -> None:
    view = arena_view("g0", arena(), Palette(rows()))
    text = render(report(arena()))
    listed, table = text.split('<ol class="dots">')[1].split("</ol>")
    keys = [item.row.key for item in view.rows]
    assert [part.split('"')[0] for part in listed.split('<li data-row="')[1:]] == keys
    assert [part.split('data-row="')[1].split('"')[0] for part in table.split("<tbody ")[1:]] == keys
    assert keys == [item.key for item in in_order(rows())] == [item.key for item in view.arena.rows]


def test_no_reason_is_cut() -> None:
    reason = f"seed 2: {LONG} and the end."
    text = render(report(arena(made=(*rows(), failed("bad", "Bad", "failed", reason)))))
    listed = text.split('<ol class="dots">')[1].split("</ol>")[0]
    assert f"Failed: {reason}" in listed and "needs annotator groups, which alpha_mixture does not have." in listed


@pytest.mark.parametrize(
    ("absent", "text"),
    [
        (Absent.MAKES_ENVELOPE, "makes the envelope"),
        (Absent.IS_IN_ENVELOPE, "in the envelope"),
        (Absent.NOMINAL_WIN, "nominal win"),
        (Absent.EDGE, "at the edge"),
        (Absent.NO_COMMON_SEED, "\N{EN DASH}"),
    ],
)
def test_the_headline_says_what_stands_in_the_place_of_a_number(absent: Absent, text: str) -> None:
    made = cell(row("dpo", "DPO", missing(absent), 0.5, 0.4, 1), HEADLINE)
    assert (made.text, made.order) == (text, None)
    assert made.kind == ("missing" if text == "\N{EN DASH}" else "said") and made.note


def test_default_dpo_is_what_others_are_compared_with() -> None:
    default = replace(rows()[5], comparison=None)
    assert (cell(default, TO_DPO).text, cell(default, TO_DPO).kind) == ("is DPO", "said")
    assert cell(replace(rows()[5], comparison=Comparison("dpo", missing(Absent.IS_DPO))), TO_DPO).text == "is DPO"


def test_what_does_not_move_is_never_better() -> None:
    better = Comparison("dpo(beta=0.1)", Estimate(0.2, 0.1, 0.3, 3), 0.001, 0.002, "better")
    for kl, still in ((0.0, True), (STILL, True), (2 * STILL, False)):
        made = row("reference", "Reference", missing(Absent.IS_IN_ENVELOPE), 0.3, 0.3, kl, comparison=better)
        assert is_still(made) is still
        shown = cell(made, TO_DPO)
        assert (shown.word, shown.kind) == (("does not move", "value") if still else ("better", "clears"))
        assert ('role still">does not move' in render(report(arena(made=(made,))))) is still


def test_a_row_whose_kl_is_not_known_is_not_called_still() -> None:
    unknown = row("best_of_n(n=4)", "BoN", Estimate(0.1), 0.5, 0.4, 1)
    unknown.metrics["kl_to_reference"] = missing(Absent.NOT_RECORDED)
    assert not is_still(unknown)


def test_the_headline_is_green_only_where_its_verdict_clears() -> None:
    over = Estimate(0.1, 0.05, 0.15, 3)
    assert cell(row("x", "X", over, 0.5, 0.4, 1), HEADLINE).kind == "clears"
    for verdict in (Verdict.ONE_SEED, Verdict.NOT_JUDGED):
        assert cell(row("x", "X", over, 0.5, 0.4, 1, verdict=verdict), HEADLINE).kind == "value"
    assert cell(row("x", "X", Estimate(-0.1, -0.2, -0.05, 1), 0.5, 0.4, 1), HEADLINE).kind == "value"  # one seed


def test_the_envelope_and_the_gate_are_explained_before_they_are_used() -> None:
    text = render(report())
    body = text[text.index("<body>") :]
    first = body.index("<b>The DPO envelope</b>")
    assert first < body.index("clears the DPO envelope") and body.index("<svg") < first
    assert body.index("<b>Gated</b>:") < body.lower().index("gated", body.index("</aside>"))
    assert "<b>The DPO envelope</b>" not in render(report(*()).__class__("t", (), {}, (), None))


def test_a_rank_that_is_missing_still_says_why() -> None:
    assert cell(rows()[-1], RANK).kind == "missing" and cell(rows()[-1], RANK).note == "a control is not ranked"


def test_the_margin_stands_where_it_is_and_is_missing_where_nothing_was_judged() -> None:
    one = [row("x", "X", Estimate(0.0, -0.1, 0.1, 3), 0.5, 0.4, 1)]
    made = picture(one, 0.05)
    assert made is not None and made.margin is not None and made.zero == 50.0
    # The axis reaches from -.11 to .11: .05 lies 50 (1 + .05 / .11) percent to the right.
    assert made.margin == pytest.approx(50 * (1 + 0.05 / 0.11), abs=0.06)
    far = picture(one, 0.4)
    assert far is not None and far.margin is not None and far.margin < 100  # the axis holds it
    assert (bare := picture(one)) is not None and bare.margin is None
