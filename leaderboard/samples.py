"""The sample browser's data: prompts with the completions of every row."""

from __future__ import annotations

from typing import Any

from benchmark.measure.report import Group, SampleCompletion
from leaderboard.tables import number


def samples(group: Group) -> list[dict[str, Any]]:
    """JSON of the prompts of a group; rewards are text, in the order of the group's objectives."""
    labels = {row.key: row.label for row in group.rows}
    return [
        {
            "id": prompt.prompt_id,
            "prompt": prompt.prompt,
            "completions": [_completion(completion, group.objectives, labels) for completion in prompt.completions],
        }
        for prompt in group.samples
    ]


def _completion(completion: SampleCompletion, objectives: tuple[str, ...], labels: dict[str, str]) -> dict[str, Any]:
    return {
        "row": completion.row,
        "label": labels.get(completion.row, completion.row),
        "text": completion.text,
        "quality": completion.quality,
        "rewards": [number(completion.rewards.get(name), 2) for name in objectives],
        "gold": [number(completion.gold.get(name), 2) for name in objectives],
    }
