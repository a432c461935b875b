"""What a row shows against the envelope, and what is wrong with an arena: kinds, from numbers alone."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.report import (
    Absent,
    Caveat,
    Estimate,
    FewSeeds,
    NegativeControlClears,
    NoNegativeControl,
    NoPositiveControl,
    PositiveControlsFail,
    Row,
    Status,
    Verdict,
)

FEW_SEEDS = 5
JUDGED = (Verdict.CLEARS, Verdict.DOES_NOT_CLEAR)
WITHOUT_NUMBER = {Absent.NOMINAL_WIN: Verdict.NOMINAL_WIN, Absent.EDGE: Verdict.EDGE}
WITHOUT_SEED: dict[Status, Verdict] = {"failed": Verdict.FAILED, "skipped": Verdict.SKIPPED}


def row_verdict(status: Status, over: Estimate | None) -> Verdict:
    """What a row's `gated_over_envelope` says. One seed says nothing; an interval that touches 0 does not clear it.

    Args:
        status: of the row.
        over: None where no seed is done.
    """
    if over is None:
        return WITHOUT_SEED.get(status, Verdict.NOT_JUDGED)
    if over.value is None:
        return WITHOUT_NUMBER.get(over.absent, Verdict.NOT_JUDGED) if over.absent else Verdict.NOT_JUDGED
    if over.n < 2:
        return Verdict.ONE_SEED
    if over.low is None:
        return Verdict.NOT_JUDGED
    return Verdict.CLEARS if over.low > 0 else Verdict.DOES_NOT_CLEAR


def control_caveats(rows: Sequence[Row]) -> tuple[Caveat, ...]:
    """What is wrong with the controls, nothing where they behave.

    Positive: an oracle must clear the envelope. Negative: plain DPO at a beta inside the sweep, left out of it, must
    not (the ends of the sweep may: without them the others reach less far).
    """
    if not any(row.metrics for row in rows):
        return ()
    return (*_positive_caveats(rows), *_negative_caveats(rows))


def _positive_caveats(rows: Sequence[Row]) -> list[Caveat]:
    judged = [row for row in rows if row.role == "positive control" and row.outcome() in JUDGED]
    if not judged:
        return [NoPositiveControl()]
    failing = tuple(row.label for row in judged if row.outcome() is not Verdict.CLEARS)
    return [PositiveControlsFail(failing, every=len(failing) == len(judged))] if failing else []


def _negative_caveats(rows: Sequence[Row]) -> list[Caveat]:
    inside = inner_dpo(rows)
    clearing: list[Caveat] = [NegativeControlClears(row.label) for row in inside if row.outcome() is Verdict.CLEARS]
    judged = any(row.outcome() is not Verdict.NOT_JUDGED for row in inside)
    return clearing if judged else [*clearing, NoNegativeControl()]


def inner_dpo(rows: Sequence[Row]) -> list[Row]:
    """Plain DPO rows whose beta lies strictly inside the sweep."""
    dpo = sorted(
        (row for row in rows if row.method == "dpo" and "beta" in row.hparams and row.seeds_done),
        key=lambda row: float(row.hparams["beta"]),
    )
    return dpo[1:-1]


def seed_caveats(seeds: int) -> tuple[Caveat, ...]:
    """That there are so few seeds that intervals suffer; nothing where there are none at all."""
    return (FewSeeds(seeds),) if 0 < seeds < FEW_SEEDS else ()
