"""The page of one row, the sample browser and the downloads, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmark.report.flat import leaderboard_rows
from leaderboard.export import export
from tests.leaderboard.large import large
from tests.leaderboard.opened import SEEN, Opened
from tests.leaderboard.reports import arena, report

Show = Callable[..., Opened]
CELL_FIGURES = ("cell-loss", "cell-accuracy", "cell-log-ratios", "cell-logp")

CLOSED = "!location.hash.includes('row=')"  # closing a dialog is told a moment later


def test_a_row_opens_a_page_with_its_command_its_records_and_its_samples(show: Show) -> None:
    opened = show(report())
    cell = opened.row("KLDPO tau=0.3")
    text = cell.inner_text()
    assert "--methods 'kldpo(beta=0.1,tau=0.3)'" in text and "2502.01930" in text and "torch 2.13.0" in text
    assert "Collapsed in 1 of 3 seeds" in text and "3 done of 3 planned" in text
    assert "run 1, 3 under" in text
    assert "against dpo(beta=0.1), p 0.001, Holm-corrected p 0.008" in text
    for name in CELL_FIGURES:
        figure = cell.locator(f"figure[data-figure={name}]")
        figure.scroll_into_view_if_needed()
        opened.page.wait_for_selector(f"dialog figure[data-figure={name}][data-drawn]")
        assert figure.locator(".plot svg").count() > 0
    assert cell.locator(".completion").count() == 3 and "the quiet harbour" in text
    assert opened.complaints == [] and opened.requests == []


def test_the_numbers_of_a_page_are_those_of_the_table(show: Show) -> None:
    opened = show(report())
    cell = opened.row("KLDPO tau=0.3")
    lines = dict(line.split("\n", 1) for line in cell.locator(".numbers > div").all_inner_texts())
    assert lines["Over DPO envelope"].replace("\n", " ") == "−0.020 [−0.040, −0.003]" and lines["Rank"] == "5"
    assert len(lines) == 39 and lines["Worst case, gold, gated"] == "–"


def test_escape_closes_the_page_and_gives_the_focus_back(show: Show) -> None:
    opened = show(report())
    button = opened.page.get_by_role("button", name="KLDPO tau=1", exact=True).first
    button.focus()
    button.press("Enter")
    opened.page.wait_for_selector("dialog.cell[open]")
    assert opened.page.evaluate("document.activeElement.id") == "cell-title"
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    opened.page.keyboard.press("Escape")
    opened.page.wait_for_function(CLOSED)
    assert opened.page.locator("dialog.cell").is_hidden()
    assert button.evaluate("button => button === document.activeElement")


def test_the_way_back_closes_the_page_and_a_link_opens_it(show: Show) -> None:
    opened = show(report())
    cell = opened.row("WDPO rho=1")
    link = opened.page.url
    opened.page.go_back()
    cell.wait_for(state="hidden")
    opened.page.go_forward()
    cell.wait_for()
    other = show(report(), hash=link[link.index("#") :])
    other.page.wait_for_selector("dialog.cell[open]")
    assert other.page.locator("#cell-title").inner_text() == "WDPO rho=1"
    other.page.keyboard.press("Escape")
    other.page.wait_for_function(CLOSED)
    assert other.page.evaluate("document.activeElement.closest('[data-row]').dataset.row") == "wdpo(beta=0.1,rho=1)"


def test_a_failed_row_has_a_page_with_its_reason(show: Show) -> None:
    opened = show(report())
    cell = opened.row("CVaR")
    assert "loss became NaN at step 40" in cell.inner_text() and cell.locator("figure").count() == 0


def test_a_page_fits_a_phone(show: Show) -> None:
    opened = show(report(), width=390)
    opened.row("KLDPO tau=0.3")
    assert opened.page.evaluate("document.querySelector('dialog').scrollWidth") == 390


def test_a_row_can_be_brought_out_from_its_page(show: Show) -> None:
    opened = show(report())
    cell = opened.row("WDPO rho=1")
    cell.locator(".bring").click()
    assert cell.is_hidden()
    pressed = opened.page.locator(f"{SEEN} .legend .chip[aria-pressed=true]")
    assert pressed.all_inner_texts() == ["WDPO rho=1"]


def test_another_arena_is_unpacked_when_it_is_opened_and_by_a_link(show: Show) -> None:
    made = report(*(arena(f"shift {i}", train_shift=f"s{i}") for i in range(3)))
    opened = show(made)
    assert opened.page.locator("#g2 table").count() == 0
    opened.page.get_by_role("tab").nth(2).click()
    assert len(opened.labels()) == 14 and opened.page.locator("#g1 table").count() == 0
    opened.figure("trajectory")
    linked = show(made, hash="#arena=grammar%2Fs1&sort=gated_nominal%3Adescending&row=gr_dpo%28eta%3D1%29")
    linked.page.wait_for_selector("dialog.cell[open]")
    assert (
        linked.labels()[0] == "KLDPO tau=1" and "needs annotator groups" in linked.page.locator("dialog").inner_text()
    )
    assert opened.complaints == linked.complaints == []


def test_of_fifty_rows_the_samples_of_six_are_shown_and_others_can_be_picked(show: Show) -> None:
    opened = show(large())
    opened.unfold()
    cards = opened.page.locator(f"{SEEN} .completion")
    cards.nth(5).wait_for()
    assert cards.count() == 6
    picker = opened.page.locator(f"{SEEN} .picker")
    picker.locator("summary").click()
    assert picker.locator("summary").inner_text() == "Rows shown: 6 of 50"
    picker.locator(".chip").nth(49).press("Enter")
    picker.locator(".chip").nth(0).click()
    assert cards.count() == 6 and cards.last.locator("h4").inner_text() == "METHOD10 beta=4.9"
    opened.page.reload()
    cards.nth(5).wait_for()
    assert cards.last.locator("h4").inner_text() == "METHOD10 beta=4.9"
    picker.locator("summary").click()
    picker.locator(".every").click()
    cards.nth(49).wait_for()
    picker.locator(".few").click()
    opened.page.wait_for_function("document.querySelectorAll('.completion').length === 6")


def test_prompts_are_turned_with_the_arrow_keys(show: Show) -> None:
    opened = show(report())
    opened.unfold()
    prompt = opened.page.locator(f"{SEEN} .prompt-text")
    step = opened.page.locator(f"{SEEN} [data-step='1']")
    step.press("ArrowRight")
    assert prompt.inner_text().startswith("Prompt 1")
    step.press("ArrowLeft")
    assert prompt.inner_text().startswith("Prompt 0")


def test_the_main_table_downloads_as_csv_latex_and_markdown(show: Show) -> None:
    """The CSV with every column, the two that are printed with what fits a paper."""
    made = report()
    opened = show(made)
    table = leaderboard_rows(replace(made, arenas=made.arenas[:1]))
    for format, ending in (("csv", "csv"), ("latex", "tex"), ("markdown", "md")):
        with opened.page.expect_download() as download:
            opened.page.locator(f"{SEEN} [data-export={format}]").click()
        assert download.value.suggested_filename == f"grammar-alpha-mixture-a-joy-b-sadness-alpha-0-1.{ending}"
        assert Path(download.value.path()).read_text("utf-8") == export(table, format, digits=4)
