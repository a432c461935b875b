"""How far each evaluation shift is from the training shift, and the reward of every row over that distance."""

from __future__ import annotations

from collections.abc import Callable

from benchmark.report.types import EvalShift, Group
from leaderboard.figures import Figure
from leaderboard.palette import Palette
from leaderboard.panels.base import Panel, PanelTable, TableCell
from leaderboard.panels.lines import line_figure, row_line
from leaderboard.panels.printing import amount, short
from leaderboard.tables import finite

CAPTION = (
    "Agreement: how often a noise-free label under this shift equals the label under the training shift. Target gap: "
    "how much more utility under this shift the chosen completion has than the rejected one. Agreement near 1, or a "
    "gap above 0, is no conflict. Correlation: of the two utilities over completions. Flip rate: how often two "
    "labels, one drawn under each shift, differ; of the training shift with itself, what label noise does. Label KL "
    "and label W1: mean distance of the two label distributions of a pair."
)
COLUMNS = (
    "Evaluation shift",
    "Agreement",
    "Target gap, utility",
    "Correlation",
    "Flip rate",
    "Label KL, nats",
    "Label W1",
)
LEAD = (
    "Shifts of different kinds on one axis: how far the labels that annotators would give under a shift are from the "
    "training labels, measured on reference completions."
)


def distance(group: Group, palette: Palette) -> Panel | None:
    """Reward over two measured distances, and the table of all of them; None where no shift has a distance."""
    if not any(_measured(shift) for shift in group.eval_shifts):
        return None
    made = (
        _figure(
            group,
            palette,
            "distance-w1",
            "Reward over the distance of labels",
            "label W1 from the training shift",
            lambda shift: shift.label_w1,
            "0 is the training shift. A line folds there where shifts on both sides of it are equally far.",
        ),
        _figure(
            group,
            palette,
            "distance-flips",
            "Reward over the flip rate",
            "flip rate of drawn labels",
            lambda shift: shift.flip_rate,
            "Label noise alone flips labels: the training shift (dotted upright line) need not stand at 0.",
        ),
    )
    figures = tuple(figure for figure in made if figure)
    return Panel(
        "distance", "How far each shift is, and what is left there", LEAD + _farthest(group), figures, (_table(group),)
    )


def _measured(shift: EvalShift) -> bool:
    numbers = (shift.agreement, shift.target_gap, shift.correlation, shift.flip_rate, shift.label_kl, shift.label_w1)
    return any(finite(number) is not None for number in numbers)


def _figure(
    group: Group, palette: Palette, id_: str, title: str, x: str, far: Callable[[EvalShift], float | None], how: str
) -> Figure | None:
    """Gated reward of every row at the shifts whose distance is known; None where there are none.

    Lines follow the axis of the shifts, such as the alpha of a mixture, where they have one; else nearest comes first.
    """
    places = [place for place, shift in enumerate(group.eval_shifts) if finite(far(shift)) is not None]
    if any(shift.position is None for shift in group.eval_shifts):
        places.sort(key=lambda place: far(group.eval_shifts[place]) or 0.0)
    curves = [(row, row.curve.gated) for row in group.rows if row.curve is not None]
    if not places or not curves:
        return None
    shifts = [group.eval_shifts[place] for place in places]
    lines = [
        row_line(
            row,
            palette,
            [far(shift) for shift in shifts],
            [gated[place] for place in places],
            "%{text}",
            [[shift.name] for shift in shifts],
            [shift.label for shift in shifts],
        )
        for row, gated in curves
    ]
    training = [far(shift) for shift in shifts if shift.is_training]
    return line_figure(
        id_,
        title,
        f"Every point is one evaluation shift; a robust row is flat, and high. {how}",
        lines,
        x,
        "gated reward",
        ("shift",),
        shapes=[_upright(place) for place in training],
    )


def _upright(place: float | None) -> dict[str, object]:
    line = {"dash": "dot", "width": 1}
    return {"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _table(group: Group) -> PanelTable:
    return PanelTable(CAPTION, COLUMNS, tuple(_row(shift) for shift in group.eval_shifts))


def _row(shift: EvalShift) -> tuple[TableCell, ...]:
    label = f"{shift.label} (training)" if shift.is_training else shift.label
    return (
        TableCell(label, note=shift.name),
        amount(shift.agreement, 2, "no reference pairs"),
        amount(shift.target_gap, 3, "no reference pairs", signed=True),
        amount(shift.correlation, 2, "a utility is constant", signed=True),
        amount(shift.flip_rate, 3, shift.label_note),
        amount(shift.label_kl, 3, shift.label_note),
        amount(shift.label_w1, 3, shift.label_note),
    )


def _farthest(group: Group) -> str:
    """The shift whose labels are farthest from training, in words; nothing where no distance is known."""
    known = [(shift.label_w1, shift.label) for shift in group.eval_shifts if shift.label_w1 is not None]
    return f" The farthest is {max(known)[1]}, at {short(max(known)[0])} of label W1." if known else ""
