"""Prompts of a data set of the hub, of a folder laid out like one, or of a file; each in one split alone."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core.errors import UserError, nearest
from benchmark.core.hub import located, refusal
from benchmark.suites.base import Split
from benchmark.suites.reward_models.settings import PromptSettings
from benchmark.suites.sources import dataset_spec

READERS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}
HELD_OUT = 0.1  # of the training prompts, for each split that the data does not have
_TURN, _REPLY = "\n\nHuman:", "\n\nAssistant:"


@dataclass(frozen=True)
class Question:
    """A prompt, an answer to it where one is known, and where it stands in the order of its split, in [0, 1)."""

    prompt: str
    answer: str | None
    place: float


@functools.lru_cache(maxsize=8)
def questions(settings: PromptSettings, split: Split) -> list[Question]:
    """The different prompts of a split, in an order that depends on their texts alone; read once per process.

    A split that the data does not have is a tenth of the training prompts, which then lack it; a prompt that stands in
    several splits of the data stays in the last of train, validation and test.

    Raises:
        UserError: nothing there, no such split or column, or a split without prompts.
    """
    named = {"train": settings.train, "validation": settings.validation, "test": settings.test}
    own = named[split]
    found = _rows(settings, settings.train if own is None else own)
    if own is None:
        low = 0.0 if split == "test" else HELD_OUT
        found = [question for question in found if low <= question.place < low + HELD_OUT]
    later = ("validation", "test") if split == "train" else ("test",) if split == "validation" else ()
    for other in later:
        theirs = {question.prompt for question in questions(settings, other)}  # type: ignore[arg-type]
        found = [question for question in found if question.prompt not in theirs]
    if not found:
        raise UserError(f"suite.prompts: {settings.source!r} has no prompt for the {split} split.")
    return found


def prompts_spec(settings: PromptSettings) -> dict[str, Any]:
    """What determines the prompts."""
    file = Path(settings.source)
    if file.is_file():
        data: dict[str, Any] = {"file": hashlib.sha256(file.read_bytes()).hexdigest()}
    else:
        data = dataset_spec(settings.source, settings.revision)
    return {**settings.model_dump(exclude={"source", "revision"}), "data": data}


def _rows(settings: PromptSettings, split: str) -> list[Question]:
    """The different prompts of one split of the data."""
    table = _table(settings.source, settings.config, settings.data_dir, settings.revision, split)
    for column in filter(None, (settings.column, settings.answer)):
        if column not in table:
            close = nearest(column, table.columns)
            hint = f" Did you mean {close!r}?" if close else ""
            raise UserError(
                f"suite.prompts: {settings.source!r} has no column {column!r}.{hint} It has {', '.join(table.columns)}"
                ": name it by suite.prompts.column (answers: suite.prompts.answer)."
            )
    answers = table[settings.answer] if settings.answer else [None] * len(table)
    pairs: Iterable[tuple[Any, Any]] = zip(table[settings.column], answers, strict=True)
    if settings.dialogue:
        pairs = (first_turns(str(text)) for text, _ in pairs)
    asked = {p.strip(): a.strip() if isinstance(a, str) else None for p, a in pairs if isinstance(p, str) and p.strip()}
    return sorted((Question(p, a, _place(p)) for p, a in asked.items()), key=lambda question: question.place)


def first_turns(dialogue: str) -> tuple[str, str | None]:
    """The first turn of the human and the first reply of a dialogue as Anthropic writes it; "" where it is none."""
    _, begins, rest = dialogue.partition(_TURN)
    prompt, replies, rest = rest.partition(_REPLY)
    if not begins or not replies:
        return "", None
    return prompt.strip(), rest.partition(_TURN)[0].strip()


@functools.lru_cache(maxsize=8)
def _table(source: str, config: str | None, data_dir: str | None, revision: str | None, split: str) -> pd.DataFrame:
    """One split as a table."""
    if Path(source).is_file():
        if split != "train":
            raise UserError(f"suite.prompts: {source!r} is one file and has no split {split!r}.")
        return _read(Path(source))
    folder = located(source)
    if folder is not None:
        return pd.concat([_read(file) for file in _files(folder, data_dir, split)], ignore_index=True)
    import datasets

    try:
        loaded: Any = datasets.load_dataset(source, config, data_dir=data_dir, revision=revision, split=split)
    except Exception as error:  # the library raises a dozen unrelated types for "no network" and "not there"
        raise UserError(
            f"suite.prompts: {source!r} is neither a file, nor a folder, nor a data set that the hub hands out with a "
            f"split {split!r}: {refusal(error)}"
        ) from error
    return loaded.to_pandas()  # type: ignore[no-any-return]


def _files(folder: Path, data_dir: str | None, split: str) -> list[Path]:
    """The files of a split in a copy of a hub's data set: their names begin with the split's."""
    there = [file for file in sorted((folder / (data_dir or "")).rglob("*")) if file.is_file() and _kind(file)]
    found = [file for file in there if file.name.startswith(split)]
    if not found:
        raise UserError(
            f"suite.prompts: {str(folder)!r} has no file of the split {split!r}; expected is {split}*.jsonl, .csv or "
            f".parquet (or .gz of them). It has "
            f"{', '.join(file.name for file in there) or 'none of that kind'}."
        )
    return found


def _kind(file: Path) -> str | None:
    return READERS.get(Path(file.name.removesuffix(".gz")).suffix)


def _read(file: Path) -> pd.DataFrame:
    """The table of a file; JSON is lines of objects, or one list of them."""
    kind = _kind(file)
    try:
        if kind == "parquet":
            return pd.read_parquet(file)
        if kind == "csv":
            return pd.read_csv(file)
        if kind == "json":
            lines = ".jsonl" in file.suffixes
            return pd.read_json(file, lines=lines, dtype=False, convert_dates=False)
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"suite.prompts: {str(file)!r} cannot be read: {str(error).splitlines()[0]}") from error
    raise UserError(f"suite.prompts: {str(file)!r} is of no known kind: {', '.join(READERS)}, or .gz of them.")


def _place(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
