"""What a reader does with the page, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmark.report import Estimate
from tests.leaderboard.opened import SEEN, Opened
from tests.leaderboard.reports import SCRIPT, arena, hostile, report, rows

Show = Callable[..., Opened]
FIGURES = ("curve-gated", "curve-ungated", "trajectory", "utility-kl-training", "utility-kl-farthest")


def test_it_opens_from_disk_draws_every_figure_and_asks_the_network_for_nothing(show: Show) -> None:
    opened = show(report())
    assert opened.page.locator("figure[data-figure=trajectory][data-drawn]").count() == 0  # not before it is in view
    for name in FIGURES:
        opened.figure(name)
        assert opened.page.locator(f"{SEEN} figure[data-figure={name}] .plot svg").count() > 0
    assert opened.requests == [] and opened.complaints == []


def test_figures_draw_one_line_per_row_and_dpo_bands_behind(show: Show) -> None:
    opened = show(report())
    opened.figure("trajectory")
    traces = opened.page.evaluate(
        f"document.querySelector('{SEEN} [data-figure=trajectory] .plot').data.map(trace => trace.meta.row || 'behind')"
    )
    assert traces[:3] == ["behind"] * 3  # three betas of DPO; the left-out beta is a control and not in the band
    assert len(traces) == 3 + 12 and "dpo(beta=0.6)" in traces


def test_a_band_lies_behind_its_line_in_pieces_where_an_interval_is_missing(show: Show) -> None:
    (first,) = rows()[:1]
    assert first.curve is not None
    gated = list(first.curve.gated)
    gated[4] = Estimate(0.5)
    made = replace(first, curve=replace(first.curve, gated=tuple(gated)))
    opened = show(report(arena(made=(made,))))
    opened.figure("curve-gated")
    band, line = opened.page.evaluate(f"document.querySelector('{SEEN} [data-figure=curve-gated] .plot').data")
    assert band["meta"]["band"] and band["fill"] == "toself" and line["y"][4] == 0.5
    assert band["x"] == [
        0,
        0.1,
        0.2,
        0.3,
        0.3,
        0.2,
        0.1,
        0,
        None,
        *(x / 10 for x in (*range(5, 11), *range(10, 4, -1))),
    ]
    assert band["y"][0] == 0.52 and band["y"][7] == 0.58  # down one side, back on the other


def test_sorting_is_numeric_with_missing_numbers_last_in_both_directions(show: Show) -> None:
    opened = show(report())
    head = opened.page.locator(f"{SEEN} th[data-metric=gated_over_envelope]")
    missing = ["KLDPO tau=1", "CVaR", "GR-DPO"]  # finished, failed, skipped
    best_first = opened.labels()
    assert best_first[0] == "Oracle, mid mixture" and best_first[-4:] == ["SFT on chosen", *missing]
    assert head.get_attribute("aria-sort") == "descending"
    head.locator("button").press("Enter")
    assert opened.labels() == [*reversed(best_first[:-3]), *missing]
    opened.page.locator(f"{SEEN} .reset").click()
    assert opened.labels() == best_first and opened.page.locator(f"{SEEN} .reset").is_hidden()


def test_the_first_picture_is_sorted_with_the_table(show: Show) -> None:
    opened = show(report())
    opened.page.locator(f"{SEEN} th[data-metric=gated_nominal] button").click()
    assert opened.labels()[0] == "KLDPO tau=1"  # which asserts that both show the same
    assert opened.page.locator(f"{SEEN} .sort").input_value() == "gated_nominal"
    opened.page.locator(f"{SEEN} .sort").select_option("gated_over_envelope")
    assert opened.labels()[0] == "Oracle, mid mixture"


def test_lower_is_better_sorts_the_least_first(show: Show) -> None:
    opened = show(report())
    opened.page.locator(f"{SEEN} th[data-metric=gated_robustness_gap] button").click()
    assert opened.labels()[0] == "Oracle, mid mixture"
    assert opened.page.locator(f"{SEEN} th[data-metric=gated_robustness_gap]").get_attribute("aria-sort") == "ascending"


def test_the_filter_hides_rows_and_counts_what_is_left(show: Show) -> None:
    opened = show(report())
    opened.page.locator(f"{SEEN} .filter").fill("kldpo tau=0")
    assert opened.labels() == ["KLDPO tau=0.1", "KLDPO tau=0.3"]
    assert opened.page.locator(f"{SEEN} .count").inner_text() == "2 of 14 rows"
    opened.page.locator(f"{SEEN} .filter").fill("skipped")
    assert opened.labels() == ["GR-DPO"]


def test_a_filter_without_a_match_says_so_and_can_be_cleared(show: Show) -> None:
    opened = show(report())
    nothing = opened.page.locator(f"{SEEN} .nothing")
    assert nothing.is_hidden()
    opened.page.locator(f"{SEEN} .filter").fill("no <b>such")
    assert nothing.inner_text() == "No row matches “no <b>such”. Show all rows" and opened.labels() == []
    nothing.get_by_role("button").click()
    assert nothing.is_hidden() and len(opened.labels()) == 14
    assert opened.page.locator(f"{SEEN} .filter").input_value() == ""


def test_a_link_to_what_is_not_there_says_so(show: Show) -> None:
    notice = ".notice"
    opened = show(report(), hash="#row=gone(x%3D<i>)")
    opened.page.wait_for_selector(notice)
    assert "There is no row “gone(x=<i>)” in this arena." in opened.page.locator(notice).inner_text()
    opened.page.locator(".dismiss").click()
    assert opened.page.locator(notice).is_hidden() and "row=" not in opened.page.url
    elsewhere = show(report(), hash="#arena=gone&row=gone")
    elsewhere.page.wait_for_selector(notice)
    assert "no arena “gone”" in elsewhere.page.locator(notice).inner_text() and len(elsewhere.labels()) == 14
    elsewhere.row("WDPO rho=1")  # what is there still opens
    assert show(report()).page.locator(notice).is_hidden()


def test_rows_brought_out_stand_out_in_the_first_picture(show: Show) -> None:
    opened = show(report())
    opened.page.locator(f"{SEEN} .legend .chip[data-row='sft']").click()
    dim = opened.page.locator(f"{SEEN} .dots li:not(.dim)")
    assert dim.locator(".label").all_inner_texts() == ["SFT on chosen"]


def test_a_phone_folds_the_table_and_a_wide_page_does_not(show: Show) -> None:
    for width, is_open in ((390, False), (1400, True)):
        fold = show(report(), width=width).page.locator(f"{SEEN} .numbers-fold")
        assert fold.evaluate("fold => fold.open") is is_open


def test_the_page_is_short_until_it_is_unfolded(show: Show) -> None:
    for width, pixels in ((1400, 6000), (390, 8000)):  # 11,800 and 25,500 before anything was folded
        opened = show(report(), width=width)
        assert opened.page.evaluate("document.documentElement.scrollHeight") < pixels


def test_opening_a_row_brings_it_out_in_the_figures(show: Show) -> None:
    opened = show(report())
    opened.figure("curve-gated")
    opened.row("WDPO rho=1")
    opened.page.wait_for_function(
        f"document.querySelector('{SEEN} [data-figure=curve-gated] .plot').data"
        ".filter(t => t.meta.row && !t.meta.band).every(t => (t.opacity === 1) === t.meta.row.startsWith('wdpo'))"
    )


def test_the_address_restores_arena_sort_filter_columns_and_row(show: Show) -> None:
    opened = show(report())
    page = opened.page
    page.get_by_role("tab").nth(1).click()
    page.locator(f"{SEEN} .filter").fill("dpo")
    page.locator(f"{SEEN} .view").select_option("KL and price")
    page.locator(f"{SEEN} th[data-metric=kl_to_reference] button").click()
    before = opened.labels()
    opened.row("WDPO rho=1")
    page.reload()
    assert page.locator(SEEN).get_attribute("id") == "g1"
    assert opened.labels() == before and before[0] == "DPO beta=0.1" and "SFT on chosen" not in before
    assert page.locator(f"{SEEN} .view").input_value() == "KL and price"
    assert page.locator("dialog.cell #cell-title").inner_text() == "WDPO rho=1"
    assert page.locator(f"{SEEN} th[data-metric=gated_price]").is_visible()
    assert not page.locator(f"{SEEN} th[data-metric=gated_auc]").is_visible()


def test_tabs_move_with_the_arrow_keys(show: Show) -> None:
    opened = show(report())
    opened.page.get_by_role("tab").first.press("ArrowRight")
    assert opened.page.get_by_role("tab").nth(1).get_attribute("aria-selected") == "true"
    assert opened.page.locator(SEEN).get_attribute("id") == "g1"


def test_definitions_show_on_focus_and_n_on_a_tap(show: Show) -> None:
    opened = show(report())
    opened.page.locator(f"{SEEN} th[data-metric=gated_auc] button").focus()
    definition = opened.page.locator(f"{SEEN} .definition")
    assert "Mean gated utility over the evaluation shifts" in definition.inner_text()
    opened.page.locator(f"{SEEN} .board tbody").nth(3).locator("td").nth(2).click()
    assert "+0.016 [−0.026, 0.036], n = 1,800. 39% of replicates empty" in definition.inner_text()


def test_samples_are_found_by_their_words(show: Show) -> None:
    opened = show(report())
    opened.unfold()
    search = opened.page.locator(f"{SEEN} .sample-search")
    search.fill("furious gate")
    assert opened.page.locator(f"{SEEN} .prompt-text").inner_text().startswith("Prompt 1")
    assert opened.page.locator(f"{SEEN} .completion").count() == 6
    assert "fails the language gate" in opened.page.locator(f"{SEEN} .completion").nth(2).inner_text()
    assert opened.page.locator(f"{SEEN} .completion").first.locator("tbody tr").first.inner_text().split() == [
        "joy",
        "0.71",
        "0.65",
    ]
    search.fill("no such words")
    assert "No prompt" in opened.page.locator(f"{SEEN} .prompt-text").inner_text()


def test_the_csv_of_a_figure_holds_the_numbers_with_intervals(show: Show) -> None:
    opened = show(report())
    with opened.page.expect_download() as download:
        opened.page.locator(f"{SEEN} figure[data-figure=curve-gated] .csv").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "row,shift,utility,low,high,n"
    assert lines[1] == "oracle(beta=0.1),0,0.58,0.55,0.61,1800"


def test_hostile_text_stays_text(show: Show) -> None:
    opened = show(hostile())
    for name in FIGURES:
        opened.figure(name)
    opened.unfold()
    for index in range(6):
        opened.page.locator(f"{SEEN} .sample-prompt").select_option(index=index)
    opened.page.locator(f"{SEEN} .sample-search").fill("no such words")
    for index in range(3):  # the long label, the hostile one and the row that failed
        opened.page.locator(f"{SEEN} .dots .open").nth(index).click()
        opened.page.wait_for_selector("dialog.cell[open] #cell-title")
        assert opened.page.evaluate("document.querySelector('dialog').scrollWidth <= innerWidth")
        opened.page.keyboard.press("Escape")
    assert opened.complaints == [] and opened.requests == []
    assert opened.page.locator("body img").count() == 0
    assert opened.page.locator("h1").inner_text().startswith(SCRIPT)
    assert opened.page.locator(f"{SEEN} .label").first.inner_text().startswith(SCRIPT)
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_overflows_a_phone(show: Show) -> None:
    for made in (report(), hostile()):
        opened = show(made, width=390)
        for name in FIGURES:
            opened.figure(name)
        opened.unfold()
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
        assert opened.page.locator(f"{SEEN} .board tbody td").nth(1).evaluate("td => getComputedStyle(td).display") == (
            "flex"
        )


def test_cards_are_sorted_by_a_list(show: Show) -> None:
    opened = show(report(), width=390)
    opened.page.locator(f"{SEEN} .sort").select_option("gated_nominal")
    assert opened.labels()[0] == "KLDPO tau=1"


def test_dark_and_light_follow_the_reader(show: Show) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page = show(report(), scheme=scheme).page
        colours.append(
            page.evaluate("(style => [style.color, style.backgroundColor])(getComputedStyle(document.documentElement))")
        )
        page.locator("figure").first.scroll_into_view_if_needed()
        page.wait_for_selector("figure[data-drawn]")
        assert page.evaluate(
            "document.querySelector('.plot').layout.font.color === getComputedStyle("
            "document.documentElement).getPropertyValue('--ink')"
        )
    (light_ink, light_page), (dark_ink, dark_page) = (map(_luminance, pair) for pair in colours)
    assert _contrast(light_ink, light_page) > 12 and _contrast(dark_ink, dark_page) > 12
    assert light_page > light_ink and dark_page < dark_ink


def _luminance(colour: str) -> float:
    """WCAG relative luminance of `rgb(r, g, b)`."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def test_one_arena_without_rows_or_samples_still_opens(show: Show) -> None:
    opened = show(report(arena(made=(), samples=(), eval_shifts=())))
    assert opened.complaints == [] and opened.page.locator("h2.headline").inner_text() == "Nothing was run."


def test_an_address_that_names_nothing_opens_the_first_arena(show: Show) -> None:
    opened = show(report(), hash="#arena=gone&sort=gone:up&row=gone&view=gone&filter=")
    assert opened.complaints == [] and len(opened.labels()) == 14 and opened.labels()[0] == "Oracle, mid mixture"
