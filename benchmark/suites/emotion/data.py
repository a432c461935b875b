"""The Emotion texts (Saravia et al. 2018), from a folder of `text;label` files or from the Hugging Face hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.core.data import Floats
from benchmark.core.errors import UserError, nearest
from benchmark.core.hub import dataset_source
from benchmark.suites.base import Split

HUB_ID, HUB_CONFIG = "dair-ai/emotion", "split"
HUB_REVISION = "cab853a1dbdf4c42c2b3ef2173804746df8825fe"
OBJECTIVES = ("sadness", "joy", "love", "anger", "fear")
DROPPED = "surprise"  # the sixth label is left out, as in arXiv:2502.01930
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_LABELS = (*OBJECTIVES, DROPPED)


@dataclass(frozen=True)
class Texts:
    """Texts with labels: `labels[i, j]` is 1 where text i expresses objective j, else 0; shape [texts, objectives]."""

    texts: list[str]
    labels: Floats

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Iterable[int]) -> Texts:
        """The texts of `rows`, in that order."""
        rows = list(rows)
        return Texts([self.texts[row] for row in rows], self.labels[rows])


def check_folder(folder: Path) -> None:
    """Raise a UserError where `folder` does not hold the three files."""
    if not folder.is_dir():
        raise UserError(f"suite.data_dir: {str(folder)!r} is not a folder. {_EXPECTED}")
    missing = [f"{split}.txt" for split in SPLITS if not (folder / f"{split}.txt").is_file()]
    if missing:
        folders = [name for name in missing if (folder / name).is_dir()]
        which = f" ({', '.join(folders)} is a folder)" if folders else ""
        raise UserError(f"suite.data_dir: {str(folder)!r} lacks {', '.join(missing)}{which}. {_EXPECTED}")


_EXPECTED = "It must hold train.txt, validation.txt and test.txt, each with lines of text;label."


def folder_fingerprint(folder: Path) -> str:
    """A hash of the three files' content, wherever they lie.

    Raises:
        UserError: the folder or a file is missing.
    """
    check_folder(folder)
    digest = hashlib.sha256()
    for split in SPLITS:
        digest.update(hashlib.sha256((folder / f"{split}.txt").read_bytes()).digest())
    return digest.hexdigest()


def read_folder(folder: Path, split: Split) -> Texts:
    """The texts of one file of `folder`.

    Raises:
        UserError: a file is missing, not UTF-8, holds a malformed line or unknown label, or has no usable text.
    """
    check_folder(folder)
    path = folder / f"{split}.txt"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: {error}.") from None
    rows = [_parse(line, path, number) for number, line in enumerate(lines, start=1) if line.strip()]
    return _texts(rows, str(path))


def read_hub(revision: str, split: Split) -> Texts:
    """The texts of one split from the hub, downloaded once.

    Raises:
        UserError: the hub cannot be reached, or does not have the data set at that revision.
    """
    import datasets

    try:
        rows = datasets.load_dataset(name=HUB_CONFIG, split=split, **dataset_source(HUB_ID, revision))
    except Exception as error:  # the library raises a dozen unrelated types for "no network" and "not there"
        raise UserError(
            f"the data set {HUB_ID} (revision {revision!r}) cannot be loaded from the Hugging Face hub: "
            f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}\n"
            f"Without the hub, name a folder that holds the texts: --set suite.data_dir=FOLDER. {_EXPECTED}"
        ) from error
    names = rows.features["label"].names
    return _texts([(row["text"], names[row["label"]]) for row in rows], f"{HUB_ID}, split {split!r}")


def _parse(line: str, path: Path, number: int) -> tuple[str, str]:
    """Text and label of one line; the label stands after the last semicolon."""
    text, semicolon, label = (part.strip() for part in line.rpartition(";"))
    if not (semicolon and text and label):
        raise UserError(f"{path}, line {number}: expected text;label, got {_shortened(line)!r}.")
    if label not in _LABELS:
        close = nearest(label, _LABELS)
        hint = f" Did you mean {close!r}?" if close else ""
        raise UserError(
            f"{path}, line {number}: unknown label {label!r} in {_shortened(line)!r}.{hint} "
            f"Allowed: {', '.join(_LABELS)}."
        )
    return text, label


def _shortened(line: str, width: int = 80) -> str:
    return line if len(line) <= width else line[: width // 2] + " ... " + line[-width // 2 :]


def _texts(rows: list[tuple[str, str]], source: str) -> Texts:
    kept = [(text, OBJECTIVES.index(label)) for text, label in rows if label != DROPPED]
    if not kept:
        raise UserError(f"{source} holds no text with one of the labels {', '.join(OBJECTIVES)}.")
    labels: Floats = np.eye(len(OBJECTIVES))[[column for _, column in kept]]
    return Texts([text for text, _ in kept], labels)
