"""One tiny world for all contract tests, and plug-ins that leave no trace."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmark.contract.lab import Lab
from methods import Method
from shifts import Shift

ROOT = Path(__file__).resolve().parents[2]
WRONG = Path(__file__).parent / "wrong_methods"


@pytest.fixture(scope="module")
def make_lab():
    """What a subject takes: a function that returns the world, the same for a whole file of tests."""
    lab = Lab()
    yield lambda: lab
    lab.close()


@pytest.fixture
def forgotten():
    """Methods, shifts and plug-in files that a test registers are forgotten after it."""
    with _forgetting():
        yield


@pytest.fixture(scope="module")
def forgotten_module():
    """The same after a whole file of tests."""
    with _forgetting():
        yield


@contextmanager
def _forgetting():
    before = {registry: {cls.name for cls in registry.all()} for registry in (Method.registry, Shift.registry)}
    modules = set(sys.modules)
    yield
    for registry, names in before.items():
        for name in set(registry._classes) - names:
            del registry._classes[name]
    for name in set(sys.modules) - modules:
        if name.startswith("prefshift_plugin_"):
            del sys.modules[name]
