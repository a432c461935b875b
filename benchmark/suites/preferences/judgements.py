"""From a row to what a person said of two responses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmark.suites.preferences.columns import Columns, as_number, preferred, value_at
from benchmark.suites.preferences.reading import Row

Pair: TypeAlias = tuple[str, str, str]  # prompt, and both responses in the order of their texts
ALL = "all"  # the group of a set that names none
OPENING = "dialogue_opening"  # column of rows that a format made of dialogues: the first turn
TIE = "a tie"
SPEAKERS = {"user": "Human", "human": "Human", "prompter": "Human", "assistant": "Assistant", "model": "Assistant"}


@dataclass(frozen=True)
class Judgement:
    """One person's choice. opening: the text by which splits are made, of a dialogue its first turn, so that no two
    turns of it stand in two splits; margin and time as the file has them, None where it has none."""

    prompt: str
    chosen: str
    rejected: str
    group: str
    opening: str
    margin: float | None = None
    time: float | None = None
    split: str | None = None

    @property
    def pair(self) -> Pair:
        """What was judged, whichever was chosen."""
        first, second = sorted((self.chosen, self.rejected))
        return self.prompt, first, second


class Unusable(Exception):
    """A row says nothing; why, in words."""


def judgements(rows: Iterable[Row], columns: Columns) -> tuple[list[Judgement], Counter[str]]:
    """What all rows say, and why rows or labels say nothing, with their numbers."""
    found: list[Judgement] = []
    left_out: Counter[str] = Counter()
    for row in rows:
        for group, label in columns.labels.items() or [(None, columns.label)]:
            try:
                found.append(_judgement(row, columns, group, label))
            except Unusable as reason:
                left_out[str(reason)] += 1
    return found, left_out


def as_text(value: Any) -> str:
    """A prompt as text: itself, or messages as a dialogue; one message alone is its content."""
    if not isinstance(value, list):
        return "" if value is None else str(value).strip()
    turns = [turn for turn in value if isinstance(turn, Mapping) and str(turn.get("content") or "").strip()]
    if len(turns) == 1:
        return str(turns[0]["content"]).strip()
    return "\n\n".join(f"{_speaker(turn)}: {str(turn['content']).strip()}" for turn in turns)


def _judgement(row: Row, columns: Columns, group: str | None, label: str | None) -> Judgement:
    """Raises Unusable."""
    prompt = value_at(row, str(columns.prompt))
    text = as_text(prompt)
    if not text:
        raise Unusable("no prompt")
    chosen, rejected = (_response(value) for value in _sides(row, columns, label))
    if not chosen or not rejected:
        raise Unusable("an empty response")
    if chosen == rejected:
        raise Unusable("both responses are the same")
    margin = _number(row, columns.margin)
    return Judgement(
        prompt=text,
        chosen=chosen,
        rejected=rejected,
        group=group or _group(row, columns),
        opening=as_text(prompt[:1]) if isinstance(prompt, list) else str(row.get(OPENING) or text),
        margin=None if margin is None else abs(margin),
        time=_number(row, columns.time),
        split=None if columns.split is None else str(value_at(row, columns.split) or "").strip().lower() or None,
    )


def _sides(row: Row, columns: Columns, label: str | None) -> tuple[Any, Any]:
    """Chosen and rejected."""
    if columns.chosen and columns.rejected:
        return value_at(row, columns.chosen), value_at(row, columns.rejected)
    value = value_at(row, str(label))
    if value in (None, ""):
        raise Unusable("no label")
    kind = preferred(value, columns)
    if kind is None:
        raise Unusable("a label that says neither response")
    if kind == "tie":
        raise Unusable(TIE)
    sides = value_at(row, str(columns.first)), value_at(row, str(columns.second))
    return sides if kind == "first" else sides[::-1]


def _response(value: Any) -> str:
    """A response as text; of messages it is the last one."""
    return as_text(value[-1:]) if isinstance(value, list) else as_text(value)


def _group(row: Row, columns: Columns) -> str:
    if columns.group is None:
        return ALL
    value = value_at(row, columns.group)
    if value is None or not str(value).strip():
        raise Unusable("no group")
    return str(value).strip()


def _number(row: Row, column: str | None) -> float | None:
    value = None if column is None else value_at(row, column)
    if value is None:
        return None
    number = as_number(value)
    if number is None:
        raise Unusable(f"{column} is no number")
    return number


def _speaker(turn: Mapping[str, Any]) -> str:
    role = str(turn.get("role") or "user").lower()
    return SPEAKERS.get(role, role.capitalize())
