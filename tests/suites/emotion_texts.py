"""A small made-up folder of texts: one word tells the emotion."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.suites.emotion.data import OBJECTIVES

WORDS = {"sadness": "gloomy", "joy": "merry", "love": "tender", "anger": "furious", "fear": "afraid"}


def write_texts(folder: Path) -> Path:
    """250 / 60 / 60 texts such as `i feel merry about the old house today;joy`."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 250), ("validation", 60), ("test", 60)):
        lines = []
        for _ in range(count):
            label = str(generator.choice(OBJECTIVES))
            start, thing, end = (
                str(generator.choice(options))
                for options in (
                    ["i feel", "we were so", "today i am"],
                    ["the old house", "my dog", "this long day"],
                    ["", " again"],
                )
            )
            lines.append(f"{start} {WORDS[label]} about {thing}{end};{label}")
        (folder / f"{split}.txt").write_text("\n".join(lines))
    return folder
