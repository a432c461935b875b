"""Figures, without a browser."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.cells import cell_view
from leaderboard.figures import compact, curve, in_words, plain
from leaderboard.palette import Palette
from leaderboard.trajectories import ends, plane_figure, utility_kl
from tests.leaderboard.reports import LONG, RTL, SCRIPT, arena, rows


def test_curve_has_bounds_a_line_and_a_mark_at_the_training_shift() -> None:
    made = arena(made=rows()[:1])
    figure = curve(made, Palette(made.rows), gated=True)
    assert figure is not None
    (line,) = figure.data
    assert line["x"] == [round(i / 10, 1) for i in range(11)] and line["y"][0] == 0.55 and line["y"][-1] == 0.48
    assert line["meta"]["bounds"] is True and line["customdata"][0] == [0.52, 0.58, 1800]
    assert [shape["x0"] for shape in figure.layout["shapes"]] == [0.1]
    assert "two numbers" in figure.how


def test_bands_of_many_rows_wait_until_a_row_is_brought_out() -> None:
    figure = curve(arena(), Palette(rows()), gated=True)
    assert figure is not None and not any(line["meta"]["bounds"] for line in figure.data)


def test_shifts_without_an_axis_stand_in_order_under_their_names() -> None:
    shifts = tuple(replace(shift, position=None) for shift in arena().eval_shifts)
    made = arena(eval_shifts=shifts)
    figure = curve(made, Palette(made.rows), gated=False)
    assert figure is not None and figure.layout["xaxis"]["tickvals"] == list(range(11))
    assert ends(made) == (1, 10)  # the training shift, and the shift that agrees least with it


def test_trajectory_spans_the_two_ends_with_dpo_behind() -> None:
    made = arena(made=(rows()[0], rows()[5]))
    figure = plane_figure(made, Palette(made.rows))
    assert figure is not None and [trace["meta"].get("row") for trace in figure.data] == [
        None,
        "group_dro(beta=0.1)",
        "dpo(beta=0.1)",
    ]
    last = {trace["meta"].get("row"): (trace["x"][-1], trace["y"][-1]) for trace in figure.data}
    assert last["group_dro(beta=0.1)"] == (0.55, 0.48)  # x: alpha = 0, y: alpha = 1
    assert last[None] == last["dpo(beta=0.1)"] == (0.77, 0.22)


def test_utility_kl_at_the_training_shift_and_at_the_farthest() -> None:
    made = arena(made=(rows()[0],))
    near, far = (utility_kl(made, Palette(made.rows), where) for where in ("training", "farthest"))
    assert near is not None and far is not None
    assert near.data[0]["x"][-1] == far.data[0]["x"][-1] == 3.4
    assert near.data[0]["y"][-1] == pytest.approx(0.543) and far.data[0]["y"][-1] == pytest.approx(0.48)


def test_without_a_training_shift_there_is_no_picture_at_it() -> None:
    shifts = tuple(replace(shift, is_training=False) for shift in arena().eval_shifts)
    made = arena(eval_shifts=shifts)
    assert utility_kl(made, Palette(made.rows), "training") is None


def test_labels_of_figures_are_short_visible_and_no_markup() -> None:
    assert plain(SCRIPT) == "&lt;script&gt;alert('owned')&lt;/scrip…"
    assert "\u202e" not in plain(RTL) and len(plain(LONG)) == 30


def test_numbers_of_figures_have_three_digits_or_are_whole() -> None:
    assert [compact(x) for x in (0.12345, -12.345, 1234.5, 0.0, None, float("nan"))] == [
        0.123,
        -12.3,
        1234,
        0.0,
        None,
        None,
    ]


def test_the_words_of_a_figure_stop_after_fifteen_rows_and_say_so() -> None:
    assert in_words(["a", "b"]) == "a; b."
    assert in_words([str(i) for i in range(20)]).endswith("14; 5 more in the data.")


def test_the_figures_of_a_row_hold_what_was_recorded() -> None:
    item = rows()[0]
    view = cell_view(item, Palette(rows()).look(item))
    figures = {figure.id: figure for figure in view.figures}
    assert list(figures) == ["cell-loss", "cell-accuracy", "cell-log-ratios", "cell-logp"]
    margin, chosen, rejected = figures["cell-log-ratios"].data
    assert [line["meta"]["row"] for line in (margin, chosen, rejected)] == ["margin", "chosen", "rejected"]
    assert margin["x"][-1] == 128 and margin["y"][-1] == pytest.approx(6.4) and chosen["y"][-1] == pytest.approx(-2.56)
    assert len({(line["line"]["dash"], line["marker"]["symbol"]) for line in (margin, chosen, rejected)}) == 3
    assert figures["cell-logp"].data[2]["y"] == [None, -1.6, -3.2]  # unseen is not known at step 0


def test_the_checkpoints_of_a_row_leave_out_what_is_never_known() -> None:
    item = rows()[0]
    table = cell_view(item, Palette(rows()).look(item)).checkpoints
    assert table is not None
    assert table.columns == ("step", "KL, nats", "log10 ratio of gradients", "entropy, nats per token", "EOS rate")
    assert [cell.text for cell in table.rows[-1]] == ["128", "4.27", "5.12", "0.72", "0.98"]


def test_a_row_without_records_has_no_figures() -> None:
    item = rows()[9]
    view = cell_view(item, Palette(rows()).look(item))
    assert item.status == "failed" and view.figures == [] and view.checkpoints is None
