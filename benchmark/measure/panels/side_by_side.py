"""The same test prompts answered by every method: one seed, last checkpoint, first sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.measure.runs.arenas import ArenaData
from benchmark.report import SampleCompletion, SamplePrompt

PROMPTS = 12


def side_by_side(arena: ArenaData, keys: Sequence[str], count: int = PROMPTS) -> tuple[SamplePrompt, ...]:
    """`count` prompts, spread evenly over the test prompts, with the completions of `keys` in their order.

    The seed is the one that most of the methods finished, the first of them.
    """
    ids = arena.test.prompt_ids
    if not ids or not keys:
        return ()
    chosen = [ids[index] for index in np.unique(np.linspace(0, len(ids) - 1, min(count, len(ids))).round().astype(int))]
    finished = {row: sum(row in arena.seed_rows(key) for key in keys) for row in range(len(arena.seeds))}
    seed = arena.seeds[max(finished, key=lambda row: (finished[row], -row))]
    rows = _rows(arena, keys, seed, chosen)
    return tuple(_prompt(prompt_id, part, arena, keys) for prompt_id, part in rows.groupby("prompt_id", sort=True))


def _rows(arena: ArenaData, keys: Sequence[str], seed: int, prompt_ids: Sequence[str]) -> pd.DataFrame:
    cells = arena.cells[(arena.cells["status"] == "done") & (arena.cells["seed"] == seed)]
    last = {key: arena.policies[arena.trajectory(key)[-1]].step for key in keys if arena.trajectory(key)}
    texts = arena.runs.texts(prompt_ids)
    rows = texts[texts["sample"] == 0].merge(cells[["cell_id", "key"]], on="cell_id")
    return rows[rows["step"] == rows["key"].map(last)]


def _prompt(prompt_id: Any, rows: pd.DataFrame, arena: ArenaData, keys: Sequence[str]) -> SamplePrompt:
    by_key: dict[str, Any] = {row["key"]: row for row in rows.to_dict("records")}
    completions = tuple(_completion(by_key[key], arena.runs.objectives) for key in keys if key in by_key)
    return SamplePrompt(str(prompt_id), str(rows["prompt"].iloc[0]), completions)


def _completion(row: dict[str, Any], objectives: Sequence[str]) -> SampleCompletion:
    return SampleCompletion(
        row=row["key"],
        text=row["completion"],
        quality=bool(row["quality"]),
        rewards={name: float(row[name]) for name in objectives},
        gold={name: float(row[f"gold_{name}"]) for name in objectives},
    )
