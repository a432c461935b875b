"""Measured rates of convergence beside the proven ones."""

from __future__ import annotations

import math
from enum import StrEnum

import pandas as pd

from benchmark.measure.analytic.intervals import over_seeds
from benchmark.measure.analytic.tables import Numbers, study_rows, with_numbers, without_number
from benchmark.report import Absent, Estimate, Study, StudyFigure, StudyLine, StudyRow, StudyTable, missing, words


class AgainstBound(StrEnum):
    """How a measured exponent stands to the proven one."""

    NOT_PROVEN = "not_proven"
    NO_SLOPE = "no_slope"
    ONE_SEED = "one_seed"
    STEEPER = "steeper"
    LESS_STEEP = "less_steep"
    CANNOT_TELL = "cannot_tell"


PROVEN = {"dpo": -0.5, "wdpo": -0.25, "kldpo": -0.25, "kldpo_ball": -0.25}  # exponents of n in arXiv:2502.01930
METRICS = ("slope", "slope_minus_dpo", "optimum_norm", "share_on_bound", "share_at_reference")
SENTENCES = {
    AgainstBound.NOT_PROVEN: "no rate is proven in the paper",
    AgainstBound.ONE_SEED: "one seed: no interval",
    AgainstBound.STEEPER: "steeper than the bound on these sizes, which contradicts nothing",
    AgainstBound.LESS_STEEP: "less steep than the bound on these sizes; the bound is for large n",
    AgainstBound.CANNOT_TELL: "cannot tell it from the bound",
}
PAPER = "arXiv:2502.01930, Proposition 1 (DPO) and Theorems 1 (WDPO) and 2 (KLDPO)"


def summarise(results: pd.DataFrame, cells: pd.DataFrame, scenario: str, facts: dict[str, str]) -> Study:
    """The report of the suite; `results` and `cells` carry the method's call as `key`."""
    numbers = Numbers.of(results)
    rows = study_rows(cells, [scenario])
    dpo = next((row.key for row in rows if row.method == "dpo" and row.status == "done"), None)
    rows = [_judged(row, numbers, dpo) for row in rows]
    figure = _figure(numbers, [row for row in rows if row.status == "done"])
    return Study(
        suite="loglinear",
        headline=headline(rows),
        facts={**facts, "intervals": "95%, Student's t over seeds, of one regression per seed", "proven": PAPER},
        figures=(figure,) if figure.lines else (),
        tables=(_table(rows),) if rows else (),
        rows=tuple(rows),
    )


def _judged(row: StudyRow, numbers: Numbers, dpo: str | None) -> StudyRow:
    if row.status != "done":
        return row
    metrics = {
        metric: numbers.mean(
            row.scenario, row.key, metric, Absent.HELD_AT_REFERENCE if metric == "slope" else Absent.NOT_RECORDED
        )
        for metric in METRICS
    }
    if dpo is None or row.key == dpo:
        metrics["slope_minus_dpo"] = missing(Absent.IS_DPO if dpo else Absent.NO_DPO)
    else:  # all methods of a seed have the same world and data sets, so the difference is paired
        slopes = [numbers.seeds(row.scenario, key, "slope") for key in (row.key, dpo)]
        metrics["slope_minus_dpo"] = over_seeds(slopes[0] - slopes[1], Absent.HELD_AT_REFERENCE)
    slope = metrics["slope"]
    stands = against_bound(row.method, slope)
    return with_numbers(row, metrics, str(stands), SENTENCES.get(stands) or words.note(slope))


def against_bound(method: str, slope: Estimate) -> AgainstBound:
    """How the measured exponent stands to the proven one."""
    proven = PROVEN.get(method)
    if proven is None:
        return AgainstBound.NOT_PROVEN
    if slope.value is None:
        return AgainstBound.NO_SLOPE
    if slope.low is None or slope.high is None:
        return AgainstBound.ONE_SEED
    if slope.high < proven:
        return AgainstBound.STEEPER
    return AgainstBound.LESS_STEEP if slope.low > proven else AgainstBound.CANNOT_TELL


def _table(rows: list[StudyRow]) -> StudyTable:
    columns = (
        "method", "measured exponent of n", "minus DPO's (paired)", "proven (upper bound)", "measured against proven",
        "norm of the optimum", "optima on the ball's bound", "optima held at the reference",
    )  # fmt: skip
    body: list[tuple[str | Estimate, ...]] = []
    for row in rows:
        absent = without_number(row)
        slope, minus_dpo, norm, on_bound, held = (row.metrics.get(metric, absent) for metric in METRICS)
        proven = f"−{-PROVEN[row.method]:g}" if row.method in PROVEN else "–"
        body.append((row.label, slope, minus_dpo, proven, row.sentence or words.note(absent), norm, on_bound, held))
    return StudyTable("Convergence of theta_n to the method's own population optimum", columns, tuple(body))


def _figure(numbers: Numbers, rows: list[StudyRow]) -> StudyFigure:
    lines = [_line(numbers, row) for row in rows]
    first = {row.method: (row, line) for row, line in reversed(list(zip(rows, lines, strict=True))) if line.x}
    proven = [_proven(row, line) for row, line in reversed(first.values())]
    return StudyFigure(
        id="rates",
        title="Distance to the population optimum by number of pairs",
        how="Both axes are logarithmic, so a power of n is a straight line. Solid: geometric mean over seeds of "
        "||theta_n - theta||, each method against its own optimum. Dashed: the proven exponents, -1/2 for DPO and -1/4 "
        "for WDPO and KLDPO, drawn through the first point of each method's first setting. They are upper bounds up to "
        "a constant: a steeper line contradicts nothing.",
        x_label="pairs n",
        y_label="||theta_n - theta||",
        log_axes=True,
        lines=(*(line for line in lines if line.x), *(line for line in proven if line is not None)),
    )


def _line(numbers: Numbers, row: StudyRow) -> StudyLine:
    """Geometric means, with the interval of the mean logarithm; sizes at which an error is 0 have no logarithm."""
    points, values = [], []
    for size in numbers.points(row.scenario, row.key, "error"):
        errors = numbers.seeds(row.scenario, row.key, f"error@{size}").dropna()
        if len(errors) and (errors > 0).all():
            points.append(float(size))
            values.append(_exp(over_seeds([math.log(error) for error in errors])))
    return StudyLine(row.label, row.method, tuple(points), tuple(values))


def _exp(logs: Estimate) -> Estimate:
    value, low, high = (None if number is None else math.exp(number) for number in (logs.value, logs.low, logs.high))
    return Estimate(value, low, high, logs.n, logs.absent)


def _proven(row: StudyRow, line: StudyLine) -> StudyLine | None:
    """The proven rate through the line's first point."""
    exponent = PROVEN.get(row.method)
    if exponent is None or not line.x or line.y[0].value is None:
        return None
    start = line.y[0].value
    values = tuple(Estimate(start * (n / line.x[0]) ** exponent) for n in line.x)
    fraction = f"−1/{round(-1 / exponent)}"
    return StudyLine(f"n^({fraction}), proven for {row.method}", row.method, line.x, values, dashed=True)


def headline(rows: list[StudyRow]) -> str:
    """Measured exponents of the methods with a theorem."""
    if not any(row.status == "done" for row in rows):
        return words.nothing_done([(row.label, row.status, row.reason) for row in rows])
    shown = [row for row in rows if row.status == "done" and row.method in PROVEN and row.metrics["slope"].value]
    if not shown:
        return "No rate was measured of a method for which one is proven."
    parts = [
        f"{row.label} {words.plain_interval(row.metrics['slope'])} (proven −{-PROVEN[row.method]:g})" for row in shown
    ]
    seeds = max(row.seeds_done for row in shown)
    text = f"Measured exponents of n ({seeds} seed{'s' if seeds > 1 else ''}): {'; '.join(parts)}."
    steeper = [row.label for row in shown if row.method != "dpo" and row.verdict == AgainstBound.STEEPER]
    if steeper:
        text += f" Steeper than their proven rate, an upper bound, on these sizes: {', '.join(steeper)}."
    slower = [row.label for row in shown if (row.metrics["slope_minus_dpo"].low or 0.0) > 0]
    if any(row.metrics["slope_minus_dpo"].low is not None for row in shown):
        text += f" Slower than DPO on the same data: {', '.join(slower) or 'none, as far as the intervals say'}."
    return text
