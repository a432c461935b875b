"""The static leaderboard: a report in, one HTML file out. Nothing that belongs to the measurement is computed here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.report import Report


def write_site(report: Report, folder: Path) -> Path:
    """Write the leaderboard of `report` into `folder` (made where it is missing) and return folder/index.html.

    The page is one file that opens from disk without network.
    """
    from leaderboard.page import render  # jinja2 and plotly are slow to import, and few commands write a page

    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    page.write_text(render(report), encoding="utf-8")
    return page
