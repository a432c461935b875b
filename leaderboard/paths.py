"""Figures of how methods travel while they train: every method's checkpoints, with DPO's paths as a band behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmark.report.types import Group, PathPoint, Row
from leaderboard.figures import Figure, Trace, compact, plain, told
from leaderboard.palette import COLOURS, PINNED, Palette
from leaderboard.tables import number

Coordinate = Callable[[PathPoint], float]
BAND = "The pale band behind is where DPO passes, over all its betas."


def ends(group: Group) -> tuple[int, int] | None:
    """The two evaluation shifts that span the plane: the two ends of the axis, or, where there is none, the training
    shift and the shift that agrees least with it. None where there are no two such shifts."""
    shifts = group.eval_shifts
    if len(shifts) < 2:
        return None
    positions = [shift.position for shift in shifts if shift.position is not None]
    if len(positions) == len(shifts):
        return positions.index(min(positions)), positions.index(max(positions))
    training, farthest = _training(group), _farthest(group)
    return None if training is None or training == farthest else (training, farthest)


def _training(group: Group) -> int | None:
    """The evaluation shift that is the training shift, None where none is."""
    return next((i for i, shift in enumerate(group.eval_shifts) if shift.is_training), None)


def _farthest(group: Group) -> int:
    """The evaluation shift whose labels agree least with the training shift's; the last where none is known."""
    known = [(shift.agreement, i) for i, shift in enumerate(group.eval_shifts) if shift.agreement is not None]
    return min(known)[1] if known else len(group.eval_shifts) - 1


def trajectory(group: Group, palette: Palette) -> Figure | None:
    """Paths in the plane of the rewards at the two ends of the shift; None where there are no paths or no plane."""
    plane = ends(group)
    if plane is None or not any(row.path for row in group.rows):
        return None
    low, high = plane
    x, y = (plain(group.eval_shifts[i].label) for i in plane)
    return Figure(
        "trajectory",
        "Trajectory in the plane of two rewards",
        "Every line is one method from its first checkpoint to its last (large mark). Up and right is better for both "
        f"ends of the shift; a path that leaves the band upwards gives what DPO cannot. {BAND}",
        _path_words(group, lambda p: p.rewards[low], lambda p: p.rewards[high], x, y),
        420,
        (
            "row",
            f"reward at shift {group.eval_shifts[low].label}",
            f"reward at shift {group.eval_shifts[high].label}",
            "step",
            "KL",
            "quality",
        ),
        _paths(group, palette, lambda p: p.rewards[low], lambda p: p.rewards[high]),
        _plane(f"reward at shift {x}", f"reward at shift {y}"),
    )


def reward_kl(group: Group, palette: Palette, where: str) -> Figure | None:
    """Gated reward against KL; `where` is "training" or "farthest". None where there are no paths, or where the two
    would be the same shift."""
    if not group.eval_shifts or not any(row.path for row in group.rows):
        return None
    training, farthest = _training(group), _farthest(group)
    index = training if where == "training" else farthest
    if index is None or (where == "farthest" and farthest == training):
        return None
    label = group.eval_shifts[index].label
    return Figure(
        f"reward-kl-{where}",
        f"Reward against KL at shift {label}" + (" (training)" if where == "training" else ""),
        "Left is close to the reference; up is more reward. Two methods at the same point are the same trade, however "
        f"they are called. {BAND}",
        _path_words(group, lambda p: p.kl, lambda p: p.rewards[index], "KL", "reward"),
        420,
        ("row", "KL", f"reward at shift {label}", "step", "KL again", "quality"),
        _paths(group, palette, lambda p: p.kl, lambda p: p.rewards[index]),
        _plane("KL to the reference, nats", f"gated reward at shift {plain(label)}"),
    )


def _plane(x: str, y: str) -> dict[str, Any]:
    return {
        "xaxis": {"title": {"text": x}, "zeroline": False},
        "yaxis": {"title": {"text": y}, "zeroline": False},
        "hovermode": "closest",
    }


def _paths(group: Group, palette: Palette, x: Coordinate, y: Coordinate) -> list[Trace]:
    rows = [row for row in group.rows if row.path]
    behind = [_band(row, x, y) for row in rows if row.method == "dpo" and not row.role.endswith("control")]
    return behind + [_path(row, palette, x, y) for row in rows]


def _band(row: Row, x: Coordinate, y: Coordinate) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "hoverinfo": "skip",
        "meta": {"behind": True},
        "x": [compact(x(point)) for point in row.path],
        "y": [compact(y(point)) for point in row.path],
        "opacity": 0.16,
        "line": {"color": COLOURS[PINNED["dpo"]], "width": 22, "shape": "spline"},
    }


def _path(row: Row, palette: Palette, x: Coordinate, y: Coordinate) -> Trace:
    look = palette.look(row)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "meta": {"row": row.key},
        "name": plain(row.label),
        "x": [compact(x(point)) for point in row.path],
        "y": [compact(y(point)) for point in row.path],
        "customdata": [[point.step, compact(point.kl), compact(point.quality)] for point in row.path],
        "hovertemplate": "%{x:.3f}, %{y:.3f}<br>step %{customdata[0]}, KL %{customdata[1]}, quality %{customdata[2]}",
        "line": {"color": look.colour, "dash": look.dash, "width": 1.5},
        "marker": {"symbol": look.symbol, "size": [5] * (len(row.path) - 1) + [11]},
    }


def _path_words(group: Group, x: Coordinate, y: Coordinate, x_name: str, y_name: str) -> str:
    texts = [
        f"{row.label} ends at {x_name} {number(x(row.path[-1]), 2)}, {y_name} {number(y(row.path[-1]), 2)}"
        for row in group.rows
        if row.path
    ]
    return told(texts)
