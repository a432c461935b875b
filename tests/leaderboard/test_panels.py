"""The panels of an arena: they show the report's numbers, row for row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.report import AdversarialCurve, DiagnosticPoint, Estimate, Variance
from leaderboard.palette import GREY, colour
from tests.leaderboard.panel_reports import RADII, far_shifts, filled, panel_arena
from tests.leaderboard.panel_views import DASH, FIRST, alone, column, figure, lines, of_arena
from tests.leaderboard.reports import collapse, rows


def test_selection_prints_every_method_and_rule_with_its_choice() -> None:
    panel = of_arena()["selection"]
    table, reasons = panel.tables
    assert len(table.rows) == 12 and column(table, "Method")[:4] == ["wdpo"] * 4
    nominal, _, _, oracle = table.rows[:4]
    assert [cell.text for cell in nominal] == [
        *("wdpo", "nominal", "WDPO rho=1, step 32", "0.60", "−0.060", "0.300", "0.700", "1.50", "15", "")
    ]
    assert column(table, "How it came about")[2] == "no policy within 2 nats in 4% of replicates, which are left out"
    assert (nominal[4].interval, nominal[4].kind, nominal[7].interval) == ("[−0.080, −0.040]", "below", "")
    assert nominal[1].note == "what nominal does"
    assert oracle[1].text == "oracle (ceiling)" and oracle[4].kind == "value"  # a ceiling clears nothing
    assert table.muted == (False, False, False, True) * 3
    assert [cell.text for cell in reasons.rows[0]] == [  # in words, with no share and no value of 0
        *("data_driven_radius", "wdpo, kldpo, ipo", "no setting of this method stands for a ball of known radius")
    ]


def test_selection_has_no_column_of_notes_where_there_are_none() -> None:
    quiet = tuple(replace(chosen, lacking=0.0) for chosen in panel_arena().selections)
    table = of_arena(panel_arena(selections=quiet))["selection"].tables[0]
    assert table.columns[-1] == "Candidates" and {len(cells) for cells in table.rows} == {len(table.columns)}


def test_selection_draws_rules_as_shapes_in_the_colour_of_the_method() -> None:
    (made,) = of_arena()["selection"].figures
    points = [trace for trace in made.data if "meta" in trace]
    assert [trace["name"] for trace in made.data if "meta" not in trace] == [
        *("nominal", "held_out_shifts", "matched_kl", "oracle")
    ]
    assert len(points) == 12  # three methods, four rules that choose
    first, last = points[0], points[-1]
    assert (first["x"], first["customdata"]) == ([-0.06], [[-0.08, -0.04, 3, "nominal", "wdpo(beta=0.1,rho=1)", 32]])
    assert first["error_x"]["array"] == pytest.approx([0.02]) and last["x"] == [0.04]
    assert first["marker"]["color"] == colour("wdpo") and points[3]["marker"]["color"] == GREY
    assert len({trace["marker"]["symbol"] for trace in points[:4]}) == 4


def test_distance_draws_the_curve_over_the_measured_distance() -> None:
    panel = of_arena()["distance"]
    first = lines(figure(panel, "distance-w1"))[FIRST]
    assert first["x"][:3] == [0.05, 0.0, 0.05]  # alpha = 0, 0.1 (training), 0.2: in the order of the sweep
    assert first["y"][0] == 0.55 and first["y"][-1] == 0.48 and first["text"][:2] == ["alpha=0", "alpha=0.1"]
    assert first["customdata"][0] == [0.52, 0.58, 1800, "alpha_mixture(a=joy,b=sadness,alpha=0.0)"]
    flips = figure(panel, "distance-flips")
    assert lines(flips)[FIRST]["x"][1] == 0.3 and flips.layout["shapes"][0]["x0"] == 0.3
    assert panel.gist.startswith("The farthest is alpha=1, at 0.45 of label W1: how much the probability")


def test_shifts_without_an_axis_are_drawn_nearest_first() -> None:
    shifts = (*far_shifts()[:-1], replace(far_shifts()[-1], position=None))  # one without a place is enough
    first = lines(figure(of_arena(panel_arena(eval_shifts=shifts))["distance"], "distance-w1"))[FIRST]
    assert first["x"] == sorted(first["x"]) and first["y"][0] == pytest.approx(0.543)  # the training shift


def test_distance_prints_all_distances_with_the_reason_where_one_is_missing() -> None:
    (table,) = of_arena()["distance"].tables
    assert [cell.text for cell in table.rows[1]] == [
        *("alpha=0.1 (training)", "1.00", "+0.250", "+1.00", "0.300", "0.000", "0.000")
    ]
    assert [cell.text for cell in table.rows[3]] == [
        *("alpha=0.3", "0.88", "+0.150", "+0.64", "0.360", "0.040", "0.100")
    ]
    kl = table.rows[-1][5]
    assert (kl.text, kl.kind, kl.order) == (DASH, "missing", None) and kl.note.startswith("infinite")


def test_adversarial_has_a_figure_per_ball() -> None:
    panel = of_arena()["adversarial"]
    balls = ("prompts-kl", "prompts-chi-square", "prompts-tv", "objectives-tv")
    assert [figure.id for figure in panel.figures] == [f"adversarial-{ball}" for ball in balls]
    first = lines(panel.figures[0])[FIRST]
    assert first["x"] == list(RADII) and first["y"] == pytest.approx([0.55 - radius / 2 for radius in RADII])
    assert first["customdata"][0] == [0.52, 0.58, 3]


def test_adversarial_keeps_the_balls_apart() -> None:
    made = filled(rows()[0], 0)
    other = AdversarialCurve("objectives", "TV", (0.0, 1.0), (Estimate(0.5), Estimate(0.2)))
    panel = of_arena(alone(replace(made, adversarial=(made.adversarial[2], other))))["adversarial"]
    assert [lines(figure)[FIRST]["y"][-1] for figure in panel.figures] == pytest.approx([0.3, 0.2])


def test_three_d_draws_one_quantity_per_figure() -> None:
    panel = of_arena()["three-d"]
    assert [figure.title for figure in panel.figures[:4]] == ["Chosen", "Rejected", "Unseen", "Held out"]
    assert len(panel.figures) == 9
    rejected = lines(figure(panel, "three-d-logp-rejected"))[FIRST]
    assert (rejected["x"], rejected["y"]) == ([0, 32, 64, 96, 128], [0, -1, -4, -9, -16])
    assert lines(figure(panel, "three-d-logp-heldout"))[FIRST]["y"] == [0, -0.5, None, -1.5, -2]
    assert rejected["customdata"] == [[0], [1], [2], [3], [4]]  # KL


def test_three_d_leaves_out_what_no_row_knows() -> None:
    point = DiagnosticPoint(0, 0.0, {"entropy": 1.5, "distinct_2": None})
    panel = of_arena(alone(replace(filled(rows()[0], 0), diagnostics=(point,), collapse=None)))["three-d"]
    assert [figure.title for figure in panel.figures] == ["Entropy"] and panel.tables == ()


def test_collapsed_rows_come_first_with_a_mark_and_are_named() -> None:
    panel = of_arena()["three-d"]
    (table,) = panel.tables
    assert column(table, "Row")[:2] == ["WDPO rho=1", "GroupDRO"]
    assert column(table, "Collapsed")[:2] == ["✕ yes", "✓ no"]
    assert table.rows[0][2].text.startswith("Collapsed in 1 of 3 seeds (seed 0): at the worst seed")
    assert "1 of 12 rows collapsed: WDPO rho=1." in panel.gist
    fine = alone(replace(filled(rows()[0], 0), collapse=collapse()))
    assert "none of 1 rows has collapsed" in of_arena(fine)["three-d"].gist


def test_over_optimisation_draws_learned_gold_and_what_lies_between() -> None:
    panel = of_arena()["over-optimisation"]
    learned, gold, gap = (lines(figure)[FIRST]["y"] for figure in panel.figures)
    assert learned == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.8])
    assert gold == pytest.approx([0.4, 0.47, 0.48, 0.43, 0.32])
    assert gap == pytest.approx([0, 0.03, 0.12, 0.27, 0.48])
    ranges = [figure.layout["yaxis"].get("range") for figure in panel.figures]
    assert ranges[0] == ranges[1] and ranges[0][0] < 0.32 and ranges[0][1] > 0.8 and ranges[2] is None
    assert lines(panel.figures[2])[FIRST]["customdata"][4] == [128, 0.8, 0.32]


def test_over_optimisation_without_a_gold_judge_is_left_out_and_a_missing_gold_is_a_gap() -> None:
    made = filled(rows()[0], 0)
    trajectory = tuple(replace(point, gold_nominal=None) for point in made.trajectory)
    assert "over-optimisation" not in of_arena(alone(replace(made, trajectory=trajectory)))
    panel = of_arena(alone(replace(made, trajectory=(*trajectory[:-1], made.trajectory[-1]))))["over-optimisation"]
    assert [lines(figure)[FIRST]["y"][0] for figure in panel.figures] == [0.4, None, None]


def test_cost_draws_time_memory_and_what_is_had_for_it() -> None:
    panel = of_arena()["cost"]
    ratio = lines(figure(panel, "cost-step-ratio-to-dpo"))["wdpo(beta=0.1,rho=1)"]
    assert ratio["x"] == [1.1] and ratio["customdata"] == [[1.05, 1.2, 3]] and "error_y" not in ratio
    assert ratio["error_x"]["array"] == pytest.approx([0.1]) and ratio["error_x"]["arrayminus"] == pytest.approx([0.05])
    assert figure(panel, "cost-step-ratio-to-dpo").layout["shapes"][0]["x0"] == 1
    memory = lines(figure(panel, "cost-peak-memory-mb"))["wdpo(beta=0.1,rho=1)"]
    assert memory["x"] == [1210] and "error_x" not in memory
    worth = lines(figure(panel, "cost-worth"))["wdpo(beta=0.1,rho=1)"]
    assert (worth["x"], worth["y"]) == ([1.1], [0.03]) and worth["error_y"]["array"] == pytest.approx([0.034])


def test_cost_leaves_out_rows_without_a_number() -> None:
    panel = of_arena()["cost"]
    shown = {figure.id: set(lines(figure)) for figure in panel.figures}
    assert "kldpo(beta=0.1,tau=1)" not in shown["cost-worth"]  # its programme is empty
    assert "kldpo(beta=0.1,tau=1)" in shown["cost-train-seconds"]
    assert "cvar(level=0.5)" not in shown["cost-train-seconds"]  # it failed


def test_variance_stacks_the_parts_that_add_up() -> None:
    panel = of_arena()["variance"]
    parts, shares = panel.figures
    assert [trace["name"] for trace in parts.data] == ["seed", "prompt", "seed x prompt"]  # not the reward model
    assert [trace["x"][1] for trace in parts.data] == pytest.approx([2e-4, 2e-4, 5e-5])
    assert parts.data[0]["customdata"][1] == ["wdpo(beta=0.1,rho=1)"]
    assert len({trace["marker"]["pattern"]["shape"] for trace in parts.data}) == 3
    assert shares.layout["barnorm"] == "percent" and "barnorm" not in parts.layout and shares.data == parts.data
    assert (
        panel.gist.startswith("GroupDRO over WDPO rho=1: +0.110 on 3 seeds, not settled")
        and "about 12 seeds" in panel.gist
    )


def test_variance_prints_a_dash_for_what_cannot_be_told_apart() -> None:
    (table,) = of_arena()["variance"].tables
    assert table.columns == ("Row", "seed", "prompt", "seed x prompt", "completion", "reward model", "Of this row")
    assert [cell.text for cell in table.rows[0]] == [
        *("GroupDRO", "1.0e−4", "2.0e−4", "5.0e−5", DASH, "3.0e−3", "under alpha=0, the worst shift of this row")
    ]
    shared = table.caption.partition("Of all rows: ")[2]
    assert shared.startswith("seed holds") and "one sample per prompt: seed x prompt holds" in shared


def test_variance_of_which_nothing_is_known_is_no_figure() -> None:
    unknown = Variance({"seed": None, "prompt": None})
    panel = of_arena(alone(replace(filled(rows()[0], 0), variance=unknown)))["variance"]
    assert panel.figures == () and [cell.text for cell in panel.tables[0].rows[0]] == ["GroupDRO", DASH, DASH, ""]
