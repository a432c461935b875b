"""The worst mean utility inside balls of growing radius: robustness to every shift of a size, not to a list of them."""

from __future__ import annotations

from benchmark.report import AdversarialCurve, Arena, Row
from leaderboard.figures import Figure
from leaderboard.palette import Palette
from leaderboard.panels.base import Panel
from leaderboard.panels.lines import Line, line_figure, row_line

LEAD = (
    "An adversary may shift the prompts, or the weights of the objectives, by as much as the radius allows, and does "
    "the worst. Each row is the exact worst case for its stored completions; where two lines cross, the ranking "
    "depends on how large a shift is feared."
)
HOW = {
    "prompts": "Gated utility at the training shift when prompts are drawn from the worst distribution within the "
    "radius of that of the test prompts; at radius 0 it is the nominal utility. High and flat is robust.",
    "objectives": "Gated utility when the adversary moves this much weight from the objectives that are served best to "
    "the one that is served worst; at radius 0 it is the nominal utility, at 1 that of the worst "
    "objective.",
}
TITLES = {"prompts": "Worst prompts", "objectives": "Worst weights of objectives"}
UNITS = {"KL": "KL, nats", "chi-square": "chi-square", "TV": "total variation"}
KINDS = (("prompts", "KL"), ("prompts", "chi-square"), ("prompts", "TV"), ("objectives", "TV"))  # in this order


def adversarial(arena: Arena, palette: Palette) -> Panel | None:
    """One figure per ball; None where no row has a curve."""
    balls = {(curve.over, curve.divergence) for row in arena.rows for curve in row.adversarial}
    figures = tuple(_figure(arena, palette, *kind) for kind in KINDS if kind in balls)
    return Panel("adversarial", "The worst shift of a given size", LEAD, figures) if figures else None


def _figure(arena: Arena, palette: Palette, over: str, divergence: str) -> Figure:
    curves = [(row, curve) for row in arena.rows for curve in row.adversarial if _is(curve, over, divergence)]
    return line_figure(
        f"adversarial-{over}-{divergence.lower()}",
        f"{TITLES[over]}, by {UNITS[divergence]}",
        HOW[over],
        [_line(row, curve, palette) for row, curve in curves],
        f"radius, {UNITS[divergence]}",
        "worst gated utility",
    )


def _is(curve: AdversarialCurve, over: str, divergence: str) -> bool:
    return (curve.over, curve.divergence) == (over, divergence)


def _line(row: Row, curve: AdversarialCurve, palette: Palette) -> Line:
    return row_line(row, palette, curve.radii, curve.values, "radius %{x}")
