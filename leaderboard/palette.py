"""How a row looks wherever it is drawn: a colour by method, a dash by claim, a marker by hyper-parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.measure.report import Row

# Okabe and Ito's colours without black and yellow, which vanish on a dark and on a white page.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999933")
GREY = "#808080"
PINNED = {"dpo": 0, "kldpo": 1, "wdpo": 2}  # so that these look the same in every run, whatever stands beside them

# Plotly's name of a marker, and the same marker as an SVG path in a box from -5 to 5.
MARKERS = {
    "circle": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "square": "M-3.5-3.5h7v7h-7Z",
    "diamond": "M0-5L5 0L0 5L-5 0Z",
    "triangle-up": "M0-4.5L4.5 3.5H-4.5Z",
    "triangle-down": "M0 4.5L4.5-3.5H-4.5Z",
    "cross": "M-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z",
}
SYMBOLS = (*MARKERS, *(f"{name}-open" for name in MARKERS))


@dataclass(frozen=True)
class Look:
    """Colour (hex), dash (plotly's name) and marker symbol (plotly's name) of a row."""

    colour: str
    dash: str
    symbol: str

    @property
    def path(self) -> str:
        """The marker as an SVG path."""
        return MARKERS[self.symbol.removesuffix("-open")]

    @property
    def filled(self) -> bool:
        """Whether the marker is filled."""
        return not self.symbol.endswith("-open")


class Palette:
    """The looks of all rows of a page: the same row looks the same in every group and every figure."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Give every method of `rows` a colour and every row a marker."""
        rows = list(rows)
        methods = sorted({row.method for row in rows})
        free = [index for index in range(len(COLOURS)) if index not in PINNED.values()]
        others = [method for method in methods if method not in PINNED]
        self._colours = {method: COLOURS[PINNED[method]] for method in methods if method in PINNED}
        self._colours |= {method: COLOURS[free[index % len(free)]] for index, method in enumerate(others)}
        self._symbols: dict[str, str] = {}
        for offset, method in enumerate(methods):
            for index, key in enumerate(sorted({row.key for row in rows if row.method == method})):
                self._symbols[key] = SYMBOLS[(offset + index) % len(SYMBOLS)]

    def look(self, row: Row) -> Look:
        """How `row` is drawn: controls grey and dotted, robust methods solid, plain ones dashed."""
        if row.role.endswith("control"):
            return Look(GREY, "dot", self._symbols[row.key])
        return Look(self._colours[row.method], "solid" if row.robust else "dash", self._symbols[row.key])
