"""Error, coverage and power of `gated_over_envelope` in worlds drawn from a finished run.

Run: `python -m tests.simulations.over_envelope RUN [--worlds N]`. RUN: a folder of a finished run with plain DPO and
several seeds. Every line is one kind of world; its rows truly lie on the envelope, or over it, at nominal utilities
that fall short of DPO's greatest by the given gap.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmark.core.data import Floats
from benchmark.measure.runs.arenas import arenas_of
from benchmark.measure.runs.reading import load_runs
from benchmark.measure.statistics.bootstrap import LEVEL, seeds_alone, spread_of
from benchmark.measure.statistics.envelope import BOTH_WAYS, over_envelope
from benchmark.measure.statistics.moderation import NOTHING_SHARED, SharedVariance, seed_effects, shared_variance
from benchmark.measure.table.comparer import at_edge
from tests.simulations.worlds import Run, Sizes, both_halves, draw, row_at

GAPS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2)
MARGIN = 0.02
REPLICATES = 600


@dataclass
class Tally:
    """Of rows of one kind: how many there were, were judged, were off, were said to clear, and not to."""

    rows: int = 0
    judged: int = 0
    off: int = 0
    clears: int = 0
    does_not: int = 0
    halves: list[float] = field(default_factory=list)

    def add(self, value: float, half: float, truth: float) -> None:
        """A judged row."""
        self.judged += 1
        self.off += abs(value - truth) > half
        self.clears += value - half > 0
        self.does_not += value - half <= 0 and value + half < MARGIN
        self.halves.append(half)

    def line(self) -> str:
        """In per cent: judged and off of all rows; off, said to clear and said not to, of the judged ones."""
        if not self.judged:
            return f"{0:8.0f}%{0:9.1f}%"
        shares = "".join(f"{100 * part / self.judged:9.1f}%" for part in (self.off, self.clears, self.does_not))
        of_all = f"{100 * self.judged / self.rows:8.0f}%{100 * self.off / self.rows:9.1f}%"
        return f"{of_all}{shares}{np.median(self.halves):10.4f}"


def simulate(run: Run, sizes: Sizes, lift: float, worlds: int) -> dict[tuple[str, float], Tally]:
    """Tallies by procedure and gap: `before` drops empty halves and shares nothing, `now` is what a page does."""
    rows = [row_at(run, gap, lift) for gap in GAPS]
    truths = [lift - 0.5 * sizes.collapse * (row.truth[:-1].min()) for row in rows]
    tallies: dict[tuple[str, float], Tally] = defaultdict(Tally)
    for world in range(worlds):
        rng = np.random.default_rng([world, sizes.seeds, sizes.samples])
        resamples = both_halves(sizes, REPLICATES, world % 8)
        means = draw(run, rows, sizes, resamples, rng)
        dpo = [half.keep(range(len(run.means))) for half in means]
        folds = [
            [over_envelope(dpo, [half.keep([len(run.means) + i]) for half in means], (fold,)) for fold in BOTH_WAYS]
            for i in range(len(rows))
        ]
        strict: list[Floats] = [np.asarray(np.mean(each, axis=0)) for each in folds]
        shared = _shared([values for values in strict if not at_edge(values)], resamples[1].seeds)
        for gap, truth, each, values in zip(GAPS, truths, folds, strict, strict=True):
            _judge(tallies["now", gap], values, sizes.seeds, truth, shared, edge=at_edge(values))
            kept = _those_that_answer(np.stack(each))
            _judge(tallies["before", gap], kept, sizes.seeds, truth, NOTHING_SHARED, edge=bool(np.isnan(kept[0])))
    return tallies


def _those_that_answer(folds: Floats) -> Floats:
    """The mean of the folds that are not empty, as it was done before."""
    known = ~np.isnan(folds)
    total = np.where(known, folds, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _shared(rows: list[Floats], weights: Floats) -> SharedVariance:
    if not rows:
        return NOTHING_SHARED
    return shared_variance(np.stack([seed_effects(seeds_alone(row), seeds_alone(weights)) for row in rows]))


def _judge(tally: Tally, values: Floats, seeds: int, truth: float, shared: SharedVariance, edge: bool) -> None:
    tally.rows += 1
    if not edge:
        half = float(spread_of(values, seeds).with_shared(shared).half_width(1 - LEVEL))
        tally.add(float(values[0]), half, truth)


def report(run: Run, sizes: Sizes, lift: float, worlds: int) -> None:
    """Print one table."""
    print(f"\n{sizes}, lift {lift:+.2f}, {worlds} worlds")
    columns = ("off", "of judged", "clears", "does not", "half")
    print(f"{'gap':>8}{'procedure':>10}{'judged':>9}" + "".join(f"{name:>10}" for name in columns))
    tallies = simulate(run, sizes, lift, worlds)
    for gap in GAPS:
        for procedure in ("before", "now"):
            print(f"{gap:8.3f}{procedure:>10}{tallies[procedure, gap].line()}", flush=True)


def main() -> None:
    """All tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--worlds", type=int, default=400)
    options = parser.parse_args()
    (runs,) = load_runs([options.run])
    run = Run.of(arenas_of(runs)[0])
    for seeds in (3, 5):
        for samples, lift in ((1, 0.0), (4, 0.0), (1, 0.02), (4, 0.02)):
            report(run, Sizes(seeds=seeds, samples=samples), lift, options.worlds)
        report(run, Sizes(seeds=seeds, together=True), 0.0, options.worlds)
        report(run, Sizes(seeds=seeds, collapse=0.1), 0.0, options.worlds)


if __name__ == "__main__":
    main()
