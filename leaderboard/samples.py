"""The sample browser's data: prompts with the completions of every row."""

from __future__ import annotations

from typing import Any

from benchmark.report import Arena, SampleCompletion
from leaderboard.tables import number


def samples(arena: Arena) -> dict[str, Any]:
    """JSON of the prompts of an arena: `rows` are the rows that answer any of them, as [key, label]; a completion names
    its row by its index there. Rewards are text, in the order of the arena's objectives.
    """
    labels = {row.key: row.label for row in arena.rows}
    indices: dict[str, int] = {}
    for prompt in arena.samples:
        for completion in prompt.completions:
            indices.setdefault(completion.row, len(indices))
    return {
        "rows": [[key, labels.get(key, key)] for key in indices],
        "objectives": arena.objectives,
        "prompts": [
            {
                "id": prompt.prompt_id,
                "prompt": prompt.prompt,
                "completions": [_completion(each, arena.objectives, indices) for each in prompt.completions],
            }
            for prompt in arena.samples
        ],
    }


def _completion(completion: SampleCompletion, objectives: tuple[str, ...], indices: dict[str, int]) -> dict[str, Any]:
    return {
        "row": indices[completion.row],
        "text": completion.text,
        "quality": completion.quality,
        "rewards": [number(completion.rewards.get(name), 2) for name in objectives],
        "gold": [number(completion.gold.get(name), 2) for name in objectives],
    }
