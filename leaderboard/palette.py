"""How a row looks wherever it is drawn: a colour and a shape by method, a fill by setting, a dash by claim.

A method's colour and shape are functions of its name alone, so that it looks the same on every page of the project,
whatever stands beside it there. Methods of one family share a hue and differ in lightness and shape; families differ in
hue. A plug-in's hue and shape come from a hash of its name, and its colour is paler than any family's. Settings of a
method differ by fill (full, open, open with a dot), and from the fourth on a little in lightness, never in hue. Dashes
say what kind of method it is: robust ones solid, plain ones dashed, controls dotted, and grey, as is the reference.
Every colour stands out from the page by 3 to 1 in light and in dark. Nothing rests on colour alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product

from benchmark.report import Row
from leaderboard.colours import oklch

GREY = "#808080"
REFERENCE = "reference"

# Plotly's name of a marker, and the same marker as an SVG path in a box from -5 to 5.
MARKERS = {
    "circle": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "square": "M-3.5-3.5h7v7h-7Z",
    "diamond": "M0-5L5 0L0 5L-5 0Z",
    "triangle-up": "M0-4.5L4.5 3.5H-4.5Z",
    "triangle-down": "M0 4.5L4.5-3.5H-4.5Z",
    "cross": "M-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z",
    "x": "M-4-2L-2-4L0-2L2-4L4-2L2 0L4 2L2 4L0 2L-2 4L-4 2L-2 0Z",
}
SHAPES = tuple(shape for shape in MARKERS if shape != "x")  # of methods; the reference alone has the x
FILLS = ("", "-open", "-open-dot")
SYMBOLS = tuple(f"{shape}{fill}" for fill, shape in product(FILLS, MARKERS))


@dataclass(frozen=True)
class Family:
    """Methods that share an idea, and so a hue (degrees).

    lightness, chroma: of the first of them, in OKLCH; step: from one to the next, lighter or darker.
    """

    hue: float
    lightness: float
    chroma: float
    step: float
    methods: tuple[str, ...]


FAMILIES = (
    Family(
        255, 0.55, 0.16, 0.04, ("dpo", "dpo_early_stop", "beta_dpo", "flex_dpo", "dpop", "ns_dpo")
    ),  # DPO, its schedule
    Family(40, 0.56, 0.18, 0.04, ("kldpo", "kldpo_ball", "kldpo_released", "dr_dpo", "kl_rebel")),  # tilted by KL
    Family(163, 0.60, 0.13, -0.04, ("wdpo", "w_rebel")),  # Wasserstein
    Family(12, 0.57, 0.19, 0.04, ("tv_dpo", "chi2_dpo", "chi2_rebel")),  # other balls
    Family(136, 0.56, 0.17, 0.04, ("gr_dpo", "gr_ipo")),  # the group that is served worst
    Family(225, 0.62, 0.11, -0.04, ("rdpo", "cdpo", "r_dpo", "dpo_pro", "holder_dpo")),  # labels, lengths that mislead
    Family(95, 0.65, 0.13, -0.04, ("ipo", "slic", "rebel")),  # a finite margin is enough
    Family(340, 0.63, 0.19, -0.04, ("sppo", "nca", "bco", "kto", "apo_zero", "apo_down")),  # each completion for itself
    Family(310, 0.56, 0.19, 0.04, ("chi_po", "discopop", "exo", "aot")),  # other links
    Family(68, 0.56, 0.09, 0.04, ("sft", "simpo", "rpo")),  # likelihoods of the chosen
    Family(192, 0.56, 0.07, 0.04, ("rloo", "best_of_n")),  # its own completions
    Family(284, 0.60, 0.15, -0.02, ("mixture", "modpo", "rewarded_soups", "oracle")),  # several labels
)
STEPS = 3  # of lightness in a family; then the next hue
ASIDE = 8.0  # degrees to that hue
MIDDLE = 0.595  # of the lightnesses that stand out from a white page and from a dark one
TONE = 0.03  # of lightness, towards and past that middle: between a method's settings, from the fourth on
PLUGIN_LIGHTNESS, PLUGIN_CHROMA = 0.58, 0.075


@dataclass(frozen=True)
class Style:
    """What a method's name determines: lightness, chroma and hue (OKLCH), and a shape."""

    lightness: float
    chroma: float
    hue: float
    shape: str


def _family_styles() -> dict[str, Style]:
    """Styles of the methods that families name; the first of neighbouring families differ in shape too."""
    return {
        method: Style(
            family.lightness + family.step * (place % STEPS),
            family.chroma,
            family.hue + ASIDE * (place // STEPS),
            SHAPES[(number + place) % len(SHAPES)],
        )
        for number, family in enumerate(FAMILIES)
        for place, method in enumerate(family.methods)
    }


STYLES = {**_family_styles(), REFERENCE: Style(0.6, 0.0, 0.0, "x")}


@cache
def style(method: str) -> Style:
    """Of any method, by its name alone."""
    if method in STYLES:
        return STYLES[method]
    digest = hashlib.blake2b(method.encode()).digest()
    hue = int.from_bytes(digest[:4], "big") % 360
    return Style(PLUGIN_LIGHTNESS, PLUGIN_CHROMA, hue, SHAPES[digest[4] % len(SHAPES)])


@cache
def colour(method: str, tone: int = 0) -> str:
    """A method's colour as `#RRGGBB`, the same on every page; `tone` counts settings that take another lightness."""
    if method == REFERENCE:
        return GREY
    own = style(method)
    return oklch(own.lightness + tone * (TONE if own.lightness < MIDDLE else -TONE), own.chroma, own.hue)


# Of lines that are no method, such as those of an analytic suite: hues that DPO, KLDPO and WDPO do not have.
SERIES = tuple(colour(name) for name in ("sppo", "ipo", "rdpo", "chi_po", "gr_dpo", "mixture", "sft"))


@dataclass(frozen=True)
class Look:
    """Colour (hex), dash (plotly's name) and marker symbol (plotly's name) of a row."""

    colour: str
    dash: str
    symbol: str

    @property
    def path(self) -> str:
        """The marker as an SVG path."""
        return MARKERS[self.symbol.removesuffix("-dot").removesuffix("-open")]

    @property
    def filled(self) -> bool:
        """Whether the marker is filled."""
        return "-open" not in self.symbol

    @property
    def dotted(self) -> bool:
        """Whether an open marker has a dot in its middle."""
        return self.symbol.endswith("-dot")


class Palette:
    """The looks of all rows of a page: the same row looks the same in every arena and every figure."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Number the settings of every method of `rows`, in the order of their keys."""
        keys: dict[str, set[str]] = {}
        for row in rows:
            keys.setdefault(row.method, set()).add(row.key)
        self._places = {key: place for of_method in keys.values() for place, key in enumerate(sorted(of_method))}

    @staticmethod
    def method(name: str, dash: str = "solid") -> Look:
        """How a method is drawn where no setting of it is meant."""
        return Look(colour(name), dash, style(name).shape)

    def look(self, row: Row) -> Look:
        """How `row` is drawn: controls grey and dotted, robust methods solid, plain ones dashed."""
        place = self._places[row.key]
        symbol = style(row.method).shape + FILLS[place % len(FILLS)]
        if row.role.endswith("control"):
            return Look(GREY, "dot", symbol)
        tone = place // len(FILLS) % STEPS
        return Look(colour(row.method, tone), "solid" if row.robust else "dash", symbol)
