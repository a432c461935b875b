"""Words of a text, and a vocabulary of them: the tokens of the convolutional reward model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

PAD, UNKNOWN = 0, 1
FIRST_WORD = 2  # ids below are reserved
_WORD = re.compile(r"\w+|[^\w\s]")


def split_words(text: str) -> list[str]:
    """Lower-cased words and single punctuation marks, in order; a text without any is one unknown word, `""`."""
    return _WORD.findall(text.lower()) or [""]


class Vocabulary:
    """Words by id. Ids 0 and 1 are padding and the unknown word."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._ids = {word: FIRST_WORD + row for row, word in enumerate(self.words)}

    def __len__(self) -> int:
        return FIRST_WORD + len(self.words)

    @classmethod
    def of(cls, texts: Iterable[str], least_count: int = 2) -> Vocabulary:
        """The words that occur at least `least_count` times in `texts`, in alphabetical order."""
        counts = Counter(word for text in texts for word in split_words(text))
        return cls(sorted(word for word, count in counts.items() if word and count >= least_count))

    def encode(self, text: str) -> list[int]:
        """The id of every word of `text`; never empty."""
        return [self._ids.get(word, UNKNOWN) for word in split_words(text)]
