"""The manifest of a folder: which files it holds, how long they are, and the checksum of each; and of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

FILES, SELF = "files", "checksum"  # what a manifest adds to a record
Manifest = Mapping[str, Sequence[Any]]  # [bytes, checksum] by path

_blake2b = partial(hashlib.blake2b, digest_size=16)


def checksum(file: Path) -> str:
    """Of a file's content: 32 hexadecimal digits of BLAKE2b."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, _blake2b).hexdigest()


def manifest(folder: Path) -> dict[str, list[Any]]:
    """Length and checksum of every file below `folder`, by path."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): [file.stat().st_size, checksum(file)] for file in files}


def sealed(record: Mapping[str, Any]) -> str:
    """A record as JSON that carries its own checksum."""
    plain = json.loads(json.dumps(record, default=str))
    return json.dumps({**plain, SELF: _of_record(plain)}, indent=1)


def unsealed(text: str) -> dict[str, Any] | None:
    """The record in a JSON text; None where it is none, or another than was written. One without a checksum is taken as
    it is: programs before this one wrote none."""
    try:
        record = json.loads(text)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    told = record.pop(SELF, None)
    return record if told == _of_record(record) or (told is None and FILES not in record) else None


def _of_record(record: Mapping[str, Any]) -> str:
    return _blake2b(json.dumps(record, sort_keys=True).encode()).hexdigest()


def difference(folder: Path, files: Manifest, most: float | None = None) -> str | None:
    """In what a folder differs from its manifest, in words; None: in nothing.

    Args:
        folder: which may hold other files too.
        files: the manifest.
        most: bytes of the largest file whose content is compared; None: of none is, their lengths alone are.
    """
    for name, (length, told) in files.items():
        file = folder / name
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != length:
            return f"{name} has {file.stat().st_size} bytes instead of {length}"
        if most is not None and length <= most and checksum(file) != told:
            return f"the checksum of {name} is wrong"
    return None
