"""Folders that a user names for output: whether they can be written, said before anything is computed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmark.core.errors import UserError


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


def _refused(folder: Path, option: str, error: OSError) -> UserError:
    shown = str(folder) if len(str(folder)) <= 120 else f"{str(folder)[:60]}…{str(folder)[-40:]}"
    return UserError(f"{option} {shown!r} cannot be written: {error.strerror}. Choose another {option}.")
