"""Errors that a user can mend: one message, no traceback, exit status 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

WIDTH = 600  # characters of somebody else's message that are shown


class UserError(Exception):
    """A user's mistake. The message says what was wrong, what was got and what is allowed."""


def nearest(got: str, allowed: Iterable[str]) -> str | None:
    """The allowed name closest to `got`, or None where nothing is close."""
    matches = difflib.get_close_matches(got, list(allowed), n=1, cutoff=0.5)
    return matches[0] if matches else None


def unknown(kind: str, got: str, allowed: Iterable[str]) -> UserError:
    """An error for a name that does not exist: what was got, the nearest match, what is allowed."""
    names = sorted(allowed)
    close = nearest(got, names)
    hint = f" Did you mean {close!r}?" if close else ""
    return UserError(f"unknown {kind} {shortened(got, 120)!r}.{hint} Allowed: {', '.join(names) or '(none)'}.")


def shortened(text: str, width: int = WIDTH) -> str:
    """Somebody else's text, of any length and with any characters in it, for a message, a table or a terminal: what
    does not print becomes a space, and what is too long loses its middle."""
    if len(text) > width:
        text = f"{text[: width // 2]} … {text[-width // 2 :]}"
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)
