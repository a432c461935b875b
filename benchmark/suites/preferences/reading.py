"""Rows of a preference set: from files of JSON, JSON lines, CSV or Parquet, or from the Hugging Face hub."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from benchmark.core.errors import UserError
from benchmark.suites.preferences.split_names import given

Row: TypeAlias = dict[str, Any]
SUBSET, SPLIT = "subset", "split"  # columns that a row gets from where it was found, unless it has them
FIRST_ROWS = 1000  # in which columns are looked for
_EXPECTED = "json, jsonl, csv (each also .gz) or parquet"


@dataclass(frozen=True)
class Source:
    """What was read: rows, how many lines or entries were none, and where they came from in words."""

    rows: list[Row]
    unreadable: int
    name: str

    def columns(self) -> list[str]:
        """Names of the columns that any of the first rows has."""
        return list(dict.fromkeys(name for row in self.rows[:FIRST_ROWS] for name in row))


def read_files(paths: Sequence[Path], setting: str = "suite.data_file") -> Source:
    """The rows of one or several files. Where there are several, a row has the name of its file as `subset`; of files
    that are named after splits, such as helpful/train.jsonl, it has that of the folder, and the file's as `split`.

    Raises:
        UserError: a file cannot be read, has another suffix, or holds no row.
    """
    rows: list[Row] = []
    unreadable = 0
    for path in paths:
        found, bad = _read(path, setting)
        unreadable += bad
        beside = _place(path) if len(paths) > 1 else {}
        rows += [{**beside, **row} for row in found]
    name = ", ".join(path.name for path in paths)
    if not rows:
        raise UserError(f"{setting}: {name!r} holds no row with columns (lines that are none: {unreadable}).")
    return Source(rows, unreadable, f"the file {name}" if len(paths) == 1 else f"the files {name}")


def fingerprint(paths: Sequence[Path], setting: str = "suite.data_file") -> list[str]:
    """A hash of each file's content, wherever it lies; of several also the names by which rows are told apart.

    Raises:
        UserError: a file cannot be read.
    """
    try:
        hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    except OSError as error:
        raise UserError(f"{setting}: {str(error.filename)!r} cannot be read: {error.strerror}.") from None
    places = [":".join(_place(path).values()) if len(paths) > 1 else "" for path in paths]
    return [f"{place}:{digest}" for place, digest in zip(places, hashes, strict=True)]


def read_hub(hub_id: str, config: str | None, folders: Sequence[str], revision: str | None) -> Source:
    """The rows of a data set of the hub, all its splits, downloaded once; `subset` is the folder that a row is from.

    Raises:
        UserError: the hub cannot be reached, or does not have the data set.
    """
    import datasets

    rows: list[Row] = []
    where: Sequence[str | None] = folders or [None]
    try:
        for folder in where:
            tables = datasets.load_dataset(hub_id, config, data_dir=folder, revision=revision)
            for split, table in tables.items():
                beside = {SPLIT: str(split), **({SUBSET: folder} if folder else {})}
                rows += [{**beside, **row} for row in table]
    except Exception as error:  # the library raises a dozen unrelated types for "no network" and "not there"
        raise UserError(
            f"the data set {hub_id} cannot be loaded from the Hugging Face hub: {type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else 'no message'}\n"
            f"Without the hub, name a file ({_EXPECTED}): --set suite.data_file=FILE"
        ) from error
    return Source(rows, 0, hub_id)


def _read(path: Path, setting: str) -> tuple[list[Row], int]:
    packed = path.suffix == ".gz"
    suffix = Path(path.stem).suffix if packed else path.suffix
    if suffix not in _READERS or (packed and suffix == ".parquet"):
        raise UserError(f"{setting}: {str(path)!r} must be {_EXPECTED}, by its suffix.")
    try:
        data = path.read_bytes()
        found = list(_READERS[suffix](gzip.decompress(data) if packed else data))
    except (OSError, EOFError, ValueError, csv.Error) as error:  # pyarrow's errors are ValueErrors or OSErrors
        raise UserError(f"{setting}: {str(path)!r} cannot be read: {' '.join(str(error).split())}") from None
    rows = [row for row in found if isinstance(row, dict)]
    return rows, len(found) - len(rows)


def _jsonl(data: bytes) -> Iterator[Any]:
    """A row per line; None for a line that is no JSON."""
    for line in data.decode("utf-8-sig").split("\n"):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError:
                yield None


def _json(data: bytes) -> list[Any]:
    """A list of rows, or an object with one such list."""
    loaded = json.loads(data.decode("utf-8-sig"))
    lists = [value for value in loaded.values() if isinstance(value, list)] if isinstance(loaded, dict) else [loaded]
    if len(lists) != 1 or not isinstance(lists[0], list):
        raise ValueError("expected a list of rows; for a row per line, name the file .jsonl")
    return lists[0]


def _csv(data: bytes) -> Iterator[Any]:
    """A row per record, an empty field being missing; None where a record has more fields than the header."""
    csv.field_size_limit(sys.maxsize)
    for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        yield None if None in row else {name: value or None for name, value in row.items()}


def _parquet(data: bytes) -> list[Any]:
    import pyarrow.parquet as pq

    return list(pq.read_table(io.BytesIO(data)).to_pylist())


_READERS: dict[str, Callable[[bytes], Any]] = {".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".parquet": _parquet}


def _place(path: Path) -> dict[str, str]:
    """What the name of one of several files says of its rows."""
    name = path.name.split(".")[0]
    return {SUBSET: path.resolve().parent.name, SPLIT: name} if given(name) else {SUBSET: name}
