"""The page: what the templates print, and the data that its script reads."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmark.measure.columns import METRICS, Metric
from benchmark.measure.report import EvalShift, Group, Report, Row
from leaderboard.figures import Figure, curve, forest
from leaderboard.palette import Look, Palette
from leaderboard.paths import reward_kl, trajectory
from leaderboard.samples import samples
from leaderboard.tables import VIEWS, Cell, cell, notes, number, usual_n

HERE = Path(__file__).parent
FIRST_METRIC_COLUMN = 3  # after the row's name and its seeds; CSS counts columns from 1
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


@dataclass(frozen=True)
class RowView:
    """A row of the main table as the template prints it."""

    row: Row
    look: Look
    cells: list[Cell]
    n: int | None
    notes: list[tuple[str, str]]
    links: list[tuple[str, str | None]]
    starts_controls: bool


@dataclass(frozen=True)
class GroupView:
    """A group as the template prints it."""

    id: str
    group: Group
    rows: list[RowView]
    forest: Figure
    curves: list[Figure]
    paths: list[Figure]
    conflict: list[tuple[EvalShift, str, str]]


def render(report: Report) -> str:
    """The whole page as HTML, self-contained."""
    palette = Palette(row for group in report.groups for row in group.rows)
    groups = [_group(f"g{index}", group, palette) for index, group in enumerate(report.groups)]
    return (
        _environment()
        .get_template("index.html")
        .render(
            report=report,
            groups=groups,
            metrics=METRICS,
            views=list(VIEWS),
            hidden=list(hidden_columns()),
            metric_json=embed([_definition(metric) for metric in METRICS]),
            data={view.id: embed(_data(view)) for view in groups},
            style=Markup((HERE / "templates" / "style.css").read_text("utf-8")),
            script=Markup((HERE / "templates" / "script.js").read_text("utf-8")),
            plotly=plotly_script(),
        )
    )


def hidden_columns() -> list[tuple[str, int]]:
    """(view, column counted from 1) for every column that a view hides."""
    return [
        (view, FIRST_METRIC_COLUMN + index)
        for view, shown in VIEWS.items()
        for index, metric in enumerate(METRICS)
        if not metric.headline and metric.name not in shown
    ]


def embed(data: Any) -> Markup:
    """JSON that is safe inside a script element: no character of it can end the element or open a comment."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def plotly_script() -> Markup:
    """Plotly's script, gzipped, in base64: 2 MB in place of 5, unpacked by the browser when a figure comes in view."""
    from plotly.offline import get_plotlyjs

    return Markup(base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode("ascii"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pretty"] = lambda value: json.dumps(value, ensure_ascii=False, default=str)
    return environment


def _group(id_: str, group: Group, palette: Palette) -> GroupView:
    curves = [curve(group, palette, gated) for gated in (True, False)]
    paths = [trajectory(group, palette), reward_kl(group, palette, "training"), reward_kl(group, palette, "farthest")]
    conflict = [
        (shift, number(shift.agreement, 2), number(shift.target_gap, 3, signed=True)) for shift in group.eval_shifts
    ]
    first = next((row.key for row in group.rows if row.role.endswith("control")), None)
    rows = [
        RowView(
            row,
            palette.look(row),
            [cell(row, metric) for metric in METRICS],
            usual_n(row),
            notes(row),
            _links(row.paper),
            row.key == first,
        )
        for row in group.rows
    ]
    return GroupView(
        id_,
        group,
        rows,
        forest(group, palette),
        [figure for figure in curves if figure],
        [figure for figure in paths if figure],
        conflict,
    )


def _links(paper: str) -> list[tuple[str, str | None]]:
    """A citation cut at its arXiv numbers: (text, address or None)."""
    parts: list[tuple[str, str | None]] = []
    end = 0
    for match in _ARXIV.finditer(paper):
        parts += [(paper[end : match.start()], None), (match[0], f"https://arxiv.org/abs/{match[1]}")]
        end = match.end()
    return [part for part in [*parts, (paper[end:], None)] if part[0]]


def _data(view: GroupView) -> dict[str, Any]:
    return {
        "name": f"{view.group.suite}/{view.group.train_shift}",
        "figures": {figure.id: figure.spec() for figure in [view.forest, *view.curves, *view.paths]},
        "objectives": view.group.objectives,
        "samples": samples(view.group),
    }


def _definition(metric: Metric) -> dict[str, Any]:
    return {
        "label": metric.label,
        "unit": metric.unit,
        "definition": metric.definition,
        "higher": metric.higher_is_better,
    }
