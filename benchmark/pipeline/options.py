"""Where and how a run happens, as opposed to what it computes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunOptions:
    """Where and how to run; nothing here changes a number, except that `backend` is recorded with each."""

    out: Path
    store: Path
    backend: str
    workers: int
    plugins: tuple[Path, ...] = ()
    contributor: str = ""  # who ran it, where they want to be named
