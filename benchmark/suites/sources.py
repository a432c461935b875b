"""What determines a pretrained model or a data set that a setting names."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from benchmark.core.errors import UserError
from benchmark.core.hub import located


def source_spec(source: str) -> dict[str, str]:
    """A hub id stands for itself; a folder, a mirrored one too, for its content, wherever it lies."""
    folder = located(source)
    if folder is None:
        return {"hub": source}
    return {"files": _content(str(folder), os.path.getmtime(folder))}


def dataset_spec(identifier: str, revision: str | None) -> dict[str, str | None]:
    """The same of a data set of the hub at a revision."""
    folder = located(identifier)
    if folder is None:
        return {"hub": identifier, "revision": revision}
    return {"files": _whole(str(folder), os.path.getmtime(folder))}


def content_of(file: Path) -> str:
    """A hash of the file's content, wherever it lies: what stands in a spec for data that a file holds.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{str(file)!r} cannot be read: {error.strerror}.") from None


@functools.lru_cache(maxsize=8)
def _content(folder: str, changed: float) -> str:
    from benchmark.policies.checkpoints import HUB_FILES

    return _digest(path for pattern in (*HUB_FILES, "*.bin") for path in Path(folder).glob(pattern))


@functools.lru_cache(maxsize=8)
def _whole(folder: str, changed: float) -> str:
    return _digest(path for path in Path(folder).rglob("*") if path.is_file())


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
