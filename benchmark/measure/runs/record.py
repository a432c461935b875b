"""The record of a run, environment.json, and whether the files beside it are those that the run wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.core.checksums import FILES, SELF, difference, unsealed
from benchmark.core.errors import UserError, shortened
from benchmark.core.room import NoRoom

ENVIRONMENT = "environment.json"
TABLE = ".parquet"  # how the names of tables end


def read_record(folder: Path) -> dict[str, Any]:
    """What a run recorded of itself.

    Raises:
        UserError: there is no record, it cannot be read, or it is another than was written.
    """
    file = folder / ENVIRONMENT
    if not file.is_file():
        raise UserError(f"{str(folder)!r} is not a finished run: {ENVIRONMENT} is missing.")
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{str(file)!r} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{str(file)!r} is not the record of a run: {error}. Choose another folder.") from None
    record = unsealed(text)
    if record is None:
        raise UserError(f"{str(file)!r} is not the record of a run: it is not JSON, or not as the run wrote it.")
    return record


def check_tables(folder: Path) -> None:
    """Raise a UserError where the tables of a run are not those that its record speaks of; its page and its main table
    may have been left behind. A run of an earlier version recorded no checksums: of it nothing can be said."""
    files = read_record(folder).get(FILES, {})
    fault = difference(folder, {name: told for name, told in files.items() if name.endswith(TABLE)}, math.inf)
    if fault is not None:
        raise UserError(
            f"{str(folder)!r} is not as its run wrote it: {fault}. Give its command again, which trains nothing anew, "
            "or copy the folder again."
        )


@contextmanager
def refused_where_unreadable(folders: Sequence[Path]) -> Iterator[None]:
    """Turn any error of the block into a UserError where a folder has no checksums, so that it may be damaged; of
    folders that are as they were written it is a fault of ours."""
    try:
        yield
    except (UserError, NoRoom):
        raise
    except Exception as error:
        unknown = [folder for folder in folders if SELF not in (folder / ENVIRONMENT).read_text(errors="replace")]
        if not unknown:
            raise
        what = f"{type(error).__name__}: {shortened(str(error))}"
        raise UserError(
            f"{', '.join(repr(str(folder)) for folder in unknown)} cannot be measured ({what}). It has no checksums: "
            "it was made by an earlier version, or is damaged. Give its command again, which trains nothing anew."
        ) from error
