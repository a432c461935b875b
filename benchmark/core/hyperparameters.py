"""Hyper-parameters: typed dataclass fields with a default, a search range and an allowed range on one line."""

from __future__ import annotations

import dataclasses
import math
import typing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from benchmark.core.errors import UserError, unknown

FINITE = "a finite number"


class Range(Protocol):
    """Where a hyper-parameter is searched, and what values it may take at all."""

    def sample(self, rng: np.random.Generator) -> Any:
        """One value of a random search."""

    def allows(self, value: Any) -> bool:
        """Whether `value` is legal (a legal value may lie outside the search range)."""

    def allowed(self) -> str:
        """The legal values in words."""


@dataclass(frozen=True)
class Interval:
    """A range of finite numbers: searched in [low, high], legal in [minimum, maximum] (open where `open_` says so)."""

    low: float
    high: float
    log: bool
    minimum: float = -math.inf
    maximum: float = math.inf
    open_minimum: bool = False

    def sample(self, rng: np.random.Generator) -> float:
        """One value, uniform in the number or in its logarithm."""
        if self.log:
            return float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        return float(rng.uniform(self.low, self.high))

    def allows(self, value: float) -> bool:
        """Whether `value` is a legal number; infinity and NaN never are."""
        above = value > self.minimum if self.open_minimum else value >= self.minimum
        return bool(math.isfinite(value) and above and value <= self.maximum)

    def allowed(self) -> str:
        """The legal numbers in words."""
        lower = f"> {self.minimum:g}" if self.open_minimum else f">= {self.minimum:g}"
        parts = [lower] if self.minimum > -math.inf else []
        parts += [f"<= {self.maximum:g}"] if self.maximum < math.inf else []
        kind = "a number" if len(parts) == 2 else FINITE  # two bounds say it already
        return f"{kind} {' and '.join(parts)}".rstrip()

    def __str__(self) -> str:
        return f"{'log-uniform' if self.log else 'uniform'} [{self.low:g}, {self.high:g}]"


@dataclass(frozen=True)
class Choice:
    """One of a few named values."""

    options: tuple[Any, ...]

    def sample(self, rng: np.random.Generator) -> Any:
        """One option, uniformly."""
        return self.options[int(rng.integers(len(self.options)))]

    def allows(self, value: Any) -> bool:
        """Whether `value` is one of the options."""
        return value in self.options

    def allowed(self) -> str:
        """The options in words."""
        return "one of " + ", ".join(repr(option) for option in self.options)

    def __str__(self) -> str:
        return "{" + ", ".join(str(option) for option in self.options) + "}"


def log_uniform(low: float, high: float) -> Interval:
    """Searched log-uniformly in [low, high]; every positive number is legal."""
    return Interval(low, high, log=True, minimum=0.0, open_minimum=True)


def uniform(low: float, high: float, minimum: float | None = None, maximum: float | None = None) -> Interval:
    """Searched uniformly in [low, high]; legal in [minimum, maximum], which default to low and high."""
    return Interval(
        low, high, log=False, minimum=low if minimum is None else minimum, maximum=high if maximum is None else maximum
    )


def non_negative(low: float, high: float) -> Interval:
    """Searched log-uniformly in [low, high]; zero and every positive number are legal."""
    return Interval(low, high, log=True, minimum=0.0)


def choice(*options: Any) -> Choice:
    """One of `options`."""
    return Choice(options)


def hyperparameter(default: Any, range: Range | None = None) -> Any:
    """A dataclass field with its default and its search range.

    Args:
        default: the value used where none is given.
        range: where a search looks and what is legal: `log_uniform(low, high)`, `uniform(low, high)`,
            `non_negative(low, high)` or `choice(a, b, ...)`. None: not searched, any value of the type is legal
            (of numbers, any finite one).
    """
    return dataclasses.field(default=default, metadata={"range": range})


def validated(owner: str, field: dataclasses.Field[Any], annotation: Any, value: Any) -> Any:
    """`value` as the field's type, inside its allowed range.

    Raises:
        UserError: wrong type or outside the allowed range; the message names the owner, the field, the value got and
            the values allowed.
    """
    converted = _convert(owner, field.name, annotation, value)
    legal: Range | None = field.metadata.get("range")
    if legal is not None and converted is not None and not legal.allows(converted):
        raise UserError(f"{owner}: {field.name} must be {legal.allowed()}, got {value!r}.")
    if legal is None and isinstance(converted, float) and not math.isfinite(converted):
        raise UserError(f"{owner}: {field.name} must be {FINITE}, got {value!r}.")
    return converted


def _convert(owner: str, name: str, annotation: Any, value: Any) -> Any:
    options = [option for option in typing.get_args(annotation) if option is not type(None)]
    if options and typing.get_origin(annotation) is not tuple:  # Optional[X]
        if value is None or value == "none":
            return None
        annotation = options[0]
    try:
        if annotation is bool:
            return _boolean(value)
        if annotation is int and float(value) != int(float(value)):
            raise ValueError
        if annotation in (int, float):
            return annotation(float(value))
        if annotation is str:
            return str(value)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{owner}: {name} must be of type {annotation.__name__}, got {value!r}.") from None
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise ValueError


def check_names(owner: str, given: typing.Iterable[str], fields: typing.Iterable[str]) -> None:
    """Raise a UserError with the nearest match for the first given name that is not a field."""
    known = list(fields)
    for name in given:
        if name not in known:
            raise unknown(f"hyper-parameter of {owner}", name, known)
