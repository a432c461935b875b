"""Figures and looks, without a browser."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from benchmark.measure.report import Estimate
from leaderboard.figures import curve, forest, plain
from leaderboard.page import embed
from leaderboard.palette import COLOURS, GREY, MARKERS, SYMBOLS, Palette
from leaderboard.paths import ends, reward_kl, trajectory
from tests.leaderboard.reports import LONG, RTL, SCRIPT, group, row, rows


def test_one_colour_per_method_and_one_marker_per_row() -> None:
    palette = Palette(rows())
    looks = {item.key: palette.look(item) for item in rows()}
    assert looks["dpo(beta=0.1)"].colour == looks["dpo(beta=1)"].colour == COLOURS[0]
    assert looks["dpo(beta=0.1)"].symbol != looks["dpo(beta=1)"].symbol
    assert looks["kldpo(beta=0.1,tau=1)"].dash == "solid" and looks["dpo(beta=1)"].dash == "dash"
    assert looks["oracle(beta=0.1)"].colour == looks["dpo(beta=0.6)"].colour == GREY
    assert len({(look.colour, look.symbol) for look in looks.values()}) == len(looks)


def test_another_method_changes_no_pinned_colour() -> None:
    more = (*rows(), row("aaa", "AAA", Estimate(0.1), 0.5, 0.4, 1))
    for item in rows():
        if item.method in ("dpo", "kldpo", "wdpo"):
            assert Palette(rows()).look(item).colour == Palette(more).look(item).colour


def test_every_symbol_can_be_drawn_in_the_table() -> None:
    assert {symbol.removesuffix("-open") for symbol in SYMBOLS} == set(MARKERS)


def test_forest_keeps_the_order_draws_asymmetric_bars_and_sets_controls_apart() -> None:
    figure = forest(group(), Palette(rows()))
    points = {trace["meta"]["row"]: trace for trace in figure.data}
    assert points["group_dro(beta=0.1)"]["error_x"]["array"] == pytest.approx([0.175 - 0.141])
    assert points["group_dro(beta=0.1)"]["error_x"]["arrayminus"] == pytest.approx([0.141 - 0.111])
    assert "error_x" not in points["ipo(beta=0.1)"]  # one seed: no interval
    assert points["kldpo(beta=0.1,tau=1)"]["x"] == [None] and "No DPO" in figure.layout["annotations"][0]["text"]
    assert "cvar(level=0.5)" not in points
    places = [trace["y"][0] for trace in figure.data]
    gaps = [a - b for a, b in pairwise(places)]
    assert [round(gap, 1) for gap in gaps] == [1.0] * 9 + [1.6, 1.0]
    low, high = figure.layout["xaxis"]["range"]
    assert low < -0.09 and high > 0.307  # all bars are inside


def test_curve_has_a_band_a_line_and_a_mark_at_the_training_shift() -> None:
    made = group(made=rows()[:1])
    figure = curve(made, Palette(made.rows), gated=True)
    assert figure is not None
    band, line = figure.data
    assert line["x"] == [round(i / 10, 1) for i in range(11)] and line["y"][0] == 0.55 and line["y"][-1] == 0.48
    assert band["x"] == line["x"] + line["x"][::-1]
    assert band["y"][0] == pytest.approx(0.52) and band["y"][-1] == pytest.approx(0.58)
    assert [shape["x0"] for shape in figure.layout["shapes"]] == [0.1]
    assert "two numbers" in figure.how


def test_shifts_without_an_axis_stand_in_order_under_their_names() -> None:
    shifts = tuple(replace(shift, position=None) for shift in group().eval_shifts)
    made = group(eval_shifts=shifts)
    figure = curve(made, Palette(made.rows), gated=False)
    assert figure is not None and figure.layout["xaxis"]["tickvals"] == list(range(11))
    assert ends(made) == (1, 10)  # the training shift, and the shift that agrees least with it


def test_trajectory_spans_the_two_ends_with_dpo_behind() -> None:
    made = group(made=(rows()[0], rows()[5]))
    figure = trajectory(made, Palette(made.rows))
    assert figure is not None and [trace["meta"].get("row") for trace in figure.data] == [
        None,
        "group_dro(beta=0.1)",
        "dpo(beta=0.1)",
    ]
    last = {trace["meta"].get("row"): (trace["x"][-1], trace["y"][-1]) for trace in figure.data}
    assert last["group_dro(beta=0.1)"] == (0.55, 0.48)  # x: alpha = 0, y: alpha = 1
    assert last[None] == last["dpo(beta=0.1)"] == (0.77, 0.22)


def test_reward_kl_at_the_training_shift_and_at_the_farthest() -> None:
    made = group(made=(rows()[0],))
    near, far = (reward_kl(made, Palette(made.rows), where) for where in ("training", "farthest"))
    assert near is not None and far is not None
    assert near.data[0]["x"][-1] == far.data[0]["x"][-1] == 3.4
    assert near.data[0]["y"][-1] == pytest.approx(0.543) and far.data[0]["y"][-1] == pytest.approx(0.48)


def test_without_a_training_shift_there_is_no_picture_at_it() -> None:
    shifts = tuple(replace(shift, is_training=False) for shift in group().eval_shifts)
    made = group(eval_shifts=shifts)
    assert reward_kl(made, Palette(made.rows), "training") is None


def test_labels_of_figures_are_short_visible_and_no_markup() -> None:
    assert plain(SCRIPT) == "&lt;script&gt;alert('owned')&lt;/scrip…"
    assert "\u202e" not in plain(RTL) and len(plain(LONG)) == 30


def test_embedded_json_cannot_end_its_script() -> None:
    nasty = {"a": "</script><!--<script>&\u2028"}
    text = str(embed(nasty))
    assert not set("<>&\u2028") & set(text) and json.loads(text) == nasty
    with pytest.raises(ValueError):
        embed(float("nan"))
