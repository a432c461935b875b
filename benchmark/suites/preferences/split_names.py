"""Names that published sets give to their splits."""

from __future__ import annotations

from typing import Literal, TypeAlias

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
STARTS: dict[str, Split] = {"train": "train", "val": "validation", "dev": "validation", "test": "test", "eval": "test"}


def given(name: str | None) -> Split | None:
    """The split that a name of the file stands for, by how it starts; None: none of them."""
    return next((split for start, split in STARTS.items() if name and name.lower().startswith(start)), None)
