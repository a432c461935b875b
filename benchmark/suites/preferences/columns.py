"""Which column of a preference set says what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from benchmark.core.errors import UserError, nearest
from benchmark.core.settings import Section

FOUND = ("prompt", "chosen", "rejected", "group", "split")  # columns that need not be named
TEXTS = ("chosen", "rejected", "first", "second")
SIGNS = ("negative", "positive")
OTHER_NAMES = {  # that people give to columns, for hints
    "prompt": ("question", "instruction", "query", "input", "context", "history", "text", "messages"),
    "chosen": ("preferred", "winner", "better", "response_a", "response_1", "completion_a", "answer_a", "answer_1"),
}


class Columns(Section):
    """Names of columns (`suite.columns.KEY`); a name such as location.region leads into a nested value."""

    prompt: str | None = Field(None, description="text, or messages with role and content")
    chosen: str | None = Field(None, description="the response that was preferred")
    rejected: str | None = Field(None, description="the other one")
    first: str | None = Field(None, description="a response, where `label` says which of two was preferred")
    second: str | None = Field(None, description="the other one")
    label: str | None = Field(None, description="says which of `first` and `second` was preferred")
    labels: dict[str, str] = Field({}, description="group: column, where a row has a label of each of several groups")
    first_wins: list[str | float] = Field([], description="labels that prefer `first`; negative: any number below 0")
    second_wins: list[str | float] = Field([], description="labels that prefer `second`; positive: any above 0")
    ties: list[str | float] = Field(["tie"], description="labels that prefer neither; such rows are left out")
    group: str | None = Field(None, description="of the annotators, or of the pair")
    margin: str | None = Field(None, description="a number: how much better the chosen one is; its sign is not read")
    time: str | None = Field(None, description="a number: when the pair was labelled")
    split: str | None = Field(None, description="train, validation or test")
    annotator: str | None = Field(None, description="who labelled; joins `suite.annotators_file`")


def resolve(columns: Columns, available: Iterable[str], where: str) -> Columns:
    """The columns with those that are found by themselves.

    Args:
        columns: as named by the user or by a format.
        available: names of the columns that there are.
        where: the data, for messages.

    Raises:
        UserError: a named column is not there, or no prompt or no pair of responses with their order is named.
    """
    there = list(dict.fromkeys(available))
    for field, name in _named(columns):
        if name not in there and name.split(".")[0] not in there:
            close = nearest(name, there)
            hint = f" Did you mean {close!r}?" if close else ""
            raise UserError(f"suite.columns.{field}: {where} has no column {name!r}.{hint} {_has(there)}")
    by_name = {name.lower(): name for name in reversed(there)}
    known = {"chosen", "rejected"} if any(getattr(columns, name) for name in TEXTS) else set[str]()
    known |= {"group"} if columns.labels else set()
    wanted = [name for name in FOUND if getattr(columns, name) is None and name not in known]
    found = columns.model_copy(update={name: by_name[name] for name in wanted if name in by_name})
    _check_complete(found, there, where)
    return found


def value_at(row: Mapping[str, Any], name: str) -> Any:
    """What a column holds; a dotted name leads into a nested value, a number into a list. None where nothing is."""
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def preferred(value: Any, columns: Columns) -> str | None:
    """What a label says: first, second or tie; None where it says none of them. Of labels that are read by their sign,
    0 is a tie."""
    kinds = {"first": columns.first_wins, "second": columns.second_wins, "tie": columns.ties}
    plain, number = _plain(value), as_number(value)
    for kind, names in kinds.items():
        if plain in map(_plain, names):
            return kind
    by_sign = [name for name in (*columns.first_wins, *columns.second_wins) if name in SIGNS]
    if number is None or not by_sign:
        return None
    sign = "negative" if number < 0 else "positive" if number > 0 else "zero"
    return next((kind for kind, names in kinds.items() if sign in names), "tie" if sign == "zero" else None)


def as_number(value: Any) -> float | None:
    """The number that a value is or spells; None where it is none, as of true and false."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _named(columns: Columns) -> list[tuple[str, str]]:
    fields = columns.model_dump(exclude={"labels", "first_wins", "second_wins", "ties"}, exclude_none=True)
    return [*fields.items(), *((f"labels.{group}", name) for group, name in columns.labels.items())]


def _check_complete(found: Columns, there: list[str], where: str) -> None:
    if found.prompt is None:
        named = _perhaps("prompt", there)
        raise UserError(f"{where}: no column is the prompt. {_has(there)} Name it: --set suite.columns.prompt={named}")
    if found.chosen and found.rejected:
        return
    if not (found.first and found.second and (found.label or found.labels)):
        raise UserError(
            f"{where}: no columns are the chosen and the rejected response. {_has(there)} Name them: --set "
            f"suite.columns.chosen={_perhaps('chosen', there)} --set suite.columns.rejected=COLUMN; or two responses "
            "in any order and what says which is better: first, second and label."
        )
    if not (found.first_wins and found.second_wins):
        raise UserError(
            f"{where}: say which labels prefer which response: --set 'suite.columns.first_wins=[a]' --set "
            f"'suite.columns.second_wins=[b]', with values of the label, or {' and '.join(SIGNS)} for its sign."
        )


def _has(there: list[str]) -> str:
    return f"It has {', '.join(there) or 'no columns'}."


def _perhaps(field: str, there: list[str]) -> str:
    """The columns that may be meant."""
    candidates = [name for name in there if name.lower() in OTHER_NAMES[field]]
    return " or ".join(candidates) or "COLUMN"


def _plain(value: Any) -> str:
    """A label as text: 1, 1.0 and "1" are the same, and letters count in lower case."""
    number = as_number(value)
    return f"{number:g}" if number is not None else str(value).strip().lower()
