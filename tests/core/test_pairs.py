"""Pairs come back from disk as they were, with what only some shifts give them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.core.data import Pairs
from benchmark.training.batch import ReferenceLogps, per_pair_columns

TOKENS = [[3, 4], [5]]


@pytest.mark.parametrize("groups", [None, np.array([1, 0])], ids=["alike", "grouped"])
@pytest.mark.parametrize("times", [None, np.array([0.25, 1.0])], ids=["timeless", "timed"])
def test_groups_and_times_travel_with_the_pairs_that_have_them(groups, times, tmp_path: Path):
    Pairs(TOKENS, TOKENS, TOKENS[::-1], np.array([0.5, -0.1]), groups, times).save(tmp_path / "pairs.parquet")
    found = Pairs.load(tmp_path / "pairs.parquet")
    assert (found.chosen, found.rejected, found.margins.tolist()) == (TOKENS, TOKENS[::-1], [0.5, -0.1])
    columns = per_pair_columns(found, ReferenceLogps(np.zeros(2), np.zeros(2)))
    for name, given in (("groups", groups), ("times", times)):
        kept = getattr(found, name)
        assert (kept is None and name not in columns) if given is None else kept.tolist() == given.tolist()
        assert given is None or columns[name].tolist() == given.tolist()
