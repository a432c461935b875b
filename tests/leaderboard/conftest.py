"""Pages opened from disk in a real browser, with everything that must not happen on them written down."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Error, sync_playwright

from benchmark.report import Report
from leaderboard import write_site
from tests.leaderboard.opened import Opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium: the system's own or playwright's."""
    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=found)
        except Error as error:
            message = f"no Chromium starts here ({found or 'none on the PATH'}): {error}"
            if os.environ.get("PREFSHIFT_REQUIRE_BROWSER") == "1":
                pytest.fail(message)
            pytest.skip(message)
        yield started
        started.close()


def _refuse(dialog: Dialog, opened: Opened) -> None:
    opened.complaints.append(f"dialog: {dialog.message}")
    dialog.dismiss()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Write a report's page and open it from disk: `show(report, width=1400, scheme="light", hash="")`."""
    contexts = []

    def show(report: Report, width: int = 1400, scheme: str = "light", hash: str = "") -> Opened:
        path = write_site(report, tmp_path / "site")
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(8000)
        opened = Opened(context.new_page())
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("dialog", lambda dialog: _refuse(dialog, opened))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.goto(path.as_uri() + hash)
        opened.requests = [url for url in opened.requests if not url.startswith(path.as_uri())]
        return opened

    yield show
    for context in contexts:
        context.close()
