"""Settings that a user gives: every number is finite, no key is unknown, and a mistake is one line that says so."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from benchmark.core.errors import UserError, nearest
from benchmark.core.hyperparameters import FINITE

M = TypeVar("M", bound=BaseModel)
_WIDTH = 80  # characters of a wrong value that are shown
_KEY = "[key]"  # pydantic's place of a key that is none
_NUMBER_MISTAKES = ("finite_number", "float_", "int_")  # starts of pydantic's names for them
_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}  # as pydantic writes them


class Section(BaseModel):
    """Settings that belong together. Infinity and NaN are no settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def checked(model: type[M], raw: Mapping[Any, Any], prefix: str = "") -> M:
    """`model` with the settings `raw`; `prefix` is where its keys stand, such as `suite.`.

    Raises:
        UserError: a key is unknown or a value is not allowed; one line for each mistake.
    """
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        raise UserError("\n".join(_explained(model, item, prefix) for item in error.errors())) from None


def _explained(model: type[BaseModel], item: Any, prefix: str) -> str:
    path: Sequence[Any] = item["loc"]
    key = (prefix + ".".join(map(str, path))).rstrip(".")
    if item["type"] == "invalid_key" or path[-1:] == (_KEY,):
        return f"setting {key.removesuffix(f'.{_KEY}')!r}: a name is expected, got {_shown(item['input'])}."
    if item["type"] == "extra_forbidden":
        return _unknown(_section_at(model, path[:-1]), path, prefix)
    if item["type"] == "value_error":  # raised by the settings themselves; it says what was got
        return f"setting {key!r}: {str(item['ctx']['error']).rstrip('.')}."
    message = f"setting {key!r}: {item['msg']}, got {_shown(item['input'])}."
    section = _section_at(model, path[:-1])
    if item["type"].startswith(_NUMBER_MISTAKES) and section is not None and path[-1] in section.model_fields:
        message += f" Allowed: {_allowed(section.model_fields[path[-1]])}."
    return message


def _unknown(section: type[BaseModel] | None, path: Sequence[Any], prefix: str) -> str:
    key = prefix + ".".join(map(str, path))
    allowed = sorted(section.model_fields) if section is not None else []
    close = nearest(str(path[-1]), allowed)
    hint = f" Did you mean {prefix + '.'.join([*map(str, path[:-1]), close])!r}?" if close else ""
    return f"unknown setting {key!r}.{hint} Allowed there: {', '.join(allowed) or '(none)'}."


def _section_at(model: type[BaseModel], path: Sequence[Any]) -> type[BaseModel] | None:
    """The section that `path` leads to, through lists and optional sections; None: it leads to none."""
    section: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int):  # a place in a list of sections
            continue
        field = section.model_fields.get(part) if section is not None else None
        section = _section_in(field.annotation) if field is not None else None
    return section


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_section_in(option) for option in typing.get_args(annotation))
    return next((section for section in inner if section is not None), None)


def _allowed(field: FieldInfo) -> str:
    """The numbers that a field takes, in words."""
    kinds = typing.get_args(field.annotation) or (field.annotation,)
    bounds = [
        f"{sign} {getattr(rule, name):g}"
        for rule in field.metadata
        for name, sign in _BOUNDS.items()
        if getattr(rule, name, None) is not None
    ]
    number = FINITE if float in kinds else "a whole number"
    nothing = " or null" if type(None) in kinds else ""
    return f"{number} {' and '.join(bounds)}".rstrip() + nothing


def _shown(value: Any) -> str:
    """A value on one line, not too long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
