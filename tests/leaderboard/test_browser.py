"""What a reader does with the page, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmark.report import Estimate
from tests.leaderboard.opened import SEEN, Opened
from tests.leaderboard.reports import SCRIPT, arena, hostile, report, rows

Show = Callable[..., Opened]
FIGURES = ("forest", "curve-gated", "curve-ungated", "trajectory", "utility-kl-training", "utility-kl-farthest")


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
    head = opened.page.locator(f"{SEEN} th[data-metric=gated_over_envelope] button")
    missing = ["KLDPO tau=1", "CVaR", "GR-DPO"]
    head.click()
    best_first = opened.labels()
    assert best_first[0] == "Oracle, mid mixture" and best_first[-4:] == ["SFT on chosen", *missing]
    assert opened.page.locator(f"{SEEN} th[data-metric=gated_over_envelope]").get_attribute("aria-sort") == "descending"
    head.press("Enter")
    worst_first = opened.labels()
    assert worst_first == [*reversed(best_first[:-3]), *missing]
    opened.page.locator(f"{SEEN} .reset").click()
    assert opened.labels()[0] == "GroupDRO" and opened.labels()[-1] == "DPO beta=0.6, left out"


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
    opened.page.locator(f"{SEEN} .board tbody").nth(2).locator("td").nth(2).click()
    assert "+0.016 [−0.026, 0.036], n = 1,800. 39% of replicates empty" in definition.inner_text()


def test_samples_are_found_by_their_words(show: Show) -> None:
    opened = show(report())
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
        opened.page.locator(f"{SEEN} figure[data-figure=forest] .csv").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "row,gated_over_envelope,height,low,high,n"
    assert lines[1] == "group_dro(beta=0.1),0.141,0,0.111,0.175,1800"
    assert '"kldpo(beta=0.1,tau=1)",,-4,,,1800' in lines


def test_hostile_text_stays_text(show: Show) -> None:
    opened = show(hostile())
    for name in FIGURES:
        opened.figure(name)
    for index in range(6):
        opened.page.locator(f"{SEEN} .sample-prompt").select_option(index=index)
    opened.page.locator(f"{SEEN} .sample-search").fill("no such words")
    for index in range(3):  # the long label, the hostile one and the row that failed
        opened.page.locator(f"{SEEN} .open").nth(index).click()
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
    assert opened.complaints == [] and len(opened.labels()) == 14
