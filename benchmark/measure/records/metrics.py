"""The numbers of one cell, one record per number: pure functions of its evaluated completions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.data import Bools, Floats
from benchmark.measure.records.asked import everywhere
from benchmark.measure.records.texts import DISTINCT_COMPLETIONS, distinct_2, longest_repeat
from benchmark.measure.records.utilities import KINDS, LEARNED, Kind, Ranges, utilities, utility
from shifts.base import Shift

PREFIX = {"ungated": "", "gated": "gated_", "gold": "gold_", "gated_gold": "gated_gold_"}


@dataclass(frozen=True)
class MetricRecord:
    """One number of one cell; `eval_shift` is "" where none applies, `n` counts the completions or pairs behind it."""

    eval_shift: str
    metric: str
    value: float
    n: int

    def row(self) -> dict[str, Any]:
        """The columns of results.parquet that the number itself fills."""
        return {"eval_shift": self.eval_shift, "metric": self.metric, "value": self.value, "n": self.n}


def cell_records(
    samples: pd.DataFrame,
    train: Shift,
    evaluated: Sequence[Shift],
    ranges: Ranges,
    reference: pd.DataFrame,
    texts: bool = True,
) -> list[MetricRecord]:
    """The metrics of one finished cell.

    The last checkpoint gives every metric on test prompts under its plain name. Every checkpoint gives its
    trajectory: on test prompts as `reward@64`, and what the envelope and selection rules are made of on validation
    prompts too, as `reward@64/validation`. A plain name is without the language gate, `gated_` stands before what is
    with it.

    Args:
        samples: rows of samples.parquet of this cell, any splits and steps.
        train: the shift that the cell trained for.
        evaluated: the evaluation shifts, in the order of the curve.
        ranges: least and greatest reward by objective.
        reference: rows of the reference cell of the same seed; empty where there is none (then no win rate).
        texts: whether completions are texts of the policy's own, of which length and variety are measured.
    """
    test, validation = (samples[samples["split"] == split] for split in ("test", "validation"))
    if test.empty:
        return []
    records = []
    for step, checkpoint in test.groupby("step"):
        records += _marked(_checkpoint(checkpoint, train, evaluated, ranges), f"@{step}")
        records += _marked(_text(checkpoint), f"@{step}") if texts else []
    for step, checkpoint in validation.groupby("step"):
        records += _marked(_validated(checkpoint, train, evaluated, ranges), f"@{step}/validation")
    last = test[test["step"] == test["step"].max()]
    records += _checkpoint(last, train, evaluated, ranges)
    records += _summaries(last, train, evaluated, ranges)
    records += _text(last) if texts else []
    records += _wins(last, reference[reference["split"] == "test"], list(dict.fromkeys([*evaluated, train])), ranges)
    return records


def _marked(records: Iterator[MetricRecord], mark: str) -> list[MetricRecord]:
    return [replace(record, metric=record.metric + mark) for record in records]


def _validated(
    samples: pd.DataFrame, train: Shift, evaluated: Sequence[Shift], ranges: Ranges
) -> Iterator[MetricRecord]:
    """What a checkpoint is compared and selected by: KL, and learned utilities at the training shift and at the shifts
    of the evaluation and of the validation."""
    shifts = list(dict.fromkeys([*evaluated, *train.validation_grid()]))
    for kind in LEARNED:
        yield from _utilities(samples, train, shifts, ranges, kind)
    yield MetricRecord("", "kl_to_reference", float(samples["kl"].mean()), len(samples))


def _checkpoint(
    samples: pd.DataFrame, train: Shift, evaluated: Sequence[Shift], ranges: Ranges
) -> Iterator[MetricRecord]:
    """Utilities of the shifts, rewards of the objectives, quality and KL."""
    n = len(samples)
    for kind in KINDS:
        yield from _utilities(samples, train, evaluated, ranges, kind)
    for objective in ranges:
        for prefix in ("reward_", "gold_"):
            values = samples[objective if prefix == "reward_" else f"gold_{objective}"]
            yield MetricRecord("", prefix + objective, float(values.mean()), int(values.notna().sum()))
    yield MetricRecord("", "kl_to_reference", float(samples["kl"].mean()), n)
    yield MetricRecord("", "kl_median", float(np.quantile(samples["kl"], 0.5, method="inverted_cdf")), n)
    yield MetricRecord("", "quality", float(samples["quality"].mean()), n)


def _utilities(
    samples: pd.DataFrame, train: Shift, evaluated: Sequence[Shift], ranges: Ranges, kind: Kind
) -> Iterator[MetricRecord]:
    """Mean utility under each evaluation shift, as `reward`, and at the training shift, as `nominal`."""
    named = [*((shift, "reward") for shift in evaluated), (train, "nominal")]
    columns = _known_columns(samples, ranges)
    values = utilities([shift for shift, _ in named], columns, _quality(samples), ranges, kind).mean(axis=0)
    for (shift, name), value in zip(named, values, strict=True):
        yield MetricRecord(str(shift), PREFIX[kind] + name, float(value), len(samples))


def _summaries(
    samples: pd.DataFrame, train: Shift, evaluated: Sequence[Shift], ranges: Ranges
) -> Iterator[MetricRecord]:
    """Worst case, gap and auc, learned and gold, gated and not."""
    n = len(samples)
    for kind in KINDS:
        columns = _known_columns(samples, ranges)
        curve = utilities(evaluated, columns, _quality(samples), ranges, kind).mean(axis=0)
        nominal = float(utility(train, columns, _quality(samples), ranges, kind).mean())
        summary = {
            "worst_case": float(curve.min()),
            "auc": float(curve.mean()),
            "robustness_gap": nominal - float(curve.min()),
        }
        for name, value in summary.items():
            yield MetricRecord("", PREFIX[kind] + name, value, n)


def _text(samples: pd.DataFrame) -> Iterator[MetricRecord]:
    """What shows degeneration: length in tokens, and whether and how the texts end, repeat and vary."""
    n, tokens = len(samples), float(samples["length"].sum())
    yield MetricRecord("", "length", float(samples["length"].mean()), n)
    yield MetricRecord("", "eos_rate", float(samples["ended"].mean()), n)
    if "entropy" in samples:
        entropy = float(samples["entropy"].sum(skipna=False)) / tokens if tokens else float("nan")
        yield MetricRecord("", "entropy", entropy, n)
    ordered = samples.sort_values(["sample", "prompt_id"], kind="stable")
    yield MetricRecord("", "distinct_2", distinct_2(ordered["completion"]), min(n, DISTINCT_COMPLETIONS))
    yield MetricRecord(
        "", "longest_repeat", float(np.mean([longest_repeat(text) for text in ordered["completion"]])), n
    )


def _wins(
    samples: pd.DataFrame, reference: pd.DataFrame, shifts: Sequence[Shift], ranges: Ranges
) -> Iterator[MetricRecord]:
    if reference.empty:
        return
    for kind, name in (("ungated", "win_rate"), ("gated", "gated_win_rate")):
        for shift in shifts:
            mine, theirs = (
                pd.Series(utility(shift, _columns(side), _quality(side), ranges, kind), index=side["prompt_id"])  # type: ignore[arg-type]
                for side in (samples, reference)
            )
            rates = win_rates(_by_prompt(mine.dropna()), _by_prompt(theirs.dropna()))
            if rates:
                yield MetricRecord(str(shift), name, float(np.mean(list(rates.values()))), len(rates))


def _by_prompt(values: pd.Series) -> dict[str, Floats]:
    if values.empty:  # no row whose utility is known to all groups of the population
        return {}
    order = np.argsort(values.index.to_numpy(), kind="stable")
    names, starts = np.unique(values.index.to_numpy()[order], return_index=True)
    return dict(zip(names, np.split(values.to_numpy()[order], starts[1:]), strict=True))


def win_rates(mine: dict[str, Floats], theirs: dict[str, Floats]) -> dict[str, float]:
    """P(mine > theirs) + P(tie) / 2 over all pairs of completions of a prompt, by prompt, where both have some."""
    return {prompt: win_rate(mine[prompt], theirs[prompt]) for prompt in mine if prompt in theirs}


def win_rate(mine: Floats, theirs: Floats) -> float:
    """Share of pairs (i, j) with mine[i] > theirs[j], ties half; both are utilities, shapes [a] and [b]."""
    gap = np.subtract.outer(mine, theirs)
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def _columns(samples: pd.DataFrame) -> dict[str, Floats]:
    return {str(name): samples[name].to_numpy() for name in samples.columns}


def _known_columns(samples: pd.DataFrame, ranges: Ranges) -> dict[str, Floats]:
    """The columns with rewards that stand for every row, where an objective was not asked everywhere too."""
    return everywhere(_columns(samples), [prefix + name for name in ranges for prefix in ("", "gold_")])


def _quality(samples: pd.DataFrame) -> Bools:
    return samples["quality"].to_numpy(dtype=bool)
