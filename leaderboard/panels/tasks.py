"""What the policies score on lm-eval's tasks, beside what they were trained for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmark.report import Absent, Arena, Estimate, Row, TaskScore, missing
from leaderboard.palette import Palette
from leaderboard.panels.base import Panel, PanelTable, TableCell
from leaderboard.panels.dots import dot_figure
from leaderboard.panels.printing import estimated, text_cell

LEAD = (
    "Scores of the last checkpoints on the tasks of lm-evaluation-harness that were asked for, by their first metrics. "
    "Intervals of scores hold the spread of seeds and of questions; differences to the reference are paired by seed on "
    "the same questions, so their intervals hold seeds alone."
)
HOW = "Mean over the tasks that were asked for, where more is better; bars are 95% intervals over seeds and questions."
SCORES, DIFFERENCES = "Scores", "Score minus that of the reference"
NOT_HELD = missing(Absent.NOT_RECORDED)


def tasks(arena: Arena, palette: Palette) -> Panel | None:
    """Scores and differences of what was asked for, every other task folded; None where no row was held to tasks."""
    rows = [row for row in arena.rows if row.tasks]
    if not rows:
        return None
    asked, others = (_names(rows, wanted) for wanted in (True, False))
    figure = dot_figure("tasks-mean", "Mean over tasks", HOW, rows, "lm_eval", "mean score", palette)
    return Panel(
        "tasks",
        "What it does elsewhere: lm-eval",
        LEAD,
        figures=(figure,) if figure else (),
        tables=(_by_row(SCORES, rows, asked, _value), _by_row(DIFFERENCES, rows, asked, _difference)) if asked else (),
        second=(_by_task(SCORES, rows, others, _value), _by_task(DIFFERENCES, rows, others, _difference))
        if others
        else (),
        second_title=f"All other metrics: {len(others)}" if others else "",
    )


Name = tuple[str, str, int]  # task, metric, questions


def _names(rows: Sequence[Row], asked: bool) -> list[Name]:
    """Tasks and metrics in lm-eval's order."""
    scores = (score for row in rows for score in row.tasks if score.asked == asked)
    return list(dict.fromkeys((score.task, score.metric, score.questions) for score in scores))


def _value(score: TaskScore) -> Estimate:
    return score.value


def _difference(score: TaskScore) -> Estimate:
    return score.difference


Of = Callable[[TaskScore], Estimate]


def _by_row(caption: str, rows: Sequence[Row], names: Sequence[Name], of: Of) -> PanelTable:
    """One line per row of the arena, one column per task."""
    heads = tuple(f"{task}, {metric} ({questions:,} questions)" for task, metric, questions in names)
    lines = tuple((text_cell(row.label, row.key), *(_cell(row, name, of) for name in names)) for row in rows)
    return PanelTable(caption, ("Row", *heads), lines)


def _by_task(caption: str, rows: Sequence[Row], names: Sequence[Name], of: Of) -> PanelTable:
    """One line per task and metric, one column per row of the arena: there may be many."""
    lines = tuple(
        (
            text_cell(name[0]),
            text_cell(name[1]),
            TableCell(f"{name[2]:,}", order=name[2]),
            *(_cell(row, name, of) for row in rows),
        )
        for name in names
    )
    return PanelTable(caption, ("Task", "Metric", "Questions", *(row.label for row in rows)), lines)


def _cell(row: Row, name: Name, of: Of) -> TableCell:
    scores = {(score.task, score.metric, score.questions): of(score) for score in row.tasks}
    against = of is _difference
    return estimated(scores.get(name, NOT_HELD), 3, signed=against, against_zero=against)
