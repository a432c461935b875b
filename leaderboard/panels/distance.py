"""How far each evaluation shift is from the training shift, and the utility of every row over that distance."""

from __future__ import annotations

from collections.abc import Callable

from benchmark.report import Arena, EvalShift, words
from leaderboard.figures import Figure
from leaderboard.palette import Palette
from leaderboard.panels.base import Panel, PanelTable, TableCell
from leaderboard.panels.lines import line_figure, row_line
from leaderboard.panels.printing import amount, short
from leaderboard.tables import finite

LABEL_W1 = "how much the probability that one completion of a pair is preferred to the other changes, on average"
CAPTION = (
    "Agreement: how often a noise-free label under this shift equals the label under the training shift. Target gap: "
    "how much more utility under this shift the chosen completion has than the rejected one. Agreement near 1, or a "
    "gap above 0, is no conflict. Correlation: of the two utilities over completions. Flip rate: how often two "
    "labels, one drawn under each shift, differ; of the training shift with itself, what label noise does. Label W1: "
    f"{LABEL_W1}. Label KL: the same change as a divergence, in nats."
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


def distance(arena: Arena, palette: Palette) -> Panel | None:
    """Utility over two measured distances, and the table of all of them; None where no shift has a distance."""
    if not any(_measured(shift) for shift in arena.eval_shifts):
        return None
    made = (
        _figure(
            arena,
            palette,
            "distance-w1",
            "Utility over the distance of labels",
            "label W1 from the training shift",
            lambda shift: shift.label_w1,
            "0 is the training shift. A line folds there where shifts on both sides of it are equally far.",
        ),
        _figure(
            arena,
            palette,
            "distance-flips",
            "Utility over the flip rate",
            "flip rate of drawn labels",
            lambda shift: shift.flip_rate,
            "Label noise alone flips labels: the training shift (dotted upright line) need not stand at 0.",
        ),
    )
    figures = tuple(figure for figure in made if figure)
    title = "How far each shift is, and what is left there"
    return Panel("distance", title, LEAD, figures, (_table(arena),), gist=_farthest(arena))


def _measured(shift: EvalShift) -> bool:
    numbers = (shift.agreement, shift.target_gap, shift.correlation, shift.flip_rate, shift.label_kl, shift.label_w1)
    return any(finite(number) is not None for number in numbers)


def _figure(
    arena: Arena, palette: Palette, id_: str, title: str, x: str, far: Callable[[EvalShift], float | None], how: str
) -> Figure | None:
    """Gated utility of every row at the shifts whose distance is known; None where there are none.

    Lines follow the axis of the shifts, such as the alpha of a mixture, where they have one; else nearest comes first.
    """
    columns = [column for column, shift in enumerate(arena.eval_shifts) if finite(far(shift)) is not None]
    if any(shift.position is None for shift in arena.eval_shifts):
        columns.sort(key=lambda column: far(arena.eval_shifts[column]) or 0.0)
    curves = [(row, row.curve.gated) for row in arena.rows if row.curve is not None]
    if not columns or not curves:
        return None
    shifts = [arena.eval_shifts[column] for column in columns]
    lines = [
        row_line(
            row,
            palette,
            [far(shift) for shift in shifts],
            [gated[column] for column in columns],
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
        "gated utility",
        ("shift",),
        shapes=[_upright(x) for x in training],
    )


def _upright(x: float | None) -> dict[str, object]:
    line = {"dash": "dot", "width": 1}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _table(arena: Arena) -> PanelTable:
    return PanelTable(CAPTION, COLUMNS, tuple(_row(shift) for shift in arena.eval_shifts))


def _row(shift: EvalShift) -> tuple[TableCell, ...]:
    label = f"{shift.label} (training)" if shift.is_training else shift.label
    return (
        TableCell(label, note=shift.name),
        amount(shift.agreement, 2, "no reference pairs"),
        amount(shift.target_gap, 3, "no reference pairs", signed=True),
        amount(shift.correlation, 2, "a utility is constant", signed=True),
        amount(shift.flip_rate, 3, words.label_absence(shift)),
        amount(shift.label_kl, 3, words.label_absence(shift)),
        amount(shift.label_w1, 3, words.label_absence(shift)),
    )


def _farthest(arena: Arena) -> str:
    """The shift whose labels are farthest from training, in words; nothing where no distance is known."""
    known = [(shift.label_w1, shift.label) for shift in arena.eval_shifts if shift.label_w1 is not None]
    if not known:
        return ""
    return f"The farthest is {max(known)[1]}, at {short(max(known)[0])} of label W1: {LABEL_W1}."
