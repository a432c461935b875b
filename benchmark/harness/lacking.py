"""Tasks by their names, built; where that cannot be done, the message says what is lacking."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.core.errors import UserError
from benchmark.harness.settings import LmEvalSettings

SETTING = "eval.lm_eval.tasks"
EXTRA = "tasks"  # of this package, with what only some tasks import
_UNREACHABLE = (ConnectionError, TimeoutError)


def manager_of(settings: LmEvalSettings) -> Any:
    """lm-eval's index of tasks: of one's own alone where they are all there, since its own takes seconds to read.

    Raises:
        UserError: no such folder; a name that is not among them, with the nearest.
    """
    folder = settings.include_path
    if folder is not None and not Path(folder).is_dir():
        raise UserError(f"eval.lm_eval.include_path: {folder!r} is no folder.")
    own = _index(folder, defaults=False) if folder else None
    if own is not None and set(settings.tasks) <= set(own.all_tasks):
        return own
    every = _index(folder, defaults=True)
    for name in settings.tasks:
        if name not in every.task_index:
            close = difflib.get_close_matches(name, every.all_tasks, n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
            ours = f" {folder!r} has {', '.join(own.all_tasks) or 'none'}." if own is not None else ""
            raise UserError(f"{SETTING}: there is no task or group {name!r}.{hint}{ours} `lm-eval ls tasks` lists all.")
    return every


@cache
def _index(folder: str | None, defaults: bool) -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=folder, include_defaults=defaults)


def build(manager: Any, name: str) -> Any:
    """A task, a group with its tasks, or, of a tag, a list of them.

    Raises:
        UserError: names every single task that cannot be had, with the reason.
    """
    try:
        return manager._load_spec(name)
    except Exception as error:  # whatever a task's own code raises
        lacking = list(_lacking(manager, name)) or [f"{name}: {_reason(error)}"]
        raise UserError("\n".join([f"{SETTING}: {name} cannot be run:", *(f"  {line}" for line in lacking)])) from error


def _lacking(manager: Any, name: str) -> Iterator[str]:
    """Every single task of `name` that cannot be built, with the reason; the first alone where the hub is out of
    reach, as each would wait for it."""
    leaves = list(_leaves(manager, name))
    for place, leaf in enumerate(leaves, start=1):
        try:
            manager._load_spec(leaf)
        except Exception as error:
            yield f"{leaf}: {_reason(error)}"
            if _has(error, _UNREACHABLE):
                yield from [f"{len(leaves) - place} more were not tried"] * (place < len(leaves))
                return


def _leaves(manager: Any, name: str) -> Iterator[str]:
    """Names of the single tasks of a group, or the task itself."""
    entry = manager.task_index.get(name)
    children = (entry.cfg or {}).get("task") if entry is not None and entry.kind.name == "GROUP" else None
    if not isinstance(children, list):
        yield name
        return
    for child in children:
        yield from _leaves(manager, child if isinstance(child, str) else str(child.get("task") or child.get("group")))


def _reason(error: BaseException) -> str:
    """Why a task cannot be built, and what to do about it, on one line."""
    for cause in _chain(error):
        if isinstance(cause, ImportError):
            package = (cause.name or str(cause)).partition(".")[0]
            return f"the package {package!r} is not installed; the extra {EXTRA!r} of this package has what tasks need"
    said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__).strip()
    if _has(error, (*_UNREACHABLE, FileNotFoundError, LookupError)):
        return (
            f"its data cannot be had ({said}). Data of the hub need a network once; relative names of files start at "
            "the folder where the program was started"
        )
    return f"{type(error).__name__}: {said}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def _has(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in _chain(error))
