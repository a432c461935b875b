"""Folders that a user names for output: whether they can be written, said before anything is computed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmark.core.errors import UserError
from benchmark.core.locks import claimed

LOCK = ".running/lock"
_NEW = ".new"


def check_folder(folder: Path, option: str) -> None:
    """Make sure, without making anything, that `folder` is one or can become one.

    Raises:
        UserError: it is a file, or stands below one; its name is too long; or writing is not allowed there.
    """
    try:
        nearest = folder
        while not nearest.exists() and nearest != nearest.parent:
            nearest.lstat() if nearest.is_symlink() else None
            nearest = nearest.parent
    except OSError as error:
        raise _refused(folder, option, error) from None
    if not nearest.is_dir():
        what = "it is a file" if nearest == folder else f"{str(nearest)!r} is a file"
        raise UserError(f"{option} {str(folder)!r} cannot be a folder: {what}. Choose another {option}.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"{option} {str(folder)!r} cannot be written: no permission. Choose another {option}.")


def make_folder(folder: Path, option: str) -> None:
    """Make `folder`, where it is not there, and try to write into it.

    Raises:
        UserError: as `check_folder`; or the system refuses for a reason of its own.
    """
    check_folder(folder, option)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _refused(folder, option, error) from None


@contextmanager
def alone_in(folder: Path, option: str) -> Iterator[None]:
    """Make `folder` and be the only one who writes into it, for the block.

    Raises:
        UserError: as `make_folder`; or another process writes there.
    """
    make_folder(folder, option)
    with claimed(folder / LOCK) as other:
        if other is not None:
            raise UserError(
                f"{option} {str(folder)!r} is being written by {other}. Wait for it, or choose another {option}."
            )
        yield


@contextmanager
def replacing(folder: Path, files: Sequence[str]) -> Iterator[Path]:
    """A folder to write `files` into. When the block ends well they take the places of those in `folder`, the last of
    `files` last; else nothing in `folder` changes. The new folder has the name of the old one."""
    beside = folder / _NEW
    shutil.rmtree(beside, ignore_errors=True)  # of a process that was killed
    new = beside / folder.resolve().name
    try:
        new.mkdir(parents=True)
        yield new
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).replace(folder / name)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _refused(folder: Path, option: str, error: OSError) -> UserError:
    shown = str(folder) if len(str(folder)) <= 120 else f"{str(folder)[:60]}…{str(folder)[-40:]}"
    return UserError(f"{option} {shown!r} cannot be written: {error.strerror}. Choose another {option}.")
