"""How a row looks wherever it is drawn: a colour and a shape by method, a fill by setting, a dash by claim.

Seven colours and six shapes have no common divisor, so the n-th method takes colour n mod 7 and shape n mod 6: 42
methods differ in one or the other, and neighbours differ in both. Settings of a method differ by fill: full, open, open
with a dot. A method with more settings than fills takes shapes of its colour that no other method has. Dashes say what
kind of method it is: robust ones solid, plain ones dashed, controls dotted, and grey. Nothing rests on colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from benchmark.report import Row

# Okabe and Ito's colours without black and yellow, which vanish on a dark and on a white page, and an olive.
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
FILLS = ("", "-open", "-open-dot")
SYMBOLS = tuple(f"{shape}{fill}" for fill, shape in product(FILLS, MARKERS))


@dataclass(frozen=True)
class Look:
    """Colour (hex), dash (plotly's name) and marker symbol (plotly's name) of a row."""

    colour: str
    dash: str
    symbol: str

    @property
    def path(self) -> str:
        """The marker as an SVG path."""
        return MARKERS[self.symbol.removesuffix("-dot").removesuffix("-open")]

    @property
    def filled(self) -> bool:
        """Whether the marker is filled."""
        return "-open" not in self.symbol

    @property
    def dotted(self) -> bool:
        """Whether an open marker has a dot in its middle."""
        return self.symbol.endswith("-dot")


class Palette:
    """The looks of all rows of a page: the same row looks the same in every arena and every figure."""

    def __init__(self, rows: Iterable[Row], methods: Iterable[str] = ()) -> None:
        """Give every method of `rows`, and `methods` that have no row, a colour and a shape, and every row a fill."""
        keys: dict[str, set[str]] = {method: set() for method in methods}
        for row in rows:
            keys.setdefault(row.method, set()).add(row.key)
        free = (index for index in range(len(keys) + len(PINNED)) if index not in PINNED.values())
        self._order = {method: PINNED[method] if method in PINNED else next(free) for method in sorted(keys)}
        self._symbols = self._own_symbols(keys)
        self._more_symbols(keys)

    def _own_symbols(self, keys: dict[str, set[str]]) -> dict[str, str]:
        """The method's own shape for as many of its rows as there are fills."""
        return {
            key: f"{self._shape(method)}{fill}"
            for method, of_method in keys.items()
            for key, fill in zip(sorted(of_method), FILLS, strict=False)
        }

    def _more_symbols(self, keys: dict[str, set[str]]) -> None:
        """For the rows left over, symbols that no method of the same colour has; any symbol where there is none."""
        for method in sorted(keys):
            alike = [other for other in keys if self._colour(other) == self._colour(method)]
            taken = {f"{self._shape(other)}{fill}" for other in alike for fill in FILLS}
            taken |= {self._symbols[key] for other in alike for key in keys[other] if key in self._symbols}
            spare = [symbol for symbol in SYMBOLS if symbol not in taken] or list(SYMBOLS)
            for index, key in enumerate(sorted(keys[method])[len(FILLS) :]):
                self._symbols[key] = spare[index % len(spare)]

    def _colour(self, method: str) -> str:
        return COLOURS[self._order[method] % len(COLOURS)]

    def _shape(self, method: str) -> str:
        return list(MARKERS)[self._order[method] % len(MARKERS)]

    def method(self, name: str, dash: str = "solid") -> Look:
        """How a method is drawn that has no row, by its colour and shape alone.

        Raises:
            KeyError: a method that the palette was not made for.
        """
        return Look(self._colour(name), dash, self._shape(name))

    def look(self, row: Row) -> Look:
        """How `row` is drawn: controls grey and dotted, robust methods solid, plain ones dashed."""
        if row.role.endswith("control"):
            return Look(GREY, "dot", self._symbols[row.key])
        return Look(self._colour(row.method), "solid" if row.robust else "dash", self._symbols[row.key])
