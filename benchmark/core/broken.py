"""Plug-in files that cannot be used: named once as a warning, and again where somebody asks for what they define."""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

_NAME = re.compile(r"""^\s+name(?:\s*:[^=\n]+)?\s*=\s*["'](\w+)["']""", re.MULTILINE)
_warned: set[str] = set()


class RuleError(Exception):
    """A class is registered that could never be used; the message says where it stands and what it lacks."""

    def __init__(self, cls: type, fault: str) -> None:
        super().__init__(f"class {cls.__qualname__} at line {inspect.getsourcelines(cls)[1]} {fault}")
        self.file = inspect.getfile(cls)


@dataclass(frozen=True)
class Broken:
    """A file, or an entry point of an installed package, whose plug-ins cannot be used.

    source: the file, or the entry point; error: type, line and message on one line; names: the plug-ins that it seems
    to define.
    """

    source: str
    error: str
    names: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.source}: {self.error}"

    def warn(self) -> None:
        """Say on stderr, once per process, that the rest is used without it."""
        if str(self) not in _warned:
            _warned.add(str(self))
            print(f"warning: left out, since it cannot be used: {self}", file=sys.stderr)


def broken_file(file: Path, error: BaseException) -> Broken:
    """A file of plug-ins, and the error that its import ended in."""
    text = file.read_text(encoding="utf-8", errors="replace")
    return Broken(shown(file), located(error, file), frozenset({file.stem, *_NAME.findall(text)}))


def broken_entry(entry: EntryPoint, error: BaseException) -> Broken:
    """An entry point of an installed package, and the error that its import ended in."""
    package = entry.dist.name if entry.dist else "an unknown package"
    frames = _frames(error) or [(entry.module, None)]
    file = error.file if isinstance(error, RuleError) else frames[-1][0]
    return Broken(f"{entry.value} of {package}, in {file}", located(error, Path(file)), frozenset({entry.name}))


def explanation(name: str, broken: Sequence[Broken]) -> str:
    """What to add to the answer that `name` is unknown: a line for every file that defines it or may do so."""
    defining = [one for one in broken if name in one.names]
    lines = [f"\nIt is defined where it cannot be used from: {one}" for one in defining]
    lines += [f"\nThis cannot be used, and may define it: {one}" for one in broken if one not in defining]
    return "".join(lines)


def shown(file: Path) -> str:
    """A file as a person in the current folder would write it."""
    resolved, here = file.resolve(), Path.cwd()
    return str(resolved.relative_to(here) if resolved.is_relative_to(here) else resolved)


def located(error: BaseException, file: Path) -> str:
    """Type, line in `file` and first line of the message of an error that came from importing it."""
    if isinstance(error, RuleError):
        return str(error)
    lines = [line for name, line in _frames(error) if Path(name).resolve() == file.resolve()]
    message = error.msg if isinstance(error, SyntaxError) else (str(error).splitlines() or ["no message"])[0]
    return f"{type(error).__name__}{f' at line {lines[-1]}' if lines else ''}: {message}"


def _frames(error: BaseException) -> list[tuple[str, int | None]]:
    """File and line of every call that led to the error, the innermost last: the text itself, where it cannot be
    parsed."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    broken_text = isinstance(error, SyntaxError) and error.filename is not None
    return [*frames, (error.filename, error.lineno)] if broken_text else frames  # type: ignore[attr-defined]
