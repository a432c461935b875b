"""Panels on the page: which are there, what is missing in them, hostile text, and a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import expect

from benchmark.report import Absent, Estimate, missing
from leaderboard.palette import Palette
from leaderboard.panels.lines import Line, drawn, with_bars
from leaderboard.panels.printing import decimals, estimated, pointed, scientific, short
from tests.leaderboard.opened import Opened
from tests.leaderboard.panel_reports import far_shifts, hostile_panels, panel_arena, panel_report
from tests.leaderboard.panel_views import DASH, FIRST, ORDER, alone, lines, of_arena, of_report
from tests.leaderboard.reports import row, rows

# What is there, and what is left out ------------------------------------------------------------------------------


def test_numbers_in_words_and_what_rounding_leaves() -> None:
    assert [short(value) for value in (-26.4189, 1e-5, 6.1e-17, None)] == ["−26.42", "1e−05", "0", "–"]


def test_panels_stand_in_the_order_of_the_page_and_ids_are_unique() -> None:
    panels = of_arena()
    assert list(panels) == ORDER
    ids = [figure.id for panel in panels.values() for figure in panel.figures]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[a-z0-9-]+", id_) for id_ in ids)
    assert [panel.id for panel in of_report(panel_report())] == ["claims", "claims-places", "study-1"]


def test_a_panel_without_data_is_left_out() -> None:
    bare = row("ipo(beta=0.1)", "IPO", Estimate(0.1), 0.7, 0.3, 1)
    bare = replace(bare, metrics={}, diagnostics=(), collapse=None)
    assert of_arena(alone(bare)) == {}
    assert of_report(replace(panel_report(), claims=(), studies=())) == []


@pytest.mark.parametrize(
    ("panel", "changes"),
    [
        ("adversarial", {"adversarial": ()}),
        ("three-d", {"diagnostics": (), "collapse": None}),
        ("over-optimisation", {"trajectory": ()}),
        ("cost", {"metrics": {}}),
        ("variance", {"variance": None}),
    ],
)
def test_each_panel_of_rows_goes_with_its_own_data(panel: str, changes: dict[str, Any]) -> None:
    whole = panel_arena(seeds_needed=None)
    without = replace(whole, rows=tuple(replace(item, **changes) for item in whole.rows))
    assert [id_ for id_ in ORDER if id_ not in of_arena(without)] == [panel]


def test_selection_and_distance_go_with_the_data_of_the_arena() -> None:
    unmeasured = tuple(
        replace(shift, **dict.fromkeys(("agreement", "target_gap", "correlation", "flip_rate", "label_kl", "label_w1")))
        for shift in far_shifts()
    )
    assert list(of_arena(panel_arena(selections=(), eval_shifts=unmeasured))) == ORDER[2:]


def test_every_figure_says_how_to_read_it_and_what_it_shows() -> None:
    report = panel_report()
    for panel in (*of_arena().values(), *of_report(report)):
        assert panel.title and (panel.lead or panel.gist)
        for shown in panel.figures:
            assert shown.title and shown.how.endswith(".") and shown.summary.endswith("."), shown.id
            for trace in lines(shown).values():
                assert len(shown.columns) == 3 + len(trace["customdata"][0]), shown.id
                assert len(trace["x"]) == len(trace["y"]) == len(trace["customdata"]), shown.id
                places = [int(place) for place in re.findall(r"customdata\[(\d)\]", trace["hovertemplate"])]
                assert max(places, default=-1) < len(trace["customdata"][0]), shown.id


# Missing numbers ------------------------------------------------------------------------------------------------


def line(*y: Estimate) -> Line:
    look = Palette(rows()).look(rows()[0])
    return Line("k", "K", look, [float(place) for place in range(len(y))], y, "at %{x}")


def test_a_missing_number_is_a_gap() -> None:
    made = drawn(line(Estimate(1.0, 0.5, 1.5, 3), missing(Absent.NOT_RECORDED), Estimate(4.0)), bands=True)
    assert made["y"] == [1.0, None, 4.0] and made["meta"] == {"row": "k", "bounds": True}
    assert made["customdata"] == [[0.5, 1.5, 3], [None, None, 0], [None, None, 0]]
    assert made["hovertemplate"] == "at %{x}: %{y} [%{customdata[0]}, %{customdata[1]}], n %{customdata[2]}"
    assert drawn(line(Estimate(1.0)), bands=True)["hovertemplate"] == "at %{x}: %{y}"


def test_a_bar_is_missing_where_the_interval_is() -> None:
    (made,) = with_bars([{}], [line(Estimate(1.0, 0.5, 2.0), Estimate(1.0))])
    assert (made["error_y"]["array"], made["error_y"]["arrayminus"]) == ([1.0, None], [0.5, None])
    assert "bounds" not in made["meta"]


def test_bands_show_at_once_for_eight_lines_and_not_for_nine() -> None:
    for count in (8, 9):
        made = panel_arena(rows=tuple(item for item in panel_arena().rows if item.adversarial)[:count], selections=())
        shown = lines(of_arena(made)["adversarial"].figures[0]).values()
        assert [trace["meta"]["bounds"] for trace in shown] == [count == 8] * count


def test_numbers_are_printed_alike_and_never_as_zero_where_they_are_missing() -> None:
    assert pointed(Estimate(-0.00012, -0.0002, 0.0, 1200)) == "−0.00012 [−0.0002, 0], n 1,200"
    assert [scientific(x) for x in (1.31e-5, 0.0, 2.0)] == ["1.3e−5", "0", "2.0e0"]
    assert [decimals(column) for column in ([0.04, None], [1.5, -12.0], [99.0, 123.0], [])] == [3, 1, 0, 3]
    absent = estimated(missing(Absent.FAILED, reason="why"), 3)
    assert (absent.text, absent.kind, absent.note, absent.order) == (DASH, "missing", "failed: why", None)
    sides = [
        estimated(Estimate(0.0, *ends), 2, against_zero=True).kind for ends in ((0.1, 0.2), (-0.2, -0.1), (0.0, 0.2))
    ]
    assert sides == ["clears", "below", "value"]


# Hostile text ---------------------------------------------------------------------------------------------------


def drawn_text(data: Any) -> list[str]:
    """Every string that plotly may read as markup: all but the keys and the CSV's columns."""
    if isinstance(data, dict):
        return [text for key, value in data.items() if key not in ("customdata", "meta") for text in drawn_text(value)]
    if isinstance(data, list | tuple):
        return [text for value in data for text in drawn_text(value)]
    return [data] if isinstance(data, str) else []


def test_hostile_text_in_figures_is_no_markup() -> None:
    report = hostile_panels()
    panels = [*of_arena(report.arenas[0]).values(), *of_report(report)]
    figures = [figure for panel in panels for figure in panel.figures]
    assert [panel.id for panel in panels] == [*ORDER, "claims", "claims-places", "study-1"]
    texts = [text for made in figures for text in drawn_text([made.data, made.layout])]
    assert any("&lt;script&gt;" in text for text in texts)
    assert not any("<" in text or "\u202e" in text for text in texts)
    assert all(re.fullmatch(r"[a-z0-9-]+", made.id) for made in figures)
    assert all(json.dumps(made.spec(), allow_nan=False) for made in figures)


# In a browser ---------------------------------------------------------------------------------------------------

PANEL = "details.panel:visible figure"


def opened_panels(opened: Opened) -> int:
    """Unfold every panel and wait until all figures are drawn; how many they are."""
    opened.page.evaluate("document.querySelectorAll('details.fold').forEach(fold => { fold.open = true; })")
    shown = opened.page.locator(PANEL)
    for place in range(shown.count()):
        shown.nth(place).scroll_into_view_if_needed()
        expect(shown.nth(place)).to_have_attribute("data-drawn", "yes")
    return shown.count()


@pytest.mark.parametrize("width", [1400, 390])
def test_a_browser_draws_every_panel_and_the_page_does_not_grow_wider(show: Callable[..., Opened], width: int) -> None:
    opened = show(panel_report(), width=width)
    report = panel_report()
    panels = [*of_arena(report.arenas[0]).values(), *of_report(report)]
    assert opened_panels(opened) == sum(len(panel.figures) for panel in panels) == 26
    assert opened.page.locator(f"{PANEL} .message").count() == 0
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
    assert opened.complaints == [] and opened.requests == []


def test_a_row_brought_out_shows_its_band_in_the_panels(show: Callable[..., Opened]) -> None:
    opened = show(panel_report())
    opened.page.locator(f".legend .chip[data-row='{FIRST}']").click()
    opened_panels(opened)
    ball = opened.page.locator("figure[data-figure=adversarial-prompts-kl] .plot")
    bands = ball.evaluate("plot => plot.data.filter(t => t.meta.band && t.visible).map(t => t.meta.row)")
    assert bands == [FIRST]


def test_a_hostile_report_opens_no_dialog_in_a_browser(show: Callable[..., Opened]) -> None:
    opened = show(hostile_panels())
    assert opened_panels(opened) > 20
    assert opened.complaints == [] and opened.page.locator("details.panel img, details.panel script").count() == 0
