"""The page of one row: figures of its training and of its log-probabilities, and its checkpoints as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmark.report import Row
from leaderboard.figures import Figure, Trace, in_words, plain
from leaderboard.palette import Look
from leaderboard.panels.base import PanelTable, TableCell
from leaderboard.tables import finite, number

# Lines of one figure share the row's colour, so they differ by dash and marker.
STROKES = (("solid", "circle"), ("dash", "square-open"), ("dot", "diamond"), ("dashdot", "triangle-up-open"))
LOG_RATIOS = {"margin": "margin", "chosen_log_ratio": "chosen", "rejected_log_ratio": "rejected"}
CHANGES = {
    "logp_chosen": "chosen",
    "logp_rejected": "rejected",
    "logp_unseen": "unseen",
    "logp_heldout": "held out",
}
CHECKPOINT = {  # what the table of checkpoints shows: name, head, decimals
    "gradient_ratio": ("log10 ratio of gradients", 2),
    "entropy": ("entropy, nats per token", 2),
    "eos_rate": ("EOS rate", 2),
    "distinct_2": ("distinct-2", 2),
    "longest_repeat": ("longest repeat, words", 1),
    "length": ("length", 1),
}


@dataclass(frozen=True)
class CellView:
    """What the page of a row shows beside its words."""

    figures: list[Figure] = field(default_factory=list)
    checkpoints: PanelTable | None = None


def cell_view(row: Row, look: Look) -> CellView:
    """Figures and table of `row`; what was not recorded is left out."""
    figures = [*_training(row, look), _log_probabilities(row, look)]
    return CellView([figure for figure in figures if figure], _checkpoints(row))


def _training(row: Row, look: Look) -> list[Figure]:
    """One figure per quantity that training recorded, the two log-ratios and their difference in one."""
    curve = row.training
    if curve is None:
        return []
    seeds = f"Mean over {row.seeds_done} seeds." if row.seeds_done > 1 else "One seed."
    wanted = (
        ("objective", "Objective", "What the optimiser minimises.", "objective", {"objective": "objective"}),
        ("loss", "Loss of a pair", "Mean of what the pairs of a batch cost.", "nats", {"loss": "loss"}),
        (
            "accuracy",
            "Accuracy",
            "Share of training pairs that the policy orders as labelled.",
            "share",
            {"accuracy": ""},
        ),
        (
            "log-ratios",
            "Log-ratios",
            "Change of log-probability against the reference on training pairs; margin is chosen minus rejected.",
            "nats per completion",
            LOG_RATIOS,
        ),
    )
    return [
        _figure(f"cell-{id_}", title, f"{how} {seeds}", unit, _known(curve.steps, curve.values, names), look)
        for id_, title, how, unit, names in wanted
        if any(name in curve.values for name in names)
    ]


Lines = dict[str, tuple[Sequence[int], Sequence[float | None]]]


def _known(steps: Sequence[int], values: dict[str, tuple[float, ...]], names: dict[str, str]) -> Lines:
    return {label or name: (steps, values[name]) for name, label in names.items() if name in values}


def _log_probabilities(row: Row, look: Look) -> Figure | None:
    points = row.diagnostics
    lines: Lines = {
        label: ([point.step for point in points], [point.values.get(name) for point in points])
        for name, label in CHANGES.items()
        if any(point.values.get(name) is not None for point in points)
    }
    how = (
        "Mean change of log-probability against the reference. Chosen and rejected: training pairs; unseen: fresh "
        "samples of the reference on training prompts; held out: on test prompts."
    )
    return _figure("cell-logp", "Log-probabilities", how, "nats per completion", lines, look) if lines else None


def _figure(id_: str, title: str, how: str, unit: str, lines: Lines, look: Look) -> Figure:
    ends = [f"{label} ends at {number(values[-1], 3)}" for label, (_, values) in lines.items() if values]
    return Figure(
        id_,
        title,
        how,
        in_words(ends),
        280,
        ("line", "step", unit),
        [_line(label, *line, look, index) for index, (label, line) in enumerate(lines.items())],
        {
            "xaxis": {"title": {"text": "step"}, "zeroline": False},
            "yaxis": {"title": {"text": unit}},
            "hovermode": "closest",
            "showlegend": len(lines) > 1,
        },
    )


def _line(label: str, steps: Sequence[int], values: Sequence[float | None], look: Look, index: int) -> Trace:
    dash, symbol = STROKES[index % len(STROKES)]
    many = len(steps) > 20
    return {
        "type": "scatter",
        "mode": "lines" if many else "lines+markers",
        "meta": {"row": label},
        "name": plain(label),
        "x": list(steps),
        "y": _drawn(values),
        "hovertemplate": "step %{x}: %{y:.4g}",
        "line": {"color": look.colour, "dash": dash, "width": 2},
        "marker": {"symbol": symbol, "size": 7},
    }


def _drawn(values: Sequence[float | None]) -> list[float | None]:
    """Values with the three digits in which they differ: as fine as a figure shows them."""
    known = [value for value in map(finite, values) if value is not None]
    span = max(known, default=0.0) - min(known, default=0.0)
    decimals = 2 - math.floor(math.log10(span)) if span > 0 else 6
    return [None if value is None else round(value, decimals) for value in map(finite, values)]


def _checkpoints(row: Row) -> PanelTable | None:
    """One line per checkpoint, of the diagnostics that are known at any."""
    if not row.diagnostics:
        return None
    known = [name for name in CHECKPOINT if any(point.values.get(name) is not None for point in row.diagnostics)]
    return PanelTable(
        "Checkpoints, means over seeds.",
        ("step", "KL, nats", *(CHECKPOINT[name][0] for name in known)),
        tuple(
            (
                TableCell(str(point.step), order=point.step),
                TableCell(number(point.kl, 2), order=point.kl),
                *(_number(point.values.get(name), CHECKPOINT[name][1]) for name in known),
            )
            for point in row.diagnostics
        ),
    )


def _number(value: float | None, decimals: int) -> TableCell:
    return TableCell(number(value, decimals), order=value, kind="missing" if value is None else "")
