"""The page: one HTML file. The first arena stands in it as it is; everything else is packed and unpacked when it is
opened, so that the size of the page hardly depends on the number of arenas."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmark.report import Metric, Report, words
from benchmark.report.flat import leaderboard_rows
from leaderboard.export import export
from leaderboard.figures import Figure
from leaderboard.order import STATED
from leaderboard.packing import embed, pack, plotly_script
from leaderboard.palette import Palette
from leaderboard.panels import report_panels
from leaderboard.samples import samples
from leaderboard.tables import ALWAYS, COLUMNS, VIEWS
from leaderboard.views import ArenaView, arena_view

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("base", "figures", "table", "samples", "cell", "main")  # in this order, in one scope
DOWNLOADS = (("csv", "CSV", "csv"), ("latex", "LaTeX", "tex"), ("markdown", "Markdown", "md"))  # format, name, ending
DIGITS = 4  # significant, of a number in the page's CSV; leaderboard.csv has all
FIRST_COLUMN = 3  # after the row's name and its seeds; CSS counts columns from 1


def render(report: Report) -> str:
    """The whole page as HTML, self-contained."""
    palette = Palette(row for arena in report.arenas for row in arena.rows)
    arenas = [arena_view(f"g{index}", arena, palette) for index, arena in enumerate(report.arenas)]
    panels = report_panels(report, palette)
    return _template("index").render(
        report=report,
        arenas=arenas,
        panels=panels,
        settings=words.settings(report.settings),
        metrics=COLUMNS,
        hidden=list(hidden_columns()),
        column_json=embed([_definition(column) for column in COLUMNS]),
        data={view.id: pack(_data(report, view, first=view is arenas[0])) for view in arenas}
        | {"all": pack({"figures": _specs(figure for panel in panels for figure in panel.figures)})},
        style=Markup((TEMPLATES / "style.css").read_text("utf-8")),
        script=Markup("\n".join((TEMPLATES / "script" / f"{name}.js").read_text("utf-8") for name in SCRIPTS)),
        plotly=plotly_script(),
    )


def hidden_columns() -> list[tuple[str, int]]:
    """(view, column counted from 1) for every column that a view hides."""
    return [
        (view, FIRST_COLUMN + index)
        for view, shown in VIEWS.items()
        for index, column in enumerate(COLUMNS)
        if column not in ALWAYS and column.name not in shown
    ]


def _data(report: Report, view: ArenaView, first: bool) -> dict[str, Any]:
    """What is packed of an arena; of an arena that is not the first, also its HTML."""
    table = leaderboard_rows(replace(report, arenas=(view.arena,), studies=()))
    return {
        "html": "" if first else _template("arena").render(view=view),
        "figures": _specs(view.all_figures),
        "samples": samples(view.arena),
        "cells": _cells(view),
        "exports": _side_by_side({name: export(table, name, DIGITS) for name, _, _ in DOWNLOADS}),
    }


def _side_by_side(texts: dict[str, str]) -> dict[str, Any]:
    """Texts that say the same, line by line beside each other, so that they pack as one."""
    return {"formats": list(texts), "lines": list(zip_longest(*(text.split("\n") for text in texts.values())))}


def _cells(view: ArenaView) -> dict[str, Any]:
    """Pages of the rows, each at the index of its key."""
    figures = [_specs(item.own.figures) for item in view.rows]
    ids = dict.fromkeys(id_ for specs in figures for id_ in specs)
    template, scope = _template("cell"), f"{view.id}-cell"
    return {
        "keys": [item.row.key for item in view.rows],
        "html": [template.render(view=view, item=item, scope=scope) for item in view.rows],
        "figures": {id_: [specs.get(id_) for specs in figures] for id_ in ids},
    }


def _specs(figures: Iterable[Figure]) -> dict[str, Any]:
    return {figure.id: figure.spec() for figure in figures}


def _definition(column: Metric) -> dict[str, Any]:
    return {
        "label": column.label,
        "unit": column.unit,
        "definition": column.definition,
        "higher": column.higher_is_better,
        "headline": column.headline,
    }


def _template(name: str) -> Any:
    return _environment().get_template(f"{name}.html")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"columns": COLUMNS, "views": list(VIEWS), "downloads": DOWNLOADS, "stated_order": STATED}
    environment.tests["words"] = lambda cell: cell.order is None and not cell.interval and cell.kind != "missing"
    environment.filters["pretty"] = lambda value: json.dumps(value, ensure_ascii=False, default=str)
    return environment
