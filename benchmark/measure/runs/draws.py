"""Draws: the same seed is another draw where the arithmetic differs, since training carries the last bits far.

Runs of one arithmetic (the fingerprint in environment.json) hold the same draws. Of two arithmetics, a seed is one draw
where the cells that both finished came out the same to rounding, else two: both are kept, under numbers of their own,
and a method is held against the DPO of its own draw because both carry the same number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.report import SeveralArithmetics

UNKNOWN = "unknown"  # of a run that does not record its arithmetic: one value like any other
ROUNDING = 1e-4  # two numbers are the same within this, relative to those above 1
NUMBER = ["method", "hparams", "train_shift", "eval_shift", "metric"]  # what names a number of a seed


@dataclass(frozen=True)
class Draw:
    """What one number in the column `seed` of merged runs stands for.

    numerics: the fingerprint of its arithmetic; "" where the seed has one draw alone, which needs no telling apart.
    """

    seed: int
    numerics: str = ""

    @property
    def name(self) -> str:
        """As a reader is told: `3`, or `3 (numerics 5e8abe0673a0)`."""
        return f"{self.seed} (numerics {self.numerics})" if self.numerics else str(self.seed)


def fingerprint(environment: Mapping[str, Any]) -> str:
    """Of the arithmetic of a run; where its stages were made with several, all of them."""
    return "+".join(sorted(made["fingerprint"] for made in environment.get("numerics", ()))) or UNKNOWN


def numbered(fingerprints: Sequence[str], results: Sequence[pd.DataFrame]) -> list[dict[int, int]]:
    """The number of every seed's draw, by the seed, for each of several runs: the seed's own where it is first met.

    Args:
        fingerprints: of the runs.
        results: of the runs, as in results.parquet, without what the machine or other cells decide.
    """
    families = list(dict.fromkeys(fingerprints))
    stride = 1 + max((int(table["seed"].max()) for table in results if len(table)), default=0)
    tables = [
        pd.concat([table for own, table in zip(fingerprints, results, strict=True) if own == family])
        for family in families
    ]
    numbers: list[dict[int, int]] = []
    for place, table in enumerate(tables):
        mine: dict[int, int] = {}
        for seed in map(int, table["seed"].unique()):
            of_seed = table[table["seed"] == seed]
            earlier = [(n[seed], t[t["seed"] == seed]) for n, t in zip(numbers, tables, strict=False) if seed in n]
            same = [number for number, other in earlier if _came_out_the_same(of_seed, other)]
            mine[seed] = same[0] if same else place * stride + seed if earlier else seed
        numbers.append(mine)
    return [numbers[families.index(own)] for own in fingerprints]


def _came_out_the_same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether both have a cell in common, and no number of such cells differs by more than rounding."""
    first, second = (table[[*NUMBER, "value"]].drop_duplicates(NUMBER) for table in (one, other))
    both = first.merge(second, on=NUMBER, suffixes=("", "_other"))
    if both.empty:
        return False
    mine, its = both["value"], both["value_other"]
    apart = (mine - its).abs() > ROUNDING * mine.abs().clip(lower=1.0)
    return not (apart | (mine.isna() != its.isna())).any()


def draws(fingerprints: Sequence[str], numbers: Sequence[Mapping[int, int]]) -> dict[int, Draw]:
    """What every number stands for; the fingerprint is told where the seed has several draws."""
    found: dict[int, Draw] = {}
    for own, by_seed in zip(fingerprints, numbers, strict=True):
        for seed, number in by_seed.items():
            found.setdefault(number, Draw(seed, own))
    several = _several(found.values())
    return {n: draw if draw.seed in several else Draw(draw.seed) for n, draw in found.items()}


def _several(found: Iterable[Draw]) -> set[int]:
    seeds = [draw.seed for draw in found]
    return {seed for seed in seeds if seeds.count(seed) > 1}


def cell_names(cells: pd.DataFrame, numbers: Mapping[int, int]) -> dict[str, str]:
    """New names for the cells of seeds whose number is not their own: another run has such a cell by the same name."""
    pairs = zip(cells["cell_id"], map(int, cells["seed"]), strict=True)
    return {str(cell): f"{cell}@{numbers[seed]}" for cell, seed in pairs if numbers.get(seed, seed) != seed}


def renumbered(table: pd.DataFrame, numbers: Mapping[int, int], names: Mapping[str, str]) -> pd.DataFrame:
    """A table of a run with the numbers of draws in the place of seeds, and the cells' names."""
    if "cell_id" in table:
        table = renamed(table, names)
    if "seed" in table:
        moves = table["seed"].map(lambda seed: numbers.get(int(seed), int(seed)) - int(seed))
        counted = [column for column in ("seed", "policy_seed") if column in table]
        table = table.assign(**{column: table[column] + moves for column in counted})
    return table


def renamed(table: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """With other cell_ids, where `names` has one."""
    return table.assign(cell_id=[names.get(cell, cell) for cell in table["cell_id"]])


def caveat(
    fingerprints: Sequence[str], folders: Sequence[str], found: Mapping[int, Draw]
) -> tuple[SeveralArithmetics, ...]:
    """What a reader must know of seeds that are several draws; nothing where there are none."""
    counted = [draw for draw in found.values() if draw.numerics]
    if not counted:
        return ()
    where: dict[str, tuple[str, ...]] = {}
    for own, folder in zip(fingerprints, folders, strict=True):
        where[own] = (*where.get(own, ()), folder)
    return (SeveralArithmetics(tuple(where.items()), tuple(sorted({draw.seed for draw in counted})), len(counted)),)
