"""The panel of lm-eval's tasks: what was asked for by row, all else by task, nothing where nothing was asked for."""

from __future__ import annotations

from dataclasses import replace

from benchmark.report import Absent, Arena, Estimate, Row, TaskScore, missing
from tests.leaderboard.panel_views import column, figure, of_arena
from tests.leaderboard.reports import arena, rows


def held(row: Row, accuracy: float) -> Row:
    """Held to two metrics of a task: the first stands for it."""
    value = Estimate(accuracy, accuracy - 0.02, accuracy + 0.02, 3)
    difference = Estimate(accuracy - 0.4, accuracy - 0.45, accuracy - 0.35, 3, against="reference")
    if row.key == "reference":
        difference = missing(Absent.IS_REFERENCE)
    first = TaskScore("ifeval", "prompt_acc", 541, True, value, difference)
    second = TaskScore("ifeval", "inst_acc", 541, False, replace(value, low=None, high=None), difference)
    return replace(row, tasks=(first, second), metrics={**row.metrics, "lm_eval": value})


def on_tasks() -> Arena:
    """The reference at .4, the second row at .5, the third held to nothing, such as best-of-n."""
    reference = replace(rows()[0], key="reference", method="reference", label="reference")
    return arena(made=(held(reference, 0.4), held(rows()[1], 0.5), rows()[2]))


def test_what_was_asked_for_stands_in_a_line_per_row_with_its_difference() -> None:
    panel = of_arena(on_tasks())["tasks"]
    scores, differences = panel.tables
    head = "ifeval, prompt_acc (541 questions)"
    assert scores.columns == differences.columns == ("Row", head)
    assert column(scores, head) == ["0.400", "0.500"] and scores.rows[1][1].interval == "[0.480, 0.520]"
    assert column(differences, head) == ["is the reference", "+0.100"]
    assert differences.rows[1][1].kind == "clears" and differences.rows[0][1].note  # it says why there is none


def test_other_metrics_are_folded_in_a_line_per_task() -> None:
    panel = of_arena(on_tasks())["tasks"]
    assert panel.second_title == "All other metrics: 1"
    (line,) = panel.second[0].rows
    assert [cell.text for cell in line] == ["ifeval", "inst_acc", "541", "0.400", "0.500"]
    assert line[3].interval == ""


def test_the_figure_draws_the_column() -> None:
    made = figure(of_arena(on_tasks())["tasks"], "tasks-mean")
    assert [trace["x"] for trace in made.data] == [[0.4], [0.5]]


def test_without_tasks_there_is_no_panel() -> None:
    assert "tasks" not in of_arena(arena())
