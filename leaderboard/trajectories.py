"""Figures of how methods travel while they train: every method's checkpoints, with a band behind where DPO passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmark.report import Arena, Row, TrajectoryPoint
from leaderboard.figures import Figure, Trace, compact, in_words, plain
from leaderboard.palette import Palette, colour
from leaderboard.tables import finite, number

Coordinate = Callable[[TrajectoryPoint], float]
BAND = "The pale band behind is where DPO passes, over all its betas."


def ends(arena: Arena) -> tuple[int, int] | None:
    """The two evaluation shifts that span the plane: the two ends of the axis, or, where there is none, the training
    shift and the shift that agrees least with it. None where there are no two such shifts."""
    shifts = arena.eval_shifts
    if len(shifts) < 2:
        return None
    positions = [shift.position for shift in shifts if shift.position is not None]
    if len(positions) == len(shifts):
        return positions.index(min(positions)), positions.index(max(positions))
    training, farthest = _training(arena), _farthest(arena)
    return None if training is None or training == farthest else (training, farthest)


def _training(arena: Arena) -> int | None:
    """The evaluation shift that is the training shift, None where none is."""
    return next((i for i, shift in enumerate(arena.eval_shifts) if shift.is_training), None)


def _farthest(arena: Arena) -> int:
    """The evaluation shift whose labels agree least with the training shift's; the last where none is known."""
    known = [(shift.agreement, i) for i, shift in enumerate(arena.eval_shifts) if shift.agreement is not None]
    return min(known)[1] if known else len(arena.eval_shifts) - 1


def plane_figure(arena: Arena, palette: Palette) -> Figure | None:
    """Trajectories in the plane of the gated utilities at the two ends of the shift; None where there is no trajectory
    or no plane."""
    plane = ends(arena)
    if plane is None or not any(row.trajectory for row in arena.rows):
        return None
    low, high = plane
    x, y = (plain(arena.eval_shifts[i].label) for i in plane)
    return Figure(
        "trajectory",
        "Trajectory in the plane of two utilities",
        "Every line is one method from its first checkpoint to its last (large mark). Up and right is better for both "
        f"ends of the shift; a line that leaves the band upwards gives what DPO cannot. {BAND}",
        _ends_in_words(arena, lambda p: p.gated_utilities[low], lambda p: p.gated_utilities[high], x, y),
        420,
        (
            "row",
            f"gated utility at shift {arena.eval_shifts[low].label}",
            f"gated utility at shift {arena.eval_shifts[high].label}",
            "step",
            "KL",
            "quality",
        ),
        _lines(arena, palette, lambda p: p.gated_utilities[low], lambda p: p.gated_utilities[high]),
        _plane(f"gated utility at shift {x}", f"gated utility at shift {y}"),
    )


def utility_kl(arena: Arena, palette: Palette, where: str) -> Figure | None:
    """Gated utility against KL; `where` is "training" or "farthest". None where there is no trajectory, where no KL
    is known, or where the two would be the same shift."""
    if not arena.eval_shifts or all(finite(point.kl) is None for row in arena.rows for point in row.trajectory):
        return None
    training, farthest = _training(arena), _farthest(arena)
    index = training if where == "training" else farthest
    if index is None or (where == "farthest" and farthest == training):
        return None
    label = arena.eval_shifts[index].label
    return Figure(
        f"utility-kl-{where}",
        f"Utility against KL at shift {label}" + (" (training)" if where == "training" else ""),
        "Left is close to the reference; up is more utility. Two methods at the same point are the same trade, however "
        f"they are called. {BAND}",
        _ends_in_words(arena, lambda p: p.kl, lambda p: p.gated_utilities[index], "KL", "utility"),
        420,
        ("row", "KL", f"gated utility at shift {label}", "step", "KL again", "quality"),
        _lines(arena, palette, lambda p: p.kl, lambda p: p.gated_utilities[index]),
        _plane("KL to the reference, nats", f"gated utility at shift {plain(label)}"),
    )


def _plane(x: str, y: str) -> dict[str, Any]:
    return {
        "xaxis": {"title": {"text": x}, "zeroline": False},
        "yaxis": {"title": {"text": y}, "zeroline": False},
        "hovermode": "closest",
    }


def _lines(arena: Arena, palette: Palette, x: Coordinate, y: Coordinate) -> list[Trace]:
    rows = [row for row in arena.rows if row.trajectory]
    behind = [_band(row, x, y) for row in rows if row.method == "dpo" and not row.role.endswith("control")]
    return behind + [_line(row, palette, x, y) for row in rows]


def _band(row: Row, x: Coordinate, y: Coordinate) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "hoverinfo": "skip",
        "meta": {"behind": True},
        "x": [compact(x(point)) for point in row.trajectory],
        "y": [compact(y(point)) for point in row.trajectory],
        "opacity": 0.16,
        "line": {"color": colour("dpo"), "width": 22, "shape": "spline"},
    }


def _line(row: Row, palette: Palette, x: Coordinate, y: Coordinate) -> Trace:
    look = palette.look(row)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "meta": {"row": row.key},
        "name": plain(row.label),
        "x": [compact(x(point)) for point in row.trajectory],
        "y": [compact(y(point)) for point in row.trajectory],
        "customdata": [[point.step, compact(point.kl), compact(point.quality)] for point in row.trajectory],
        "hovertemplate": "%{x:.3f}, %{y:.3f}<br>step %{customdata[0]}, KL %{customdata[1]}, quality %{customdata[2]}",
        "line": {"color": look.colour, "dash": look.dash, "width": 1.5},
        "marker": {"symbol": look.symbol, "size": [5] * (len(row.trajectory) - 1) + [11]},
    }


def _ends_in_words(arena: Arena, x: Coordinate, y: Coordinate, x_name: str, y_name: str) -> str:
    texts = [
        f"{row.label} ends at {x_name} {number(x(row.trajectory[-1]), 2)}, {y_name} {number(y(row.trajectory[-1]), 2)}"
        for row in arena.rows
        if row.trajectory
    ]
    return in_words(texts)
