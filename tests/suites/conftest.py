"""Texts for the suite `emotion`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suites.emotion_texts import write_texts


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 250 / 60 / 60 texts, not to be changed."""
    return write_texts(tmp_path_factory.mktemp("emotion"))
