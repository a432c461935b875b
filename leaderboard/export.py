"""The main table in other formats: what `leaderboard.csv` holds, as CSV, LaTeX, Markdown or JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from benchmark.core.errors import unknown
from benchmark.report import Estimate, Metric, words
from leaderboard.tables import COLUMNS, MISSING, SIGNED, interval, number

PARTS = ("", "_low", "_high", "_n")  # the columns of one metric
NAMES = ("suite", "train_shift", "label", "status")  # what names a row in print


def export(table: pd.DataFrame, format: str, digits: int | None = None) -> str:
    """The table in `format`, its columns in the page's order: names, rank, the headline, the other metrics, the rest.

    CSV and JSON keep every column (`NAME`, `NAME_low`, `NAME_high`, `NAME_n` for a metric); LaTeX (booktabs) and
    Markdown print a metric as `value [low, high]`, a missing one as a dash, and leave out metrics that no row has.

    Args:
        table: what leaderboard.csv holds.
        format: csv, json, latex or markdown.
        digits: significant ones of a number in CSV; None: all.

    Raises:
        UserError: a format that does not exist.
    """
    writers: dict[str, Callable[[pd.DataFrame], str]] = {
        "csv": lambda ordered: ordered.to_csv(index=False, float_format=f"%.{digits}g" if digits else None),
        "json": lambda ordered: str(ordered.to_json(orient="records", indent=2, force_ascii=False)) + "\n",
        "latex": _latex,
        "markdown": _markdown,
    }
    if format not in writers:
        raise unknown("format", format, writers)
    return writers[format](_ordered(table))


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    metrics = [f"{metric.name}{part}" for metric in COLUMNS for part in PARTS]
    wanted = [name for name in (*NAMES, *metrics) if name in table.columns]
    return table[[*wanted, *(name for name in table.columns if name not in wanted)]]


def _latex(table: pd.DataFrame) -> str:
    names, metrics = _shown(table)
    heads = [*map(_tex, names), *(_tex(f"{metric.label} ({metric.unit})") for metric in metrics)]
    lines = [
        " & ".join([*(_tex(_text(row, name)) for name in names), *(_tex(_number(row, metric)) for metric in metrics)])
        + r" \\"
        for row in table.to_dict("records")
    ]
    columns = "l" * len(names) + "r" * len(metrics)
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(heads) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _markdown(table: pd.DataFrame) -> str:
    names, metrics = _shown(table)
    heads = [*map(_md, names), *(_md(f"{metric.label} ({metric.unit})") for metric in metrics)]
    lines = [
        [*(_md(_text(row, name)) for name in names), *(_md(_number(row, metric)) for metric in metrics)]
        for row in table.to_dict("records")
    ]
    rule = ["---"] * len(names) + ["---:"] * len(metrics)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (heads, rule, *lines))


def _shown(table: pd.DataFrame) -> tuple[list[str], list[Metric]]:
    """The naming columns and the metrics to print."""
    metrics = [metric for metric in COLUMNS if metric.name in table.columns and table[metric.name].notna().any()]
    return [name for name in NAMES if name in table.columns], metrics


def _text(row: dict[Any, Any], name: str) -> str:
    """A naming cell; the status comes with its reason."""
    reason = row.get("reason") if name == "status" else None
    shown = "" if _missing(row[name]) else str(row[name])
    return shown if _missing(reason) or not reason else f"{shown}: {reason}"


def _number(row: dict[Any, Any], metric: Metric) -> str:
    value, low, high = (_float(row.get(f"{metric.name}{part}")) for part in PARTS[:3])
    text = number(value, metric.decimals, signed=metric in SIGNED)
    return f"{text} {interval(Estimate(value, low, high), metric.decimals)}".strip()


def _float(value: Any) -> float | None:
    return None if _missing(value) else float(value)


def _missing(value: Any) -> bool:
    return bool(pd.isna(value))


_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    words.MINUS: "$-$",
    MISSING: "--",
    "[": "{[}",
    "]": "{]}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def _tex(text: str) -> str:
    """Text that LaTeX prints as it stands, on one line; brackets are braced, or `\\` would take them as an option."""
    return "".join(_TEX.get(character, character) for character in " ".join(text.split()))


def _md(text: str) -> str:
    """Text that Markdown prints as it stands, in one cell."""
    return re.sub(r"([\\`*_{}<>|~])", r"\\\1", " ".join(text.split()))
