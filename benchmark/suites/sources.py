"""What determines a pretrained model that a setting names."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path


def source_spec(source: str) -> dict[str, str]:
    """A hub id stands for itself; a folder for its content, wherever it lies."""
    if not Path(source).is_dir():
        return {"hub": source}
    return {"files": _content(source, os.path.getmtime(source))}


@functools.lru_cache(maxsize=8)
def _content(folder: str, changed: float) -> str:
    from benchmark.policies.checkpoints import HUB_FILES

    digest = hashlib.sha256()
    for path in sorted(path for pattern in (*HUB_FILES, "*.bin") for path in Path(folder).glob(pattern)):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
