"""A page that is open in a browser."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page

SEEN = "section.arena:not([hidden]):not([data-packed])"  # the arena that is shown, once it is unpacked


@dataclass
class Opened:
    """A page and what it did since it was opened."""

    page: Page
    complaints: list[str] = field(default_factory=list)  # console messages, exceptions, dialogs
    requests: list[str] = field(default_factory=list)  # all but the page's own file

    def row(self, label: str) -> Locator:
        """Open the page of a row of the visible arena, by its label, from the first picture."""
        self.page.locator(f"{SEEN} .dots .open").filter(has=self.page.get_by_text(label, exact=True)).click()
        cell = self.page.locator("dialog.cell")
        cell.wait_for()
        return cell

    def figure(self, name: str) -> None:
        """Scroll a figure of the visible arena into view and wait until it is drawn."""
        selector = f"{SEEN} figure[data-figure={name}]"
        self.page.locator(selector).evaluate("figure => figure.closest('details.fold')?.setAttribute('open', '')")
        self.page.locator(selector).scroll_into_view_if_needed()
        self.page.wait_for_selector(f"{selector}[data-drawn]")

    def unfold(self) -> None:
        """Open everything that is folded in the visible arena."""
        self.page.wait_for_selector(SEEN)
        self.page.evaluate(f"document.querySelectorAll('{SEEN} details.fold').forEach(fold => {{ fold.open = true; }})")

    def labels(self) -> list[str]:
        """Labels of the rows that are seen, from top to bottom: the same in the first picture and in the table."""
        self.page.wait_for_selector(SEEN)
        shown = [
            self.page.locator(f"{SEEN} {rows}:not([hidden]) .label").all_text_contents()
            for rows in (".dots li", ".board tbody")
        ]
        assert shown[0] == shown[1]
        return shown[0]
