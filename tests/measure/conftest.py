"""One synthetic run, written once for the tests that only read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.measure.build import build_report
from benchmark.report import Arena
from tests.synthetic import write_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 seeds, 120 prompts, every method of the synthetic world."""
    return write_run(tmp_path_factory.mktemp("measure") / "run", prompts=120)


@pytest.fixture(scope="session")
def arena(run: Path) -> Arena:
    """What is reported of it."""
    (arena,) = build_report([run], replicates=300).arenas
    return arena
