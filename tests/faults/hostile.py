"""Configurations and result folders that nobody means, drawn by hypothesis; each is answered in one message or works.

PREFSHIFT_EXAMPLES=10000 python -m pytest tests/faults/test_hostile.py     # in the suite: 500 over all tests
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from benchmark.core.checksums import sealed, unsealed

EXAMPLES = int(os.environ.get("PREFSHIFT_EXAMPLES", "500"))
LONGEST_MESSAGE = 4100  # characters; what was given is echoed in part
LONG = 5000
KEYS = [
    "seeds", "methods", "train_shifts", "eval_shifts", "labels.kind", "labels.sharpness", "sampling.temperature",
    "sampling.samples", "training.learning_rate", "training.batch_size", "training.micro_batch_size", "training.epochs",
    "training.clip", "execution.stage_limit", "execution", "numerics", "suite", "suite.policy_width", "suite.width",
    "suite.test_prompts", "suite.epochs", "suite.points", "policy_seeds", "extra", "suite_name", "preset", "training",
]  # fmt: skip
TABLES = ("cells.parquet", "samples.parquet", "results.parquet", "pair_rewards.parquet", "curves.parquet")


def share(of_all: float) -> Any:
    """Settings of a test that takes its share of all examples; slow examples are no fault."""
    return settings(
        max_examples=max(1, round(EXAMPLES * of_all)),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


numbers = st.one_of(
    st.integers(),
    st.integers(min_value=10**15),
    st.floats(),
    st.sampled_from([float("inf"), float("-inf"), float("nan"), 1e308, -0.0, 10**400, 2**63, 0, -1]),
)
words = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="[]{}(),=:'\"\\\x00\x1b\n\r\t%&*!|>#@` -", max_size=20),
    st.sampled_from(["a" * LONG, "é" * LONG, "../" * 1000, "\ud800", "null", "~", "yes", "dpo", "dpo(beta=1e400)"]),
)
grids = st.builds("alpha_mixture(a=joy,b=sadness,alpha={}:{}:{})".format, numbers, numbers, st.one_of(numbers, words))
calls = st.one_of(
    words,
    grids,
    st.builds(
        "{}({}={})".format, st.sampled_from(["dpo", "kldpo", "alpha_mixture", "x"]), words, st.one_of(numbers, words)
    ),
    st.sampled_from(["alpha_mixture(a=joy,b=sadness,alpha=0:1:1e-7)", "dpo(" * 500, "reward_blend(weights=joy:inf)"]),
)
scalars = st.one_of(numbers, words, calls, st.booleans(), st.none(), st.dates(), st.binary(max_size=20))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.sampled_from(KEYS), words, st.integers(), st.none(), st.floats()), inner, max_size=4
        ),
    ),
    max_leaves=12,
)
options = st.lists(
    st.one_of(
        st.tuples(st.just("--set"), st.builds("{}={}".format, st.one_of(st.sampled_from(KEYS), words), scalars)),
        st.tuples(st.sampled_from(["--methods", "--train-shifts", "--eval-shifts", "--preset", "--suite"]), calls),
        st.tuples(st.sampled_from(["--out", "--store", "--config", "--plugin", "--seeds", "--backend"]), words),
    ),
    max_size=3,
).map(lambda pairs: [f"{name}={value}" for name, value in pairs])
damages = st.tuples(
    st.sampled_from(["flip", "cut", "append", "empty", "remove", "noise"]),
    st.floats(min_value=0, max_value=1, exclude_max=True),
    st.integers(min_value=0, max_value=7),
    st.binary(min_size=1, max_size=30),
)


def damage(file: Path, how: str, place: float, bit: int, noise: bytes) -> bool:
    """Do harm to a file; whether it is another than it was."""
    before = file.read_bytes()
    after = bytearray(before)
    position = int(place * len(before))
    if how == "flip":
        after[position] ^= 1 << bit
    elif how == "cut":
        del after[position:]
    elif how == "append":
        after += noise
    elif how == "noise":
        after[position : position + len(noise)] = noise
    elif how == "empty":
        after.clear()
    file.write_bytes(after)
    if how == "remove":
        file.unlink()
    return how == "remove" or bytes(after) != before


def change_record(folder: Path, key: str | None, value: Any) -> None:
    """Put another value into environment.json, or take a key out, in a folder that has no checksums."""
    record = json.loads((folder / "environment.json").read_text())
    record.pop(key, None)
    if value is not Ellipsis:
        record[key] = value
    (folder / "environment.json").write_text(json.dumps(record, default=str))


def seal(folder: Path) -> None:
    """Give a run folder of the tests the checksums that a run would have written."""
    from benchmark.core.checksums import FILES, manifest

    record = unsealed((folder / "environment.json").read_text())
    assert record is not None
    made = {name: told for name, told in manifest(folder).items() if name in TABLES}
    (folder / "environment.json").write_text(sealed({**record, FILES: made}))
