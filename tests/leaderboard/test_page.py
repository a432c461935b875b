"""The page as text: what is in it once, and what a reader without scripts gets."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from benchmark.report import METRICS, RANK, TO_DPO, Absent, Estimate, missing, words
from leaderboard import write_site
from leaderboard.packing import plotly_script
from leaderboard.page import hidden_columns, render
from leaderboard.tables import COLUMNS, VIEWS, cell, interval, notes, number
from tests.leaderboard.large import large
from tests.leaderboard.reports import EMPTY, arena, failed, hostile, report, row, rows

HEADLINE = METRICS[0]


def test_it_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    page = write_site(report(), tmp_path / "a" / "site")
    assert page == tmp_path / "a" / "site" / "index.html" and [*page.parent.iterdir()] == [page]
    text = page.read_text("utf-8")
    assert not re.search(r"<(script|img|link|iframe)[^>]+(src|href)=\"(?!data:,)", text)
    assert "@import" not in text and "url(" not in text


def test_plotly_is_embedded_once_and_the_page_is_small() -> None:
    text = render(report())
    assert text.count(str(plotly_script())) == 1 and text.count('id="plotly"') == 1


def test_fifty_rows_on_twenty_shifts_take_less_than_three_megabytes() -> None:
    assert len(render(large()).encode()) < 3_000_000


def test_twenty_such_arenas_take_less_than_six_and_a_half() -> None:
    one, two = (len(render(large(arena_count=count)).encode()) for count in (1, 2))
    assert one + 19 * (two - one) < 6_500_000  # further arenas are packed alike; speed/page.py writes all twenty


def test_further_arenas_are_packed_with_their_tables() -> None:
    one, two = (render(report(*(arena(f"s{i}") for i in range(count)))) for count in (1, 2))
    assert two.count("<tbody") == one.count("<tbody") and 'id="data-g1"' in two and 'id="g1"' in two
    assert "the first of 2 arenas" in two  # said to readers without scripts


def test_ranks_are_shared_with_an_equals_sign_and_missing_ones_say_why() -> None:
    first, second = rows()[0], rows()[1]
    assert [cell(item, RANK, {2}).text for item in (first, second)] == ["1", "=2"]
    control = cell(rows()[-1], RANK)
    assert (control.text, control.note, control.order) == ("\N{EN DASH}", "a control is not ranked", None)


def test_the_comparison_with_dpo_prints_its_verdict_and_its_p_values() -> None:
    better, tied, worse = (cell(rows()[i], TO_DPO) for i in (0, 1, 3))
    assert (better.text, better.interval, better.word, better.kind) == ("+0.260", "[0.210, 0.310]", "better", "clears")
    assert better.hint == "against dpo(beta=0.1), p 0.0004, Holm-corrected p 0.0032"
    assert (tied.word, tied.kind) == ("cannot tell", "value") and (worse.word, worse.kind) == ("worse", "below")


def test_what_was_not_compared_says_why() -> None:
    assert cell(rows()[5], TO_DPO).note == "this is DPO"
    assert cell(rows()[9], TO_DPO).note == "no plain DPO to compare with"
    plain = replace(rows()[5], rank=None, comparison=None)
    assert cell(plain, TO_DPO).note == "what the others are compared with" and "envelope" in cell(plain, RANK).note


def test_a_collapsed_row_carries_a_badge_with_the_rule() -> None:
    text = render(report(arena()))
    assert (
        text.count('class="badge collapsed"') == 2  # in the first picture and in the table
        and "Collapsed in 1 of 3 seeds (seed 0): at the worst seed" in text
        and "quality 0.31 (least 0.5)" in text
    )


def test_the_same_report_gives_the_same_page() -> None:
    assert render(report()) == render(report())


def test_missing_failed_and_skipped_differ_and_give_their_reason() -> None:
    text = render(report())
    assert 'class="badge failed"' in text and "loss became NaN at step 40" in text
    assert 'class="badge skipped"' in text and "needs annotator groups" in text
    assert 'class="missing"' in text and EMPTY in text


def test_no_hostile_text_becomes_markup() -> None:
    text = render(hostile())
    assert "<script>alert" not in text and "<img" not in text and "{{ 7*7 }}" in text and "49" not in text[:3000]


def test_a_cell_shows_value_interval_and_n_where_it_differs() -> None:
    first = rows()[0]
    made = cell(first, HEADLINE)
    assert (made.text, made.interval, made.n, made.kind) == ("+0.141", "[0.111, 0.175]", "", "clears")
    few = row("x", "X", Estimate(-0.0214, -0.03, -0.01, 12), 0.5, 0.4, 1)
    assert (cell(few, HEADLINE).text, cell(few, HEADLINE).n) == ("\N{MINUS SIGN}0.021", "n 12")
    assert cell(few, HEADLINE).kind == "below"


def test_an_interval_that_touches_zero_is_neither_clear_nor_below() -> None:
    for low, high in ((0.0, 0.2), (-0.2, 0.0)):
        assert cell(row("x", "X", Estimate(0.0, low, high, 1), 0.5, 0.4, 1), HEADLINE).kind == "value"


def test_missing_is_a_dash_with_a_reason_and_sorts_last() -> None:
    for value in (None, math.nan, math.inf):
        empty = Estimate(value, absent=Absent.NO_COMMON_SEED)
        made = cell(row("x", "X", empty, 0.5, 0.4, 1), HEADLINE)
        assert (made.text, made.order, made.kind) == ("\N{EN DASH}", None, "missing")
        assert made.note == "no seed that this method and every DPO run finished"
    assert cell(row("x", "X", Estimate(0.0), 0.5, 0.4, 1), HEADLINE).text == "0.000"


def test_numbers_have_equal_decimals_and_a_true_minus() -> None:
    assert [number(x, 2) for x in (1234.5, -0.005, 0.1)] == ["1,234.50", "\N{MINUS SIGN}0.01", "0.10"]
    assert [number(x, 2, signed=True) for x in (-0.004, 0.004, 0.02)] == ["0.00", "0.00", "+0.02"]
    assert interval(Estimate(1.0, None, 2.0), 2) == "" and interval(Estimate(1.0, 0.5, 2.0), 1) == "[0.5, 2.0]"


def test_columns_that_share_a_reason_share_a_note() -> None:
    why = missing(Absent.FAILED, reason="why")
    made = row("x", "X", why, 0.5, 0.4, 1)
    made.metrics["auc"] = why
    assert ("Over DPO envelope, AUC", "failed: why") in notes(made)


def test_an_arena_in_which_every_cell_failed_says_so_and_why() -> None:
    lost = tuple(failed(key, key.upper(), "failed", "out of memory") for key in ("dpo", "kldpo"))
    text = render(report(arena(made=lost, samples=())))
    assert "Every cell failed: DPO and KLDPO failed (out of memory)." in text and 'data-figure="forest"' not in text
    assert " yet" not in words.headline(arena(made=lost))


def test_views_name_metrics_that_exist_and_never_hide_the_headline() -> None:
    names = {column.name for column in COLUMNS}
    assert all(set(shown) <= names for shown in VIEWS.values()) and set(VIEWS["All"]) == names
    assert not any(view == "All" for view, _ in hidden_columns())
    assert all(column not in (3, 4) for _, column in hidden_columns())  # the rank stands third, the headline fourth


def test_importing_the_leaderboard_is_light() -> None:
    code = "import sys, leaderboard, leaderboard.figures; print([m for m in ('plotly', 'jinja2') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
