"""Caveats as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from benchmark.report.caveats import (
    Caveat,
    Difference,
    FewSeeds,
    MixedRuns,
    MorePolicies,
    OtherMachines,
    Repeats,
    SeveralArithmetics,
    UnequalPolicies,
    UnlikeRepeats,
)
from benchmark.report.words.numbers import listed, verb

MOST_CELLS = 5  # differing cells that a message lists


@singledispatch
def caveat(kind: Caveat) -> str:
    """The caveat in a sentence or two."""
    raise TypeError(f"no words for a caveat of kind {type(kind).__name__}")


@caveat.register
def _(kind: FewSeeds) -> str:
    if kind.seeds == 1:
        return "One seed only: intervals are over prompts, and nothing can be said over seeds."
    return f"{kind.seeds} seeds: intervals allow for it and are wide where seeds differ; five or more tell more apart."


@caveat.register
def _(kind: MixedRuns) -> str:
    return (
        f"Mixed runs, merged on request. They differ in {'; '.join(differences(kind.differences))}. A difference "
        "between rows of different runs may come from that."
    )


@caveat.register
def _(kind: OtherMachines) -> str:
    return (
        f"Merged from several runs, which differ in {'; '.join(differences(kind.differences))}. Times and memory of a "
        "row are those of its own machine."
    )


@caveat.register
def _(kind: UnlikeRepeats) -> str:
    return f"Several runs are merged: {repeats(kind.repeats)}."


@caveat.register
def _(kind: MorePolicies) -> str:
    more = ", ".join(f"{method} ({count})" for method, count in kind.counts)
    return (
        f"Under a selection rule, {more} may choose from more policies than plain DPO has ({kind.dpo}): that flatters "
        "them against the envelope."
    )


@caveat.register
def _(kind: UnequalPolicies) -> str:
    unusual = ", ".join(f"{count} of {method}" for method, count in kind.counts)
    return (
        "Selection rules choose from unequal numbers of policies (settings x checkpoints): "
        f"{unusual}; {kind.usual} of every other method."
    )


@caveat.register
def _(kind: SeveralArithmetics) -> str:
    where = "; ".join(f"{name} in {listed(tuple(map(repr, folders)))}" for name, folders in kind.arithmetics)
    seeds = tuple(map(str, kind.seeds))
    named, count = f"{verb(seeds, 'seed', 'seeds')} {listed(seeds)}", verb(seeds, "counts", "count")
    return (
        f"The same seed is another draw where the arithmetic differs: {named} came out differently with "
        f"{len(kind.arithmetics)} numerics ({where}) and {count} as {kind.draws} draws. A row is compared with what "
        "has its own draws. Draws of one seed share its prompts and what was drawn before they parted, so they tell "
        "less than new seeds do."
    )


def difference(one: Difference) -> str:
    """What differs, and which folders have which value."""
    return f"{one.key}: " + "; ".join(f"{value} in {', '.join(map(repr, folders))}" for value, folders in one.values)


def differences(several: Sequence[Difference]) -> list[str]:
    """Every difference; of many cells that differ the first few, and how many more."""
    cells = [difference(one) for one in several if one.of_cell]
    others = [difference(one) for one in several if not one.of_cell]
    if len(cells) <= MOST_CELLS:
        return [*others, *cells]
    return [*others, *cells[:MOST_CELLS], f"and {len(cells) - MOST_CELLS} more cells"]


def repeats(repeated: Repeats) -> str:
    """What cells that several runs hold came to."""
    if not repeated.cells:
        return "no finished cell is in more than one of them"
    if not repeated.different:
        return f"the {repeated.cells} finished cells that more than one of them holds came out the same"
    return (
        f"of {repeated.cells} finished cells that more than one of them holds, {repeated.different} came out "
        f"differently, by at most {repeated.greatest:.3g} in {repeated.metric}; the first run's numbers are shown"
    )
