"""What a page of 50 methods x 20 shifts x 5 seeds costs to write and to open.

Two readings of that size, of synthetic numbers with noise in every one, so that they pack no better than real ones:
`rows` is one arena of 50 rows on 20 evaluation shifts, `arenas` is 20 training shifts with 50 rows each. Per reading it
prints seconds and peak memory of writing the page in a process of its own, the size of the page, and, as medians over
rounds in headless Chromium with the page opened from disk: first contentful paint, when the first table can be sorted,
and how long it takes to open the last arena and the page of a row.

Run: `python speed/page.py [--rounds 5]`; needs the test extra and Chromium.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the synthetic reports are those of the tests

from leaderboard import write_site
from tests.leaderboard.large import large

ARENAS = {"rows": 1, "arenas": 20}
SORTABLE = "document.querySelector('.count').textContent !== ''"  # the script has been through the table
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
OPEN_LAST = """async () => {
  const started = performance.now(), tabs = document.querySelectorAll('[role=tab]'), last = tabs.length - 1;
  if (last < 0) return 0;
  tabs[last].click();
  while (!document.querySelector(`#g${last} .count`)?.textContent) await new Promise(requestAnimationFrame);
  return performance.now() - started;
}"""
OPEN_ROW = """async () => {
  const started = performance.now();
  document.querySelector('.arena:not([hidden]) .open').click();
  while (!document.querySelector('dialog.cell[open] #cell-title')) await new Promise(requestAnimationFrame);
  return performance.now() - started;
}"""


@dataclass(frozen=True)
class Written:
    """How a page came to be: seconds, and the process's peak memory with and without the report it is made from."""

    seconds: float
    report_mb: float
    peak_mb: float


def write(folder: Path, arenas: int) -> Written:
    """Write a page of `arenas` arenas into `folder`."""
    report = large(arena_count=arenas)
    before = peak_mb()
    started = time.perf_counter()
    write_site(report, folder)
    return Written(time.perf_counter() - started, before, peak_mb())


def peak_mb() -> float:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def opened(browser: Browser, page: Path) -> tuple[float, float, float, float]:
    """Milliseconds: first paint, first table sortable (both since navigation began), last arena opened, row opened."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    view = context.new_page()
    view.add_init_script(
        f"(function look() {{ if (document.querySelector('.count') && {SORTABLE}) window.sortable = performance.now();"
        " else setTimeout(look, 5); })()"
    )
    view.goto(page.as_uri())
    view.wait_for_function(f"window.sortable && {PAINT}")
    times = tuple(float(view.evaluate(script)) for script in (PAINT, "window.sortable", OPEN_LAST, OPEN_ROW))
    context.close()
    return times  # type: ignore[return-value]


def main() -> None:
    """Print a row per reading."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    print(
        f"{'':8}{'write':>9}{'peak memory (report)':>24}{'size':>11}{'paint':>10}{'sortable':>11}"
        f"{'last arena':>12}{'row':>9}"
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for name, arenas in ARENAS.items():
            site = Path(folder) / name
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                written = pool.apply(write, (site, arenas))
            runs = [opened(browser, site / "index.html") for _ in range(rounds)]
            paint, sortable, arena, row = (median(times) for times in zip(*runs, strict=True))
            size = (site / "index.html").stat().st_size / 1e6
            print(
                f"{name:8}{written.seconds:7.1f} s{written.peak_mb:14.0f} MB ({written.report_mb:3.0f}){size:8.2f} MB"
                f"{paint:7.0f} ms{sortable:8.0f} ms{arena:9.0f} ms{row:6.0f} ms",
                flush=True,
            )
        browser.close()


if __name__ == "__main__":
    main()
