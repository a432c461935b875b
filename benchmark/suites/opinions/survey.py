"""Survey questions with the answer shares of every group, from a file of JSON lines or from the Hugging Face hub."""

from __future__ import annotations

import ast
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core.errors import UserError
from benchmark.core.hub import dataset_source

HUB_ID = "Anthropic/llm_global_opinions"
SUM_TOLERANCE = 0.02  # of shares that are to sum to 1: published ones are rounded
_EXPECTED = 'one JSON object per line: {"question": text, "options": [text, ...], "selections": {group: [share, ...]}}'


@dataclass(frozen=True)
class SurveyQuestion:
    """A question, its answers, and by group the share of its people who gave each; shares sum to 1."""

    question: str
    options: tuple[str, ...]
    selections: Mapping[str, tuple[float, ...]]


def read_file(path: Path) -> list[SurveyQuestion]:
    """The questions of a file of JSON lines.

    Raises:
        UserError: no such file, not UTF-8, no question, or a line that is not of the form (which, and what is wrong).
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"suite.data_file: {str(path)!r} cannot be read: {error}. Expected: {_EXPECTED}") from None
    found = [_of_line(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise UserError(f"suite.data_file: {str(path)!r} holds no question. Expected: {_EXPECTED}")
    return found


def file_fingerprint(path: Path) -> str:
    """A hash of the file's content, wherever it lies."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"suite.data_file: {str(path)!r} cannot be read: {error}.") from None


def read_hub(revision: str | None) -> list[SurveyQuestion]:
    """The questions of GlobalOpinionQA from the hub, downloaded once.

    Raises:
        UserError: the hub cannot be reached, or what it hands out has other columns.
    """
    import datasets

    try:
        rows = datasets.load_dataset(split="train", **dataset_source(HUB_ID, revision))
    except Exception as error:  # the library raises a dozen unrelated types for "no network" and "not there"
        raise UserError(
            f"the data set {HUB_ID} cannot be loaded from the Hugging Face hub: {type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else 'no message'}\n"
            f"Without the hub, name a file: --set suite.data_file=FILE, {_EXPECTED}"
        ) from error
    missing = {"question", "selections", "options"} - set(rows.column_names)
    if missing:
        raise UserError(f"{HUB_ID} lacks {', '.join(sorted(missing))}; it has {', '.join(rows.column_names)}.")
    return list(_of_hub(rows))


def _of_hub(rows: Any) -> Iterator[SurveyQuestion]:
    """Selections and options are the printed forms of a defaultdict and of a list."""
    for number, row in enumerate(rows, start=1):
        where = f"{HUB_ID}, row {number}"
        selections = row["selections"]
        try:
            groups = ast.literal_eval(selections[selections.index("{") : selections.rindex("}") + 1])
            options = ast.literal_eval(row["options"])
        except (ValueError, SyntaxError) as error:
            raise UserError(f"{where}: selections or options cannot be read: {error}.") from None
        yield _checked({"question": row["question"], "options": options, "selections": groups}, where)


def _of_line(line: str, where: str) -> SurveyQuestion:
    try:
        return _checked(json.loads(line), where)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not JSON: {error}. Expected: {_EXPECTED}") from None


def _checked(row: Any, where: str) -> SurveyQuestion:
    """The question of a row.

    Raises:
        UserError: a key is missing, or a value is not what it has to be.
    """
    if not isinstance(row, dict) or not {"question", "options", "selections"} <= row.keys():
        raise UserError(f"{where}: question, options and selections are needed, got {_short(row)}. {_EXPECTED}")
    question, options, selections = row["question"], row["options"], row["selections"]
    if not isinstance(question, str) or not question.strip():
        raise UserError(f"{where}: question must be text, got {_short(question)}.")
    if not isinstance(options, list) or len(set(map(str, options))) < max(2, len(options)):
        raise UserError(f"{where}: options must be a list of at least two different answers, got {_short(options)}.")
    if not isinstance(selections, dict):
        raise UserError(f"{where}: selections must hold the shares of every group, got {_short(selections)}.")
    shares = {str(group): _shares(values, len(options), f"{where}, {group}") for group, values in selections.items()}
    return SurveyQuestion(question.strip(), tuple(str(option).strip() for option in options), shares)


def _shares(values: Any, count: int, where: str) -> tuple[float, ...]:
    numbers = isinstance(values, list) and all(isinstance(value, int | float) for value in values)
    if not numbers or len(values) != count or not all(math.isfinite(value) and value >= 0 for value in values):
        raise UserError(f"{where}: {count} shares of at least 0 are needed, one per option, got {_short(values)}.")
    total = sum(values)
    if abs(total - 1) > SUM_TOLERANCE:
        raise UserError(f"{where}: shares must sum to 1, got {total:g}: {_short(values)}.")
    return tuple(value / total for value in values)


def _short(value: Any, width: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= width else text[:width] + "..."
