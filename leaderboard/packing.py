"""Data inside a page: JSON that no script element can be broken with, and the same packed small.

Fifty rows in twenty figures repeat each other, so lists are turned before gzip packs them, into the following, which
`restored` in script/base.js turns back into the same values:

    {"$over": 1000, "$column": [141, null, 20]}   numbers, as whole ones over a power of ten
    {"$same": item, "$times": 50}                 equal items
    {"$each": {"x": column, "y": column}, ...}    objects with the same keys, by key; "$times" says how many
    {"$columns": [column, column]}                lists of the same length, by place
    {"$here": [1, 0, 1], "$of": list}             objects or lists where some are missing
"""

from __future__ import annotations

import base64
import gzip
import json
from functools import cache
from typing import Any

from markupsafe import Markup

LONG = 3  # shorter lists are left as they are
DECIMALS = 6


def embed(data: Any) -> Markup:
    """JSON that is safe inside a script element: no character of it can end the element or open a comment."""
    text = _json(data)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def pack(data: Any) -> Markup:
    """JSON, gzipped, in base 85; the page's script unpacks it when it is asked for."""
    return _packed(_json(turned(data)))


@cache
def plotly_script() -> Markup:
    """Plotly's script, gzipped, in base 85: 2 MB in place of 5, unpacked by the browser when a figure comes in view."""
    from plotly.offline import get_plotlyjs

    return _packed(get_plotlyjs())


def turned(data: Any) -> Any:
    """`data` with its lists as described above."""
    if isinstance(data, dict):
        return {key: turned(value) for key, value in data.items()}
    return _turned_list(list(data)) if isinstance(data, list | tuple) else data


def _turned_list(items: list[Any]) -> Any:
    if len(items) < LONG:
        return [turned(item) for item in items]
    first = items[0]
    if all(type(item) is type(first) and item == first for item in items):
        return {"$same": turned(first), "$times": len(items)}
    there = [item for item in items if item is not None]
    if all(type(item) in (int, float) for item in there):
        return _numbers(items)
    if _alike(there):
        if len(there) < len(items):
            return {"$here": _turned_list([int(item is not None) for item in items]), "$of": _turned_list(there)}
        return _by_key(items) if isinstance(first, dict) else _by_place(items)
    return [turned(item) for item in items]


def _alike(items: list[Any]) -> bool:
    """Whether all are objects with the same keys, or all lists of the same length."""
    first = items[0]
    if isinstance(first, dict):
        return all(isinstance(item, dict) and item.keys() == first.keys() for item in items)
    return isinstance(first, list | tuple) and all(
        isinstance(item, list | tuple) and len(item) == len(first) > 0 for item in items
    )


def _by_key(items: list[dict[str, Any]]) -> Any:
    return {"$each": {key: _turned_list([item[key] for item in items]) for key in items[0]}, "$times": len(items)}


def _by_place(items: list[Any]) -> Any:
    return {"$columns": [_turned_list(list(column)) for column in zip(*items, strict=True)]}


def _numbers(values: list[Any]) -> Any:
    """Numbers, or missing; as they are where they have too many decimals."""
    for over in (10**decimals for decimals in range(DECIMALS + 1)):
        whole = [None if value is None else round(value * over) for value in values]
        if all(one is None or one / over == value for one, value in zip(whole, values, strict=True)):
            return {"$over": over, "$column": whole}
    return values


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _packed(text: str) -> Markup:
    """Gzip in base 85 with `:` for `<`: nothing in it begins or ends an element or a comment."""
    packed = base64.b85encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")
    return Markup(packed.replace("<", ":"))
