"""Seconds and bytes of a stage from recorded ones of its kind, scaled by work; a rough guess where there are none.

seconds = (recorded seconds / first guess for the recorded work) x first guess for this work. The first guess
(`Device.seconds`) knows what starting costs and how work grows; the records correct it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from benchmark.core.graph import Stage
from benchmark.core.store import Store
from benchmark.core.work import Work
from benchmark.pipeline.estimates.devices import Device
from benchmark.pipeline.estimates.records import Record, read_records
from benchmark.pipeline.estimates.work import suite_of, work_of

LIKE_IT = 1.25  # how far amounts of work may lie apart to count as the same
KIN = 4.0  # the same of stages of other methods, of which no one is the right one
UNKNOWN_WORK = "its work is not known before it runs"
FLAT_SECONDS = 10.0  # of a stage of which nothing at all is known
MEASURED, SCALED, GUESSED = 1.15, 1.5, 4.0  # the true time is within this factor, mostly
MAKE_UP = 0.5  # how far shares of the device's work may lie apart; a convolution says nothing of a transformer


@dataclass(frozen=True)
class Basis:
    """What an estimate rests on.

    records: finished stages behind it. scale: how many times their work this is. others: what they are where that is
    not the same, as labels and suites. why: in place of records.
    """

    sort: Literal["measured", "scaled", "guessed"]
    records: int = 0
    scale: float = 1.0
    others: tuple[str, ...] = ()
    why: str = ""

    @property
    def uncertainty(self) -> float:
        """The factor within which the true time is, mostly; every further power of ten of the scale adds to it."""
        if self.sort == "scaled":
            return min(GUESSED, SCALED ** max(1.0, abs(math.log10(self.scale))))
        return MEASURED if self.sort == "measured" else GUESSED

    def __str__(self) -> str:
        if self.sort == "guessed":
            return f"guessed: {self.why}"
        if self.sort == "measured":
            return f"measured: {self.records} like it"
        ones = "ones" if self.records > 1 else "one"
        if 1 / LIKE_IT <= self.scale <= LIKE_IT:
            ones = "of that size"
        else:
            ones = f"smaller {ones}" if self.scale > 1 else f"larger {ones}"
        kin = f"{', '.join(self.others)}; " if self.others else ""
        scale = f"{self.scale:,.0f}" if self.scale >= 10 else f"{self.scale:.2g}"
        return f"scaled from {self.records} {ones} ({kin}x {scale})"


@dataclass(frozen=True)
class Estimate:
    """What a stage will cost, and how that is known."""

    stage: Stage
    seconds: float
    bytes: float
    basis: Basis

    @property
    def of_unknown_work(self) -> bool:
        """Whether it rests on nothing at all."""
        return self.basis.why == UNKNOWN_WORK

    @property
    def least(self) -> float:
        """Seconds that it takes at least, mostly."""
        return self.seconds / self.basis.uncertainty

    @property
    def greatest(self) -> float:
        """Seconds that it takes at most, mostly."""
        return self.seconds * self.basis.uncertainty


class Estimator:
    """Estimates from the records of one store, for one device."""

    def __init__(self, store: Store, device: Device, records: Sequence[Record] | None = None) -> None:
        self._store = store
        self._device = device
        self._records: dict[str, list[Record]] = defaultdict(list)
        for record in read_records(store) if records is None else records:
            if record.device == device.name:
                self._records[record.kind].append(record)

    def estimate(self, stage: Stage) -> Estimate:
        """Of one stage."""
        work = work_of(stage, self._store)
        if work is None:
            return Estimate(stage, FLAT_SECONDS, 0.0, Basis("guessed", why=UNKNOWN_WORK))
        return self.of_work(stage, work)

    def of_work(self, stage: Stage, work: Work) -> Estimate:
        """The same of a stage with the given work."""
        kin = self._kin(stage, work)
        guess = self._device.seconds(work)
        if not kin:
            return Estimate(stage, guess, work.bytes, Basis("guessed", why="nothing comparable ran here"))
        own = all(record.label == stage.label for record in kin)
        nearest = self._nearest(kin, guess, LIKE_IT if own else KIN)
        others = {_apart(record, stage.label, suite_of(stage)) for record in nearest} - {""}
        guesses = [self._device.seconds(record.work) for record in nearest]
        ratio = median(record.seconds / its for record, its in zip(nearest, guesses, strict=True))
        scale = guess / median(guesses)
        exact = not others and all(_alike(record.work, work) for record in nearest)
        basis = Basis("measured" if exact else "scaled", len(nearest), scale, tuple(sorted(others)))
        return Estimate(stage, ratio * guess, _bytes(nearest, work), basis)

    def _kin(self, stage: Stage, work: Work) -> list[Record]:
        """Records of the same kind and make-up: of the same label and suite if there are any, else of the label, of the
        suite, or of any."""
        suite, share = suite_of(stage), self._device.share(work)
        records = [r for r in self._records[stage.kind] if abs(self._device.share(r.work) - share) < MAKE_UP]
        labelled = [record for record in records if record.label == stage.label]
        for wanted in (labelled, records):
            own = [record for record in wanted if record.suite == suite]
            if own or wanted:
                return own or wanted
        return []

    def _nearest(self, records: list[Record], guess: float, factor: float) -> list[Record]:
        """The one whose amount of work is nearest to the one that is asked for, and those within a factor of it."""
        distances = [abs(math.log(self._device.seconds(record.work) / guess)) for record in records]
        reach = min(distances) + math.log(factor)
        return [record for record, distance in zip(records, distances, strict=True) if distance <= reach]


def _alike(one: Work, other: Work) -> bool:
    """Whether two amounts of work are about the same, in each of their parts."""
    pairs = ((one.flops, other.flops), (one.passes, other.passes), (one.host_seconds, other.host_seconds))
    return all(max(pair) <= LIKE_IT * min(pair) for pair in pairs)


def _apart(record: Record, label: str, suite: str) -> str:
    """What sets a record apart from stages of a label and suite; empty: nothing."""
    named = [record.label] if record.label != label else []
    return " ".join(named + ([f"in {record.suite}"] if record.suite != suite else []))


def _bytes(records: Sequence[Record], work: Work) -> float:
    """On disk: scaled where both works say how much is written, else as stated, else as the records are."""
    if not work.bytes:
        return median(record.bytes for record in records)
    swollen = [record.bytes / record.work.bytes for record in records if record.work.bytes]
    return work.bytes * (median(swollen) if swollen else 1.0)
