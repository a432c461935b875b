"""Tables for print, in LaTeX and Markdown: a metric is one cell, value and interval together."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from benchmark.report import Estimate, Metric, words
from leaderboard.tables import COLUMNS, MISSING, SIGNED, interval, number

HEAD_WIDTH = 14  # characters of a line in a LaTeX head
HEADS = {"label": "Method", "train_shift": "Training shift", "n": "Seeds"}
NO_METRIC = ("rank", "n")  # numbers without an interval
Record = dict[Any, Any]

_TEX = {
    "\\": r"$\backslash$",
    "~": r"\~{}",
    "^": r"\^{}",
    "$": r"$\mathdollar$",
    words.MINUS: "$-$",
    MISSING: "--",
    "[": "{[}",
    "]": "{]}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    '"': "{''}",
    **{character: f"\\{character}" for character in "&%#_{}"},
    **{letter: f"${name}$" for letter, name in (("α", r"\alpha"), ("β", r"\beta"), ("γ", r"\gamma"), ("δ", r"\delta"))},
    **{letter: f"${name}$" for letter, name in (("ε", r"\epsilon"), ("λ", r"\lambda"), ("ρ", r"\rho"), ("τ", r"\tau"))},
    **{letter: f"${name}$" for letter, name in (("η", r"\eta"), ("χ", r"\chi"), ("²", "^2"), ("×", r"\times"))},
}


def latex(table: pd.DataFrame, columns: Sequence[str]) -> str:
    """A booktabs table that fits a paper; arenas stand under headings, and comments say what columns mean and why rows
    have no numbers.

    Args:
        table: what leaderboard.csv holds, in the order to print.
        columns: names of its columns.
    """
    metrics = [_metric(name, table) for name in columns]
    heads = _head_lines([_head(name, metric) for name, metric in zip(columns, metrics, strict=True)])
    rows = table.to_dict("records")
    arenas = [list(part) for _, part in groupby(rows, key=_arena)]
    body: list[str] = []
    for place, part in enumerate(arenas):
        if len(arenas) > 1:
            body += [r"\addlinespace"] * (place > 0)
            body.append(rf"\multicolumn{{{len(columns)}}}{{l}}{{\emph{{{tex(_arena(part[0]))}}}}} \\")
        body += [
            " & ".join(_tex_cell(row, *one) for one in zip(columns, metrics, strict=True)) + r" \\" for row in part
        ]
    kinds = "".join("r" if metric else "l" for metric in metrics)
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}; brackets are 95% intervals",
            *(_comment(f"{m.label} ({m.unit}): {m.definition}") for m in metrics if m and m.definition),
            *(
                _comment(f"{_text(row, 'label')}: {_status(row)}")
                for row in rows
                if row.get("status", "done") != "done"
            ),
            r"\begingroup\small\setlength{\tabcolsep}{4pt}%",
            rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}",
            r"\toprule",
            *heads,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}%",
            r"\endgroup",
            "",
        ]
    )


def markdown(table: pd.DataFrame, columns: Sequence[str]) -> str:
    """A Markdown table of `columns`; the status comes with its reason."""
    metrics = [_metric(name, table) for name in columns]
    shown = list(zip(columns, metrics, strict=True))
    lines = [
        [_md(_head(*one)) for one in shown],
        ["---:" if metric else "---" for metric in metrics],
        *([_md(_cell(row, *one)) for one in shown] for row in table.to_dict("records")),
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def tex(text: str) -> str:
    """Text that LaTeX prints as it stands, on one line; brackets are braced, or `\\` would take them as an option. What
    a plain LaTeX has no letter for is a question mark."""
    return "".join(_TEX.get(character) or (character if character.isascii() else "?") for character in _line(text))


def _metric(name: str, table: pd.DataFrame) -> Metric | None:
    """What a column of numbers is; of a suite's own metric its name alone. None: the column is text."""
    known = next((column for column in COLUMNS if column.name == name), None)
    if known or not (f"{name}_low" in table.columns or name in NO_METRIC):
        return known
    return Metric(name, name.replace("_", " "), "", "", 0 if name in NO_METRIC else 3, None)


def _head(name: str, metric: Metric | None) -> str:
    if metric is None or name in HEADS:
        return HEADS.get(name, name.replace("_", " ").capitalize())
    return f"{metric.label} ({metric.unit})" if metric.unit else metric.label


def _head_lines(heads: Sequence[str]) -> list[str]:
    """Heads over as many lines as the longest takes, each ending at the last."""
    wrapped = [textwrap.wrap(head, HEAD_WIDTH) for head in heads]
    height = max(map(len, wrapped))
    full = [[""] * (height - len(lines)) + lines for lines in wrapped]
    return [" & ".join(map(tex, line)) + r" \\" for line in zip(*full, strict=True)]


def _arena(row: Record) -> str:
    return ", ".join(_text(row, name) for name in ("suite", "train_shift") if _text(row, name))


def _tex_cell(row: Record, name: str, metric: Metric | None) -> str:
    if metric is None:
        return tex(_cell(row, name, None))
    value, bounds = _parts(row, name, metric)
    return f"{tex(value)} {{\\scriptsize {tex(bounds)}}}" if bounds else tex(value)


def _cell(row: Record, name: str, metric: Metric | None) -> str:
    if metric is None:
        return _status(row) if name == "status" else _text(row, name)
    return " ".join(_parts(row, name, metric)).strip()


def _parts(row: Record, name: str, metric: Metric) -> tuple[str, str]:
    """Value, and interval or nothing."""
    value, low, high = (_float(row.get(f"{name}{part}")) for part in ("", "_low", "_high"))
    text = number(value, metric.decimals, signed=metric in SIGNED)
    return text, interval(Estimate(value, low, high), metric.decimals)


def _status(row: Record) -> str:
    """Such as `failed: out of memory`."""
    return ": ".join(part for part in (_text(row, "status"), _text(row, "reason")) if part)


def _text(row: Record, name: str) -> str:
    value = row.get(name)
    return "" if _missing(value) else str(value)


def _float(value: Any) -> float | None:
    return None if _missing(value) else float(value)


def _missing(value: Any) -> bool:
    return bool(pd.isna(value))


def _comment(text: str) -> str:
    return f"% {_line(text)}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _md(text: str) -> str:
    """Text that Markdown prints as it stands, in one cell."""
    return re.sub(r"([\\`*_{}<>|~])", r"\\\1", _line(text))
