"""The sample browser's data: prompts with the completions of every row."""

from __future__ import annotations

from typing import Any

from benchmark.report.types import Group, SampleCompletion
from leaderboard.tables import number


def samples(group: Group) -> dict[str, Any]:
    """JSON of the prompts of a group: `rows` are the rows that answer any of them, as [key, label]; a completion names
    its row by its place there. Rewards are text, in the order of the group's objectives.
    """
    labels = {row.key: row.label for row in group.rows}
    places: dict[str, int] = {}
    for prompt in group.samples:
        for completion in prompt.completions:
            places.setdefault(completion.row, len(places))
    return {
        "rows": [[key, labels.get(key, key)] for key in places],
        "objectives": group.objectives,
        "prompts": [
            {
                "id": prompt.prompt_id,
                "prompt": prompt.prompt,
                "completions": [_completion(each, group.objectives, places) for each in prompt.completions],
            }
            for prompt in group.samples
        ],
    }


def _completion(completion: SampleCompletion, objectives: tuple[str, ...], places: dict[str, int]) -> dict[str, Any]:
    return {
        "row": places[completion.row],
        "text": completion.text,
        "quality": completion.quality,
        "rewards": [number(completion.rewards.get(name), 2) for name in objectives],
        "gold": [number(completion.gold.get(name), 2) for name in objectives],
    }
