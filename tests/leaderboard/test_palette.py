"""Colours and shapes: functions of a method's name, far enough apart, and seen on both pages."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from benchmark.report import Estimate, Row
from leaderboard.colours import LEAST_CONTRAST, PAGES, contrast, oklch
from leaderboard.page import TEMPLATES
from leaderboard.palette import (
    FAMILIES,
    FILLS,
    GREY,
    MARKERS,
    SERIES,
    STEPS,
    STYLES,
    SYMBOLS,
    Look,
    Palette,
    colour,
    style,
)
from methods import Method
from tests.leaderboard.reports import row, rows

MAIN = ("dpo", "kldpo", "wdpo", "ipo", "sppo", "reference")
PLUGINS = tuple(f"plugin_{place}" for place in range(200))


def lab(name: str, seen: np.ndarray | None = None) -> np.ndarray:
    """OKLab of a colour `#RRGGBB`; `seen` turns linear light into what a colour-blind eye sees of it."""
    encoded = np.array([int(name[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    light = light if seen is None else np.clip(seen @ light, 0, 1)
    to_lms = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566]]
    to_lms.append([0.0883024619, 0.2817188376, 0.6299787005])
    to_lab = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099]]
    to_lab.append([0.0259040371, 0.7827717662, -0.8086757660])
    return np.array(to_lab) @ np.cbrt(np.array(to_lms) @ light)


# Machado, Oliveira and Fernandes 2009, severity 1: what is left of linear light without red or without green cones.
WITHOUT_RED = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
WITHOUT_GREEN = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
)


def far(a: str, b: str, seen: np.ndarray | None = None) -> float:
    return float(np.linalg.norm(lab(colour(a), seen) - lab(colour(b), seen)))


def settings(*calls: str) -> list[Row]:
    return [row(call, call, Estimate(0.1), 0.5, 0.4, 1) for call in calls]


def test_the_arithmetic_of_colours_on_known_ones() -> None:
    assert (oklch(1, 0, 0), oklch(0, 0, 0), oklch(0.6279554, 0.2576833, 29.23388)) == ("#FFFFFF", "#000000", "#FF0000")
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21) and contrast("#777777", "#777777") == 1
    assert oklch(0.6, 5.0, 120) == oklch(0.6, 0.14, 120)  # made to fit a screen, in steps


def test_the_pages_are_those_of_the_stylesheet() -> None:
    text = (TEMPLATES / "style.css").read_text("utf-8")
    assert "--page:#fff;" in text and f"--page:{PAGES[1].lower()};" in text


@pytest.mark.parametrize("seen", [None, WITHOUT_RED, WITHOUT_GREEN], ids=["all", "without-red", "without-green"])
def test_the_main_methods_differ_clearly(seen: np.ndarray | None) -> None:
    """Just noticeable is about .02 in OKLab; without red or green cones shapes help, and shapes differ for all."""
    least = 0.12 if seen is None else 0.025
    assert all(far(a, b, seen) > least for a, b in combinations(MAIN, 2))
    assert all(far(a, b) > 0.18 or style(a).shape != style(b).shape for a, b in combinations(MAIN, 2))


def test_families_differ_in_hue_and_the_first_of_each_in_colour() -> None:
    firsts = [family.methods[0] for family in FAMILIES]
    assert all(far(a, b) > 0.08 for a, b in combinations([*firsts, "reference"], 2))


def test_methods_differ_in_colour_or_shape_and_within_a_family_in_both() -> None:
    looks = [(colour(name), style(name).shape) for name in STYLES]
    assert len(set(looks)) == len(looks)
    for family in FAMILIES:
        assert len({colour(name) for name in family.methods}) == len(family.methods)
        assert len({style(name).shape for name in family.methods}) == len(family.methods)


def test_every_colour_stands_out_from_both_pages() -> None:
    drawn = [colour(name, tone) for name in (*STYLES, *PLUGINS) for tone in range(STEPS)] + [GREY, *SERIES]
    assert min(contrast(made, page) for made in drawn for page in PAGES) >= LEAST_CONTRAST


def test_a_colour_is_a_function_of_the_name_alone() -> None:
    """Pinned: whoever changes these changes every page that was ever made."""
    pinned = {"dpo": "#2171CC", "kldpo": "#C44402", "wdpo": "#15976A", "ipo": "#A88D10", "sppo": "#D050AD"}
    assert {name: colour(name) for name in pinned} == pinned and colour("reference") == GREY
    few, many = (
        settings(*calls) for calls in (["ipo(beta=1)"], ["aaa(x=1)", "dpo(beta=1)", "ipo(beta=1)", "kto(beta=1)"])
    )
    for made in (many, many[::-1]):
        assert Palette(made).look(made[made.index(many[2])]).colour == Palette(few).look(few[0]).colour


def test_names_in_families_are_registered() -> None:
    assert {name for family in FAMILIES for name in family.methods} <= {cls.name for cls in Method.registry.all()}


def test_plugins_are_paler_and_seldom_alike() -> None:
    assert len({(colour(name), style(name).shape) for name in PLUGINS}) > 0.9 * len(PLUGINS)
    chroma = [float(np.hypot(*lab(colour(name))[1:])) for name in PLUGINS]
    known = [float(np.hypot(*lab(colour(name))[1:])) for name in MAIN[:-1]]
    assert max(chroma) < min(known)


def test_settings_keep_the_hue_and_differ_by_fill_then_by_lightness() -> None:
    made = settings(*(f"dpo(beta={place})" for place in range(9)))
    looks = [Palette(made).look(item) for item in made]
    assert len({(look.colour, look.symbol) for look in looks}) == 9
    assert {look.symbol for look in looks} == {f"circle{fill}" for fill in FILLS}
    hues = [np.degrees(np.arctan2(*lab(look.colour)[:0:-1])) % 360 for look in looks]
    assert max(hues) - min(hues) < 3  # rounding to 8 bits, and chroma that is made to fit
    assert looks[0].colour == looks[1].colour == looks[2].colour == colour("dpo")


def test_controls_are_grey_and_dotted_and_the_reference_is_the_same_grey_everywhere() -> None:
    made = (*rows(), *settings("reference"))
    looks = {item.key: Palette(made).look(item) for item in made}
    assert looks["oracle(beta=0.1)"].colour == looks["dpo(beta=0.6)"].colour == looks["reference"].colour == GREY
    assert looks["dpo(beta=0.6)"].dash == "dot" and looks["kldpo(beta=0.1,tau=1)"].dash == "solid"
    assert looks["dpo(beta=1)"].dash == "dash" and looks["reference"].symbol == "x"
    assert not any(style(name).shape == "x" for name in (*STYLES, *PLUGINS) if name != "reference")
    alone = replace(made[-1], role="baseline")
    assert Palette([alone]).look(alone).colour == GREY


def test_every_symbol_can_be_drawn_in_the_table() -> None:
    looks = [Look("#000000", "solid", symbol) for symbol in SYMBOLS]
    assert {look.path for look in looks} == set(MARKERS.values())
    assert len({(look.path, look.filled, look.dotted) for look in looks}) == len(SYMBOLS)
