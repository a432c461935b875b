"""Which labels train and which judge: by prompt, so that no prompt is in two splits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from benchmark.core.errors import UserError
from benchmark.suites.preferences.judgements import Judgement
from benchmark.suites.preferences.split_names import SPLITS, Split, given

DUPLICATE, UNNAMED = "a prompt that a later split has too", "a split other than train, validation, test"


def split_labels(
    found: Sequence[Judgement], validation_share: float, test_share: float
) -> tuple[dict[Split, list[Judgement]], dict[str, int]]:
    """The labels by split, and why some are in none, with their numbers.

    Splits of the file are kept. What it lacks is cut from training, whole dialogues at a time, by a hash of their
    opening; a file without splits is all training. What stands in two splits stays in the later one alone.

    Args:
        found: the labels.
        validation_share: of the openings in training, where the file has no validation split.
        test_share: likewise.

    Raises:
        UserError: a split is empty.
    """
    by_split: dict[Split, list[Judgement]] = {split: [] for split in SPLITS}
    named = [given(judgement.split) for judgement in found]
    lacking = {split for split in SPLITS[1:] if split not in named}
    left_out = {DUPLICATE: 0, UNNAMED: 0}
    for judgement, name in zip(found, named, strict=True):
        if name is None and any(named):
            left_out[UNNAMED] += 1
            continue
        cut = name in (None, "train")
        by_split[_cut(judgement, validation_share, test_share, lacking) if cut else name or "train"].append(judgement)
    seen: set[str] = set()
    for split in reversed(SPLITS):
        kept = [judgement for judgement in by_split[split] if plain(judgement.opening) not in seen]
        left_out[DUPLICATE] += len(by_split[split]) - len(kept)
        by_split[split] = kept
        seen |= {plain(judgement.opening) for judgement in kept}
    for split, labels in by_split.items():
        if not labels:
            raise UserError(f"the {split} split has no pair; the data is too small.")
    return by_split, {reason: count for reason, count in left_out.items() if count}


def position(text: str) -> float:
    """A number in [0, 1) that depends on the text alone, spaces apart."""
    return int.from_bytes(hashlib.sha256(plain(text).encode()).digest()[:6], "big") / 2**48


def plain(text: str) -> str:
    """The text with single spaces."""
    return " ".join(text.split())


def _cut(judgement: Judgement, validation_share: float, test_share: float, lacking: set[Split]) -> Split:
    place = position(judgement.opening)
    if "test" in lacking and place >= 1 - test_share:
        return "test"
    if "validation" in lacking and 1 - test_share - validation_share <= place < 1 - test_share:
        return "validation"
    return "train"
