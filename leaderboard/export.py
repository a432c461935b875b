"""The main table in other formats: what `leaderboard.csv` holds, as CSV, LaTeX, Markdown or JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from benchmark.core.errors import UserError, unknown
from benchmark.report import METRICS, Status
from leaderboard.order import WITHOUT_NUMBER
from leaderboard.printed import latex, markdown
from leaderboard.tables import COLUMNS

PARTS = ("_low", "_high", "_n")  # what stands beside a metric's value
NAMES = ("suite", "train_shift", "label", "status")  # what names a row
PRINTED = ("gated_over_envelope", "gated_worst_case", "gated_nominal")  # fits the text width of a paper
FORMATS = ("csv", "json", "latex", "markdown")


def export(table: pd.DataFrame, format: str, digits: int | None = None, columns: Sequence[str] | None = None) -> str:
    """The table in `format`, its rows in the page's order.

    CSV and JSON have a metric as `NAME`, `NAME_low`, `NAME_high`, and by default every column; LaTeX (booktabs) and
    Markdown print it as `value [low, high]`, a missing one as a dash, and by default what fits a paper: the label, the
    headline, worst case and nominal utility.

    Args:
        table: what leaderboard.csv holds.
        format: csv, json, latex or markdown.
        digits: significant ones of a number in CSV; None: all.
        columns: names of columns, in their order; a metric brings its interval, and the label stands first where it is
            not named. None: the default.

    Raises:
        UserError: a format or a column that does not exist, or no column.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    wanted = None if columns is None else _chosen(table, columns)
    rows = _in_order(table)
    writers: dict[str, Callable[[], str]] = {
        "csv": lambda: _whole(rows, wanted).to_csv(index=False, float_format=f"%.{digits}g" if digits else None),
        "json": lambda: str(_whole(rows, wanted).to_json(orient="records", indent=2, force_ascii=False)) + "\n",
        "latex": lambda: latex(rows, wanted or _default(rows, ("label",))),
        "markdown": lambda: markdown(rows, wanted or _default(rows, _naming(rows))),
    }
    return writers[format]()


def _chosen(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """The named columns, each once, the label first where it is not among them."""
    allowed = [name for name in table.columns if not _is_part(name, table)]
    for name in columns:
        if name not in allowed:
            raise unknown("column", name, allowed)
    if not columns:
        raise UserError(f"no column was named. Allowed: {', '.join(sorted(allowed))}.")
    return list(dict.fromkeys(columns if "label" in columns or "label" not in allowed else ["label", *columns]))


def _is_part(name: str, table: pd.DataFrame) -> bool:
    """Whether a column is an end of a metric's interval, or its n."""
    return any(name.endswith(part) and name.removesuffix(part) in table.columns for part in PARTS)


def _whole(table: pd.DataFrame, columns: Sequence[str] | None) -> pd.DataFrame:
    """The columns with all their parts; by default all: names, rank, the headline, the other metrics, the rest."""
    metrics = columns or [*NAMES, *(metric.name for metric in COLUMNS)]
    wanted = [f"{name}{part}" for name in metrics for part in ("", *PARTS) if f"{name}{part}" in table.columns]
    return table[wanted if columns else [*wanted, *(name for name in table.columns if name not in wanted)]]


def _default(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """What a printed table has room for, without metrics that no row has."""
    return [*names, *(name for name in PRINTED if name in table.columns and table[name].notna().any())]


def _naming(table: pd.DataFrame) -> list[str]:
    """Names that tell rows of one table apart, and the status where some row is not done."""
    several = [name for name in ("suite", "train_shift") if name in table.columns and table[name].nunique() > 1]
    unfinished = "status" in table.columns and bool((table["status"] != "done").any())
    return [*several, "label", *(["status"] if unfinished else [])]


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by the headline within every arena, those without it last, as on the page."""
    needed = ("suite", "train_shift", "status", METRICS[0].name)
    if table.empty or any(name not in table.columns for name in needed):
        return table
    arena = table.groupby(["suite", "train_shift"], sort=False, dropna=False).ngroup()
    place = [_place(status, value) for status, value in zip(table["status"], table[METRICS[0].name], strict=True)]
    keyed = pd.DataFrame({"arena": arena, "last": [p for p, _ in place], "over": [v for _, v in place]})
    return table.iloc[keyed.reset_index(drop=True).sort_values(["arena", "last", "over"], kind="stable").index]


def _place(status: Status, value: float) -> tuple[int, float]:
    known = status == "done" and bool(pd.notna(value))
    return (0, -value) if known else (1 + WITHOUT_NUMBER[status], 0.0)
