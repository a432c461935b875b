"""The same test prompts answered by every method: one seed, last checkpoint, first sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.measure.runs.groups import GroupData
from benchmark.report.types import SampleCompletion, SamplePrompt

PROMPTS = 12


def side_by_side(group: GroupData, keys: Sequence[str], count: int = PROMPTS) -> tuple[SamplePrompt, ...]:
    """`count` prompts, spread evenly over the test prompts, with the completions of `keys` in their order.

    The seed is the one that most of the methods finished, the first of them.
    """
    ids = group.test.prompt_ids
    if not ids or not keys:
        return ()
    chosen = [ids[place] for place in np.unique(np.linspace(0, len(ids) - 1, min(count, len(ids))).round().astype(int))]
    having = {place: sum(place in group.seeds_of(key) for key in keys) for place in range(len(group.seeds))}
    seed = group.seeds[max(having, key=lambda place: (having[place], -place))]
    rows = _rows(group, keys, seed, chosen)
    return tuple(_prompt(prompt_id, part, group, keys) for prompt_id, part in rows.groupby("prompt_id", sort=True))


def _rows(group: GroupData, keys: Sequence[str], seed: int, prompt_ids: Sequence[str]) -> pd.DataFrame:
    cells = group.cells[(group.cells["status"] == "done") & (group.cells["seed"] == seed)]
    last = {key: group.policies[group.path(key)[-1]].step for key in keys if group.path(key)}
    texts = group.runs.texts(prompt_ids)
    rows = texts[texts["sample"] == 0].merge(cells[["cell_id", "key"]], on="cell_id")
    return rows[rows["step"] == rows["key"].map(last)]


def _prompt(prompt_id: Any, rows: pd.DataFrame, group: GroupData, keys: Sequence[str]) -> SamplePrompt:
    by_key: dict[str, Any] = {row["key"]: row for row in rows.to_dict("records")}
    completions = tuple(_completion(by_key[key], group.runs.objectives) for key in keys if key in by_key)
    return SamplePrompt(str(prompt_id), str(rows["prompt"].iloc[0]), completions)


def _completion(row: dict[str, Any], objectives: Sequence[str]) -> SampleCompletion:
    return SampleCompletion(
        row=row["key"],
        text=row["completion"],
        quality=bool(row["quality"]),
        rewards={name: float(row[name]) for name in objectives},
        gold={name: float(row[f"gold_{name}"]) for name in objectives},
    )
