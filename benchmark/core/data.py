"""Tables that travel between stages: prompts, completions, pairs. Each is saved as one Parquet file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def write_table(path: Path, columns: dict[str, Any]) -> None:
    """Write named columns of equal length (numpy arrays or lists, lists of ints included) to one Parquet file."""
    pq.write_table(pa.table({name: pa.array(column) for name, column in columns.items()}), path, compression="zstd")


def read_table(path: Path) -> dict[str, Any]:
    """Read the columns of one Parquet file: lists for text and token columns, numpy arrays for numbers."""
    table = pq.read_table(path)
    return {name: _column(table.column(name)) for name in table.column_names}


def _column(column: pa.ChunkedArray) -> Any:
    nested = pa.types.is_list(column.type) or pa.types.is_string(column.type) or column.null_count
    return column.to_pylist() if nested else column.to_numpy()


@dataclass(frozen=True)
class Prompts:
    """Prompts in a fixed order; `tokens` hold no padding and no completion."""

    ids: list[str]
    texts: list[str]
    tokens: list[list[int]]

    def __len__(self) -> int:
        return len(self.ids)

    def save(self, path: Path) -> None:
        """Write to a Parquet file."""
        write_table(path, {"id": self.ids, "text": self.texts, "tokens": self.tokens})

    @classmethod
    def load(cls, path: Path) -> Prompts:
        """Read what `save` wrote."""
        table = read_table(path)
        return cls(table["id"], table["text"], table["tokens"])


@dataclass(frozen=True)
class Completions:
    """Completions of `Prompts`, one entry per completion.

    prompt: row of the prompt, shape [completions]; sample: 0, 1, ... within a prompt; tokens: completion tokens, with
    the end-of-sequence token where one was emitted; ended: whether it was; texts: decoded, without special tokens.
    """

    prompt: Ints
    sample: Ints
    tokens: list[list[int]]
    ended: Bools
    texts: list[str]

    def __len__(self) -> int:
        return len(self.tokens)

    def save(self, path: Path) -> None:
        """Write to a Parquet file."""
        write_table(
            path,
            {
                "prompt": self.prompt,
                "sample": self.sample,
                "tokens": self.tokens,
                "ended": self.ended,
                "text": self.texts,
            },
        )

    @classmethod
    def load(cls, path: Path) -> Completions:
        """Read what `save` wrote."""
        table = read_table(path)
        return cls(table["prompt"], table["sample"], table["tokens"], table["ended"], table["text"])


@dataclass(frozen=True)
class Pairs:
    """Preference pairs, one entry per pair; tokens of a completion end with EOS where it was emitted.

    margins: utility of chosen minus rejected, shape [pairs], or None where only labels are known; groups: int64 of
    shape [pairs], or None; times: when each pair was labelled, in [0, 1], shape [pairs], or None.
    """

    prompts: list[list[int]]
    chosen: list[list[int]]
    rejected: list[list[int]]
    margins: Floats | None = None
    groups: Ints | None = None
    times: Floats | None = None

    def __len__(self) -> int:
        return len(self.prompts)

    def save(self, path: Path) -> None:
        """Write to a Parquet file."""
        columns = {"prompt": self.prompts, "chosen": self.chosen, "rejected": self.rejected}
        known = {"margin": self.margins, "group": self.groups, "time": self.times}
        write_table(path, columns | {name: column for name, column in known.items() if column is not None})

    @classmethod
    def load(cls, path: Path) -> Pairs:
        """Read what `save` wrote."""
        table = read_table(path)
        sides = table["prompt"], table["chosen"], table["rejected"]
        return cls(*sides, table.get("margin"), table.get("group"), table.get("time"))
