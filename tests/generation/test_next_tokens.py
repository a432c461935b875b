"""Inverting the distribution function, by numbers that a reader can follow."""

from __future__ import annotations

import torch

from benchmark.generation.base import Sampling
from benchmark.generation.sampling import next_tokens, uniforms

LOGITS = torch.tensor([0.2, 0.5, 0.0, 0.3]).log()  # cumulative mass: .2, .7, .7, 1


def drawn(uniform: list[float], **settings: float) -> list[int]:
    """Tokens at given uniform numbers."""
    rows = LOGITS.expand(len(uniform), -1)
    return next_tokens(rows, torch.tensor(uniform, dtype=torch.float64), Sampling(1, **settings)).tolist()  # type: ignore[arg-type]


def test_inversion() -> None:
    """Below .2 token 0, then 1 up to .7, never the impossible 2, then 3."""
    assert drawn([0.0, 0.19, 0.21, 0.69, 0.71, 1 - 2**-53]) == [0, 0, 1, 1, 3, 3]


def test_temperature() -> None:
    """At temperature 1/2 masses are squared: .04, .25, .09 of .38, so cumulative .105, .763, 1; at 0 it is greedy."""
    assert drawn([0.10, 0.11, 0.76, 0.77], temperature=0.5) == [0, 1, 1, 3]
    assert drawn([0.0, 0.99], temperature=0) == [1, 1]


def test_top_p_keeps_the_smallest_set() -> None:
    """.5 alone for p up to .5; .5 and .3 for p up to .8, renormalised to .625 and .375."""
    assert set(drawn([0.0, 0.5, 0.99], top_p=0.49)) == {1}
    assert drawn([0.0, 0.62, 0.63, 0.99], top_p=0.79) == [1, 1, 3, 3]


def test_top_k() -> None:
    """The two best: .5 and .3."""
    assert drawn([0.0, 0.62, 0.63, 0.99], top_k=2) == [1, 1, 3, 3]


def test_uniforms_extend() -> None:
    """More rows leave the first ones as they were; the seed decides."""
    few, many = uniforms(3, Sampling(5, seed=1)), uniforms(8, Sampling(5, seed=1))
    assert torch.equal(few, many[:3])
    assert not torch.equal(few, uniforms(3, Sampling(5, seed=2)))
