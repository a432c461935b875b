"""Plug-ins on the command line read like calls: `dpo(beta=0.3)`, `alpha_mixture(a=joy,b=sadness,alpha=0:1:0.1)`."""

from __future__ import annotations

import re

import numpy as np

from benchmark.core.errors import UserError

MOST_POINTS = 1000  # of a grid: every point is an evaluation or a training of its own
_CALL = re.compile(r"\s*([A-Za-z_][\w]*)\s*(?:\((.*)\))?\s*", re.DOTALL)


def split_calls(text: str) -> list[str]:
    """Split at the commas that stand outside parentheses: `"dpo(beta=1,x=2),sft"` gives two calls."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            raise UserError(f"unbalanced ')' at position {position + 1} of {text!r}.")
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    if depth:
        raise UserError(f"a '(' is not closed in {text!r}.")
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def parse_call(text: str) -> tuple[str, dict[str, str]]:
    """The name and the arguments (still text) of one call.

    Raises:
        UserError: not of the form `name` or `name(key=value,...)`.
    """
    match = _CALL.fullmatch(text)
    if not match:
        raise UserError(f"cannot read {text!r}: expected name or name(key=value,...).")
    arguments: dict[str, str] = {}
    for part in split_calls(match[2] or ""):
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise UserError(f"cannot read {part!r} in {text!r}: expected key=value.")
        if key.strip() in arguments:
            raise UserError(f"{key.strip()!r} is given twice in {text!r}.")
        arguments[key.strip()] = value.strip()
    return match[1], arguments


def grid(text: str) -> list[float]:
    """The numbers that `text` stands for: `"0.3"` is one, `"0:1:0.25"` is a grid with both ends."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        raise UserError(f"cannot read {text!r}: expected a number or low:high:step.") from None
    if len(parts) == 1:
        return parts
    if len(parts) != 3 or not np.isfinite(parts).all() or parts[2] <= 0 or parts[1] < parts[0]:
        raise UserError(f"cannot read {text!r}: a grid is low:high:step, finite, with low <= high and step > 0.")
    low, high, step = parts
    steps = np.floor((high - low) / step + 1e-9)
    if steps >= MOST_POINTS:
        raise UserError(f"the grid {text!r} has {steps + 1:.0f} points; at most {MOST_POINTS} are allowed.")
    count = int(steps) + 1
    return [round(low + i * step, 10) for i in range(count)]
