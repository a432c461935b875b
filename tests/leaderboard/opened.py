"""A page that is open in a browser."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Page


@dataclass
class Opened:
    """A page and what it did since it was opened."""

    page: Page
    complaints: list[str] = field(default_factory=list)  # console messages, exceptions, dialogs
    requests: list[str] = field(default_factory=list)  # all but the page's own file

    def figure(self, name: str) -> None:
        """Scroll a figure of the visible group into view and wait until it is drawn."""
        selector = f"section.group:not([hidden]) figure[data-figure={name}]"
        self.page.locator(selector).scroll_into_view_if_needed()
        self.page.wait_for_selector(f"{selector}[data-drawn]")

    def labels(self) -> list[str]:
        """Labels of the rows that are seen, from top to bottom."""
        return self.page.locator("section.group:not([hidden]) .board tbody:not([hidden]) .label").all_inner_texts()
