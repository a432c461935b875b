"""Ranges: what is searched, what is legal, and what is said of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from benchmark.core.errors import UserError
from benchmark.core.hyperparameters import choice, hyperparameter, log_uniform, non_negative, uniform
from benchmark.core.plugins import Plugin, Registry, fingerprint
from benchmark.core.seeds import derive_seed


@dataclass(frozen=True)
class Example(Plugin):
    """For these tests."""

    registry: ClassVar = Registry("example", "methods")
    name = "example"

    rate: float = hyperparameter(0.1, log_uniform(0.01, 1.0))
    share: float = hyperparameter(0.5, uniform(0.0, 1.0))
    radius: float = hyperparameter(1.0, non_negative(0.1, 10.0))
    kind: str = hyperparameter("a", choice("a", "b"))
    count: int = hyperparameter(3)
    limit: float | None = hyperparameter(None)
    flag: bool = hyperparameter(False)


def test_text_becomes_the_type_of_the_field():
    made = Example.make(rate="0.3", count="4", limit="2.5", flag="true")
    assert (made.rate, made.count, made.limit, made.flag) == (0.3, 4, 2.5, True)
    assert Example.make(limit="none").limit is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 0}, "rate must be a finite number > 0, got 0"),
        ({"rate": float("nan")}, "rate must be a finite number > 0, got nan"),
        ({"rate": "inf"}, "rate must be a finite number > 0, got 'inf'"),
        ({"rate": "1e400"}, "rate must be a finite number > 0, got '1e400'"),
        ({"share": "-inf"}, "share must be a number >= 0 and <= 1, got '-inf'"),
        ({"limit": "inf"}, "limit must be a finite number, got 'inf'"),
        ({"count": "inf"}, "count must be of type int, got 'inf'"),
        ({"share": 1.1}, "share must be a number >= 0 and <= 1, got 1.1"),
        ({"radius": -1}, "radius must be a finite number >= 0"),
        ({"kind": "c"}, "kind must be one of 'a', 'b', got 'c'"),
        ({"count": 2.5}, "count must be of type int, got 2.5"),
        ({"flag": "perhaps"}, "flag must be of type bool"),
        ({"rat": 1}, "Did you mean 'rate'"),
    ],
)
def test_what_is_not_legal_is_answered_with_what_is(arguments, message):
    with pytest.raises(UserError, match=message):
        Example.make(**arguments)


def test_a_value_outside_the_search_range_can_be_legal():
    assert Example(rate=5.0).rate == 5.0 and Example(radius=0.0).radius == 0.0


@pytest.mark.parametrize("legal", [log_uniform(0.01, 1.0), uniform(0.0, 1.0), non_negative(0.1, 10.0)])
def test_samples_lie_in_the_search_range(legal):
    drawn = [legal.sample(np.random.default_rng(seed)) for seed in range(200)]
    assert min(drawn) >= legal.low and max(drawn) <= legal.high and len(set(drawn)) == 200


def test_a_log_uniform_sample_has_its_median_at_the_geometric_mean():
    rng = np.random.default_rng(0)
    assert np.median([log_uniform(0.01, 1.0).sample(rng) for _ in range(4000)]) == pytest.approx(0.1, rel=0.15)


def test_seeds_depend_on_their_names_alone():
    assert derive_seed("labels", 3) == derive_seed("labels", 3) != derive_seed("labels", 4)
    assert derive_seed("a", "b") != derive_seed("ab")


def test_the_fingerprint_of_a_method_follows_its_code_and_not_its_words(tmp_path):
    from benchmark.core.code import code_of

    def code(text: str) -> str:
        (tmp_path / "file.py").write_text(text)
        return code_of(tmp_path / "file.py")

    plain = code("def f(x):\n    return x + 1\n")
    assert code('"""Words."""\ndef f(x):\n    """More."""\n    # and more\n    return (x + 1)\n') == plain
    assert code("def f(x):\n    return x - 1\n") != plain


def test_the_fingerprint_leaves_out_what_the_measurement_alone_calls(tmp_path):
    from benchmark.core.code import code_of

    def code(methods: str) -> str:
        (tmp_path / "file.py").write_text(f"class A:\n    x = 1\n{methods}")
        return code_of(tmp_path / "file.py")

    assert code("    def validation_grid(self):\n        return []\n") == code("")
    assert code("    def evaluation_grid(self):\n        return []\n") != code("")


def test_the_fingerprint_covers_what_a_method_inherits():
    from methods.dpo import DPO
    from methods.kldpo import KLDPO

    assert fingerprint(DPO) != fingerprint(KLDPO)
