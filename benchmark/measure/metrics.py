"""The numbers of one cell, one record per number: pure functions of its evaluated completions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from benchmark.data import Bools, Floats
from benchmark.measure.utilities import KINDS, Ranges, utilities, utility
from shifts.base import Shift

DISTINCT_COMPLETIONS = 100  # distinct-2 falls with the number of completions, so that number is fixed
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
    samples: pd.DataFrame, train: Shift, evaluated: Sequence[Shift], ranges: Ranges, reference: pd.DataFrame
) -> list[MetricRecord]:
    """The metrics of one finished cell on its test prompts.

    The last checkpoint gives every metric under its plain name; every checkpoint gives its path, as `reward@64`.

    Args:
        samples: rows of samples.parquet of this cell (any splits and steps; validation is not used).
        train: the shift that the cell trained for.
        evaluated: the evaluation shifts, in the order of the curve.
        ranges: least and greatest reward by objective.
        reference: rows of the reference cell of the same seed; empty where there is none (then no win rate).
    """
    test = samples[samples["split"] == "test"]
    if test.empty:
        return []
    records = [
        MetricRecord(record.eval_shift, f"{record.metric}@{step}", record.value, record.n)
        for step, checkpoint in test.groupby("step")
        for record in _path(checkpoint, evaluated, ranges)
    ]
    last = test[test["step"] == test["step"].max()]
    records += _path(last, evaluated, ranges)
    records += _summaries(last, train, evaluated, ranges)
    records += _text(last)
    records += _wins(last, reference[reference["split"] == "test"], evaluated, ranges)
    return records


def _path(samples: pd.DataFrame, evaluated: Sequence[Shift], ranges: Ranges) -> Iterator[MetricRecord]:
    """Rewards, quality and KL of one checkpoint."""
    n = len(samples)
    for kind in KINDS:
        values = utilities(evaluated, _columns(samples), _quality(samples), ranges, kind).mean(axis=0)
        for shift, value in zip(evaluated, values, strict=True):
            yield MetricRecord(str(shift), f"{PREFIX[kind]}reward", float(value), n)
    for objective in ranges:
        yield MetricRecord("", f"reward_{objective}", float(samples[objective].mean()), n)
        yield MetricRecord("", f"gold_{objective}", float(samples[f"gold_{objective}"].mean()), n)
    yield MetricRecord("", "kl_to_reference", float(samples["kl"].mean()), n)
    yield MetricRecord("", "kl_median", float(samples["kl"].median()), n)
    yield MetricRecord("", "quality", float(samples["quality"].mean()), n)


def _summaries(
    samples: pd.DataFrame, train: Shift, evaluated: Sequence[Shift], ranges: Ranges
) -> Iterator[MetricRecord]:
    """Nominal, worst case, gap and auc, learned and gold, gated and not."""
    n = len(samples)
    for kind in KINDS:
        curve = utilities(evaluated, _columns(samples), _quality(samples), ranges, kind).mean(axis=0)
        nominal = float(utility(train, _columns(samples), _quality(samples), ranges, kind).mean())
        summary = {
            "nominal": nominal,
            "worst_case": float(curve.min()),
            "auc": float(curve.mean()),
            "robustness_gap": nominal - float(curve.min()),
        }
        for name, value in summary.items():
            yield MetricRecord(str(train) if name == "nominal" else "", PREFIX[kind] + name, value, n)


def _text(samples: pd.DataFrame) -> Iterator[MetricRecord]:
    yield MetricRecord("", "length", float(samples["length"].mean()), len(samples))
    yield MetricRecord("", "eos_rate", float(samples["ended"].mean()), len(samples))
    ordered = samples.sort_values(["sample", "prompt_id"], kind="stable")
    yield MetricRecord("", "distinct_2", distinct_2(ordered["completion"]), min(len(samples), DISTINCT_COMPLETIONS))


def _wins(
    samples: pd.DataFrame, reference: pd.DataFrame, evaluated: Sequence[Shift], ranges: Ranges
) -> Iterator[MetricRecord]:
    if reference.empty:
        return
    for kind, name in (("ungated", "win_rate"), ("gated", "gated_win_rate")):
        for shift in evaluated:
            mine, theirs = (
                pd.Series(utility(shift, _columns(side), _quality(side), ranges, kind), index=side["prompt_id"])  # type: ignore[arg-type]
                for side in (samples, reference)
            )
            rates = win_rates(_by_prompt(mine), _by_prompt(theirs))
            yield MetricRecord(str(shift), name, float(np.mean(list(rates.values()))), len(rates))


def _by_prompt(values: pd.Series) -> dict[str, Floats]:
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


def distinct_2(completions: Sequence[str] | pd.Series, count: int = DISTINCT_COMPLETIONS) -> float:
    """Distinct bigrams over all bigrams of the first `count` completions; words are split at white space.

    NaN where there are fewer than `count` completions, since the share falls with their number, or no bigram.
    Source: arXiv:1510.03055.
    """
    if len(completions) < count:
        return float("nan")
    bigrams: Counter[tuple[str, str]] = Counter()
    for text in list(completions)[:count]:
        words = text.split()
        bigrams.update(pairwise(words))
    return len(bigrams) / bigrams.total() if bigrams else float("nan")


def preference_accuracy(
    log_ratio_first: Floats, log_ratio_second: Floats, utility_first: Floats, utility_second: Floats
) -> float:
    """Share of held-out pairs that the implicit reward orders as the utilities do; each argument of shape [pairs].

    The implicit reward is beta log pi / pi_ref, so log-ratios in nats order it. Pairs of equal utility do not count;
    equal log-ratios count half. NaN where no pair counts. Source: arXiv:2305.18290, Section 4.
    """
    gap = np.sign(np.asarray(utility_first) - np.asarray(utility_second))
    agree = np.sign(np.asarray(log_ratio_first) - np.asarray(log_ratio_second)) * gap
    counted = agree[gap != 0]
    return float((0.5 + 0.5 * counted).mean()) if len(counted) else float("nan")


def _columns(samples: pd.DataFrame) -> dict[str, Floats]:
    return {str(name): samples[name].to_numpy() for name in samples.columns}


def _quality(samples: pd.DataFrame) -> Bools:
    return samples["quality"].to_numpy(dtype=bool)
