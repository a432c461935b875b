"""The language gate of the suite, as far as it is a rule on text alone, fixed before any policy was looked at.

The limits are those that at least 99% of the held-out human texts of the Emotion data meet.
"""

from __future__ import annotations

from benchmark.scoring.words import split_words

LEAST_WORDS = 3
LONGEST_UNIT = 6  # words of a repeated phrase that is looked for
MOST_REPEATS = 2  # a phrase may stand twice in a row ("very very"), not three times


def passes(prompt: str, completion: str) -> bool:
    """Whether the completion says something and the whole text is neither a stub nor stuck in a loop."""
    words = split_words(prompt + completion)
    return bool(completion.strip()) and len(words) >= LEAST_WORDS and longest_run(words) <= MOST_REPEATS


def longest_run(words: list[str]) -> int:
    """The most times that any phrase of one to six words stands in immediate repetition; 0 for no words.

    `a b a b a b` repeats `a b` three times; a part of a repetition at its end does not count.
    """
    if not words:
        return 0
    return max(_longest_run_of(words, size) for size in range(1, LONGEST_UNIT + 1))


def _longest_run_of(words: list[str], size: int) -> int:
    """The same for phrases of `size` words; a stretch of `m` words that equal the word `size` earlier repeats a
    phrase `1 + m // size` times."""
    longest = stretch = 0
    for word, earlier in zip(words[size:], words, strict=False):
        stretch = stretch + 1 if word == earlier else 0
        longest = max(longest, stretch)
    return 1 + longest // size
