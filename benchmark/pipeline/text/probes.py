"""From a cell's probes to numbers: how log-probabilities moved, and what held-out pairs say of the implicit reward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.data import Floats, read_table
from benchmark.core.store import Store
from benchmark.measure.records.labelled import JudgedLabels, label_numbers
from benchmark.measure.records.linear import linear_weights
from benchmark.measure.records.metrics import MetricRecord
from benchmark.measure.records.probes import expected_loss, gradient_ratios, preference_accuracy
from benchmark.pipeline.text.builder import TextCell, TextMatrix
from benchmark.pipeline.text.evaluation import heldout_scores
from benchmark.pipeline.text.stages import HELDOUT, LOGPS, PROBES
from benchmark.suites.answers import AnswerSuite
from benchmark.suites.labelled import LabelledSuite
from methods import Method, PairBatch, PairwiseMethod
from shifts import Rewards, Shift
from shifts.labels import Labelling

LOGP, LENGTH = "reference_logp", "length"  # columns of held-out pairs beside their rewards
WORST = {  # of the groups, by the number that it is the least of
    "worst_group_accuracy": "preference_accuracy",
    "worst_group_length_controlled_accuracy": "length_controlled_accuracy",
}


def probe_records(matrix: TextMatrix, cell: TextCell, store: Store) -> list[MetricRecord]:
    """Log-probability changes at every checkpoint, and the numbers of held-out pairs at the last; none where the
    policy's probabilities are not known."""
    assert cell.result is not None
    file = cell.result.folder(store) / PROBES
    if not file.exists():
        return []
    probes = pd.DataFrame(read_table(file))
    last = probes["step"].max()
    records = []
    for (kind, step), part in probes.groupby(["kind", "step"]):
        records += _at(f"logp_{kind}", step, last, float(part["change"].mean()), len(part))
    if "reference_logps" in cell.stages:
        before = pd.DataFrame(read_table(cell.stages["reference_logps"].folder(store) / LOGPS))
        for step, ratios in gradient_ratios(probes, before).items():
            records += _at("gradient_ratio", step, last, float(ratios.mean()), len(ratios))
    if not cell.method.trains:
        return records  # the reference's implicit reward is 0 everywhere: it orders nothing
    held_out = probes[(probes["kind"] == "heldout") & (probes["step"] == last)].sort_values("row")
    return records + list(_held_out(matrix, cell, store, held_out["change"].to_numpy()))


def _held_out(matrix: TextMatrix, cell: TextCell, store: Store, change: Floats) -> Iterator[MetricRecord]:
    """What the order of held-out pairs says, and, where a population has groups, what its own loss costs them."""
    columns = _columns(cell, store)
    groups = [corner for corner in cell.train_shift.corners() if len(cell.train_shift.annotators()) > 1]
    if isinstance(matrix.suite, LabelledSuite):
        yield from _of_labels(matrix, cell, columns, groups, change)
    else:
        yield from _of_utilities(matrix, cell, columns, groups, change)
    losses = _own_losses(cell.method, columns, change) if groups else None
    if losses is None:
        return
    labelling: Labelling = cell.stages["pairs"].arguments["labelling"]
    by_group = [
        expected_loss(*losses, labelling.probability_first(*_sides(group, columns)))  # NaN where it was not asked
        for group in groups
    ]
    yield MetricRecord("", "worst_group_loss", max(by_group), len(change) // 2)
    yield MetricRecord("", "group_loss_gap", max(by_group) - min(by_group), len(change) // 2)


def _of_utilities(
    matrix: TextMatrix, cell: TextCell, columns: dict[str, Any], groups: Sequence[Shift], change: Floats
) -> Iterator[MetricRecord]:
    """Accuracy under every evaluation shift, and that of the worst of the groups."""
    least = matrix.suite.least_gap if isinstance(matrix.suite, AnswerSuite) else 0.0

    def accuracy(shift: Shift) -> float:
        first, second = _sides(shift, columns)
        return preference_accuracy(change[0::2], change[1::2], first, second, least)

    for shift in matrix.evaluation[cell.train_shift]:
        yield MetricRecord(str(shift), "preference_accuracy", accuracy(shift), len(change) // 2)
    if groups:
        yield MetricRecord("", "worst_group_accuracy", min(map(accuracy, groups)), len(change) // 2)


def _of_labels(
    matrix: TextMatrix, cell: TextCell, columns: dict[str, Any], groups: Sequence[Shift], change: Floats
) -> Iterator[MetricRecord]:
    """The numbers of people's labels under every evaluation shift, and the accuracies of the worst of the groups."""
    chose = {name: columns[name] for name in matrix.suite.objectives}
    beta = getattr(cell.method, "beta", None)

    def labels(shift: Shift) -> JudgedLabels:
        return JudgedLabels.of(change, columns[LENGTH], chose, linear_weights(shift) or {})

    for shift in matrix.evaluation[cell.train_shift]:
        population = labels(shift)
        for name, value in label_numbers(population, beta):
            yield MetricRecord(str(shift), name, value, population.pairs)
    by_group = [dict(label_numbers(labels(group), None)) for group in groups]
    for worst, name in WORST.items():
        if by_group:
            yield MetricRecord("", worst, min(numbers[name] for numbers in by_group), len(change) // 2)


def _own_losses(method: Method, columns: dict[str, Any], change: Floats) -> tuple[Floats, Floats] | None:
    """What the method's own loss says of every held-out pair, labelled either way, in the loss's unit; None where it is
    no loss of single pairs, or the log-probabilities are not kept."""
    if LOGP not in columns or not isinstance(method, PairwiseMethod) or method.couples_losses:
        return None
    import torch

    before, moved, lengths = (torch.tensor(values) for values in (columns[LOGP], change, columns[LENGTH]))
    after = before + moved

    def losses(chosen: slice, rejected: slice) -> Floats:
        batch = PairBatch(
            after[chosen], after[rejected], before[chosen], before[rejected], lengths[chosen], lengths[rejected]
        )
        return np.asarray(method.pair_losses(batch.with_state(method.initial_state(1))))

    first, second = slice(0, None, 2), slice(1, None, 2)
    return losses(first, second), losses(second, first)


def _columns(cell: TextCell, store: Store) -> dict[str, Any]:
    """Rewards of held-out completions by objective, first and second of each pair by turns, and what else is kept."""
    assert cell.result is not None
    if "heldout_scores" in cell.stages:
        return heldout_scores(cell.stages["heldout_scores"].folder(store))
    return read_table(cell.result.folder(store) / HELDOUT)


def _sides(shift: Shift, columns: dict[str, Any]) -> tuple[Floats, Floats]:
    utility = shift.utility(Rewards({name: columns[name] for name in shift.objectives}))
    return utility[0::2], utility[1::2]


def _at(metric: str, step: Any, last: Any, value: float, n: int) -> list[MetricRecord]:
    """A number of one checkpoint, which of the last one goes by its plain name too."""
    names = (f"{metric}@{step}", metric) if step == last else (f"{metric}@{step}",)
    return [MetricRecord("", name, value, n) for name in names]
