"""The rules on text, by hand and on held-out human texts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmark.suites.emotion.data import read_folder
from benchmark.suites.emotion.quality import longest_run, passes


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("", 0),
        ("a", 1),
        ("a b c", 1),
        ("a a", 2),
        ("x a a a y", 3),
        ("a b a b", 2),
        ("a b a b a", 2),
        ("a b a b a b", 3),
        ("b a a b a a b", 2),
        ("a b c d e f a b c d e f", 2),
        ("a b c d e f g a b c d e f g", 1),
        ("a b c a b c a b c a b c d", 4),
    ],
)
def test_longest_run(text, times):
    assert longest_run(text.split()) == times


@pytest.mark.parametrize(
    ("prompt", "completion", "passed"),
    [
        ("i feel so", " happy today", True),
        ("i feel very", " very happy", True),
        ("i feel very", " very very happy", False),  # the loop may begin in the prompt
        ("i feel that", " i feel that i feel that", False),
        ("i feel so happy", "", False),
        ("i feel so happy", "  ", False),
        ("i", " do", False),
        ("i", " do not", True),
    ],
)
def test_passes(prompt, completion, passed):
    assert passes(prompt, completion) is passed


def test_human_texts_pass():
    folder = os.environ.get("PREFSHIFT_EMOTION_DIR")
    if not folder:
        pytest.skip("PREFSHIFT_EMOTION_DIR does not name a folder with the Emotion texts")
    for split in ("validation", "test"):
        texts = read_folder(Path(folder), split).texts
        assert sum(passes("", text) for text in texts) >= 0.99 * len(texts)
