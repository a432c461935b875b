"""Analytic suites: no text is generated, and their figures are the result. One panel each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from benchmark.report import Estimate, Report, Study, StudyFigure, StudyLine, StudyTable, words
from leaderboard.figures import BANDS_AT_MOST, Figure
from leaderboard.palette import FILLS, SERIES, SHAPES, Look, Palette
from leaderboard.panels.base import Panel, PanelTable, TableCell
from leaderboard.panels.lines import HEIGHT, Line, line_figure, with_bars
from leaderboard.panels.printing import decimals, estimated, text_cell

LEGEND_HEIGHT = 16  # pixels that a line takes in the legend, one with another


def studies(report: Report, palette: Palette) -> list[Panel]:
    """One panel per study, in the order of the report."""
    return [_panel(f"study-{number}", study, palette) for number, study in enumerate(report.studies, 1)]


def _panel(id_: str, study: Study, palette: Palette) -> Panel:
    looks = _Looks(study, palette)
    figures = [
        _figure(f"{id_}-{number}", figure, looks) for number, figure in enumerate(study.figures, 1) if figure.lines
    ]
    tables = [_table(table) for table in study.tables]
    facts = study.facts | ({"merged runs": " ".join(map(words.caveat, study.caveats))} if study.caveats else {})
    if facts:
        tables.append(PanelTable("How it was made.", ("Fact", "Value"), tuple(map(_fact, facts.items()))))
    return Panel(id_, f"Suite {study.suite}", "", tuple(figures), tuple(tables), gist=study.headline)


def _fact(fact: tuple[str, str]) -> tuple[TableCell, ...]:
    name, value = fact
    return text_cell(name), text_cell(value)


def _figure(id_: str, figure: StudyFigure, looks: _Looks) -> Figure:
    """The study's figure; its ids may be no more than unique within it, so that `id_` stands for it on the page."""
    axis = {"type": "log", "dtick": "D2"} if figure.log_axes else {}
    lines = [_line(line, look) for line, look in zip(figure.lines, looks.of(figure), strict=True)]
    made = line_figure(
        id_,
        figure.title,
        figure.how,
        lines,
        figure.x_label,
        figure.y_label,
        head="line",
        height=HEIGHT + LEGEND_HEIGHT * len(lines),
        showlegend=True,
        xaxis=axis,
        yaxis=axis,
    )
    if len(lines) <= BANDS_AT_MOST:
        return made
    return replace(made, data=with_bars(made.data, lines))  # nothing on the page would bring out a study's band


class _Looks:
    """How the lines of a study are drawn: methods as everywhere on the page, what is no method as it comes, so that the
    first seven of them differ in colour."""

    def __init__(self, study: Study, palette: Palette) -> None:
        methods = {row.method for row in study.rows}
        named = dict.fromkeys(line.method for figure in study.figures for line in figure.lines)
        self._palette = palette
        self._others = {name: index for index, name in enumerate(name for name in named if name not in methods)}

    def of(self, figure: StudyFigure) -> list[Look]:
        """One look per line: dashes for what is drawn for comparison, fills for further lines of a method."""
        drawn: Counter[tuple[str, bool]] = Counter()
        looks = []
        for line in figure.lines:
            look = self._look(line.method, "dash" if line.dashed else "solid")
            fill = FILLS[drawn[line.method, line.dashed] % len(FILLS)]
            drawn[line.method, line.dashed] += 1
            looks.append(Look(look.colour, look.dash, look.symbol + fill))
        return looks

    def _look(self, name: str, dash: str) -> Look:
        if name not in self._others:
            return self._palette.method(name, dash)
        index = self._others[name]
        return Look(SERIES[index % len(SERIES)], dash, SHAPES[index % len(SHAPES)])


def _line(line: StudyLine, look: Look) -> Line:
    return Line(line.label, line.label, look, line.x, line.y, "at %{x}")


def _table(table: StudyTable) -> PanelTable:
    """A column of numbers has the decimals that its largest needs."""
    digits = [
        decimals(cell.value for cell in column if isinstance(cell, Estimate))
        for column in zip(*table.rows, strict=True)
    ]
    return PanelTable(
        table.title,
        table.columns,
        tuple(tuple(_cell(cell, count) for cell, count in zip(row, digits, strict=True)) for row in table.rows),
    )


def _cell(cell: str | Estimate, digits: int) -> TableCell:
    return estimated(cell, digits) if isinstance(cell, Estimate) else text_cell(cell)
